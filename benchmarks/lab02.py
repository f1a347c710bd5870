"""Lab 02: how long one pass takes, and how fast the mixer answers."""

import numpy as np
from clocks import percentile, seconds_of

from helpers import data, style, widgets

SEEDS, REPEATS = 5, 9


def milliseconds(work) -> float:
    """Median of several runs after one to warm up."""
    taken = [1000 * seconds_of(work) for _ in range(REPEATS + 1)]
    return float(np.median(taken[1:]))


def one_pass(fast: style.FastTransfer, size: int) -> float:
    """Encode a photograph, align it with a painting that is already encoded, decode."""
    photograph, painting = data.photographs(size)["cat"], data.style_images(size)["marbling"]
    goal = fast.encode(painting)
    return milliseconds(lambda: fast.decode(fast.mix(fast.encode(photograph), [goal], [1.0])))


def mixer_answer(fast: style.FastTransfer) -> float:
    """95th percentile from a move of strength or mix to the new picture, 192 px."""
    mixer = widgets.StyleMixer(data.photographs(256), data.style_images(256), fast, size=192)
    values = np.linspace(0.02, 0.98, 25).tolist()
    return percentile((mixer.alpha, values), (mixer.mixture, values))


def passes(seed: int) -> list[tuple]:
    """Nothing of the course's shape stands beside these; a seed is a repetition."""
    fast = style.FastTransfer()
    sizes = (256, 512)
    return [(f"AdaIN, encode and decode, {s} px", None, one_pass(fast, s), "ms") for s in sizes]


def sliders(seed: int) -> list[tuple]:
    """The mixer alone."""
    milliseconds = mixer_answer(style.FastTransfer())
    return [("StyleMixer answer at 192 px, 95th percentile", None, milliseconds, "ms")]


MEASUREMENTS = (passes, sliders)
