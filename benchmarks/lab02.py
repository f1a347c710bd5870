"""Lab 02: how long one pass takes, and how fast the mixer answers."""

import time

import numpy as np

from helpers import data, style, widgets

REPEATS = 9


def milliseconds(work) -> float:
    """Median of several runs after one to warm up."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken[1:]))


def one_pass(fast: style.FastTransfer, size: int) -> float:
    """Encode a photograph, align it with a painting that is already encoded, decode."""
    photograph, painting = data.photographs(size)["cat"], data.style_images(size)["marbling"]
    goal = fast.encode(painting)
    return milliseconds(lambda: fast.decode(fast.mix(fast.encode(photograph), [goal], [1.0])))


def mixer_answer(fast: style.FastTransfer) -> float:
    """95th percentile from a move of strength or mix to the new picture, 192 px."""
    mixer = widgets.StyleMixer(data.photographs(256), data.style_images(256), fast, size=192)
    taken = []
    for control in (mixer.alpha, mixer.mixture):
        for value in np.linspace(0.02, 0.98, 25):
            start = time.perf_counter()
            control.value = float(value)
            taken.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(taken, 0.95))


def rows() -> list[dict]:
    """Measure everything; nothing of the course's shape stands beside it."""
    fast = style.FastTransfer()
    measured = [
        ("AdaIN, encode and decode, 256 px", one_pass(fast, 256)),
        ("AdaIN, encode and decode, 512 px", one_pass(fast, 512)),
        ("StyleMixer answer at 192 px, 95th percentile", mixer_answer(fast)),
    ]
    blank = {"lab": "02", "course": None, "ratio": None, "unit": "ms"}
    return [{**blank, "name": name, "ours": round(value, 1)} for name, value in measured]
