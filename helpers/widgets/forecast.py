"""How long will a painting of some size take on this machine, and does its memory hold it?

Both grow with the pixels. Seconds are first a rough figure, VGG19's multiply-adds by the speed of
one convolution here; once somebody asks for a size, they are measured by a short run of two small
sizes, whose line goes on to the large ones. Bytes were measured once, of processes that painted up
to 1,024 pixels a side.
"""

import functools
import time
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from helpers import style
from helpers.data import limits

LARGEST = 1024  # pixels of the longer side
OPTIMISING, ONE_PASS = 4_800, 1_100  # bytes a pixel
MEASURED = (96, 192)  # shorter sides of the short run
MULTIPLY_ADDS = 278_208  # a pixel, of VGG19's convolutions up to the content layer
TIMES_FORWARD = 5  # what a step costs, in passes through those: both ways, and all between them
STEP_SECONDS = 0.02  # of a step, whatever the size
Line: TypeAlias = tuple[float, float]  # seconds of any picture, and seconds more a pixel


class Pace(NamedTuple):
    """What a round of an optimisation takes: until its first step is done, and for each other."""

    first: Line
    step: Line


def shape_of(picture: np.ndarray, size: int) -> tuple[int, int]:
    """Height and width of the result: `size` is its shorter side, `LARGEST` its longer at most."""
    height, width = picture.shape[:2]
    short, long = sorted((height, width))
    side = max(style.SMALLEST, min(size, LARGEST * short // long))
    return round(height * side / short), round(width * side / short)


def check_memory(shape: tuple[int, int], bytes_a_pixel: int) -> None:
    """Refuse a picture whose painting would not fit into memory.

    Raises:
        ValueError: how much it takes, how much is free, and what to do.
    """
    needed, free = shape[0] * shape[1] * bytes_a_pixel, limits.free_bytes()
    if needed > free:
        said = f"{shape[1]} × {shape[0]} pixels take {needed / 1e9:.1f} GB of memory"
        raise ValueError(f"{said}, {free / 1e9:.1f} GB are free: choose a smaller size.")


@functools.cache
def pace() -> Pace:
    """The pace of this machine, by some seconds of painting noise; asked once per kernel."""
    noise = np.random.default_rng(0).random((max(MEASURED),) * 2 + (3,)).astype("float32")
    transfer = style.StyleTransfer(noise, [noise])
    _round(transfer, MEASURED[0] // 2)  # TensorFlow compiles for the first two shapes it sees
    rounds = np.array([_round(transfer, side) for side in (MEASURED[0], *MEASURED)][1:])
    return Pace(_line(rounds[:, 0]), _line(rounds[:, 1]))


def _round(transfer: style.StyleTransfer, side: int) -> tuple[float, float]:
    """Seconds until the first of four steps is done, and of each other step."""
    seconds: list[float] = []
    transfer.run((side,), (4,), on_frame=lambda frame: seconds.append(frame.seconds))
    return seconds[0], float(np.mean(np.diff(seconds)))


def _line(seconds: np.ndarray) -> Line:
    """The line through the seconds of the two measured sizes; neither part of it is below 0."""
    small, large = (side**2 for side in MEASURED)
    slope = max(0.0, (seconds[1] - seconds[0]) / (large - small))
    return max(0.0, seconds[1] - slope * large), slope


@functools.cache
def speed() -> float:
    """Multiply-adds a second of this machine, by the fastest of four convolutions of VGG19."""
    picture, kernel = tf.ones((1, 96, 96, 64)), tf.ones((3, 3, 64, 64))
    seconds = []
    for _ in range(4):
        begin = time.perf_counter()
        tf.nn.conv2d(picture, kernel, 1, "SAME").numpy()
        seconds.append(time.perf_counter() - begin)
    return 96**2 * kernel.numpy().size / min(seconds)


def _rounds(shape: tuple[int, int], steps: int) -> list[tuple[float, int]]:
    """Pixels and steps of three rounds: a quarter, a half and the whole of a shape."""
    pixels = shape[0] * shape[1]
    return [(pixels / 16, 4 * steps), (pixels / 4, 2 * steps), (pixels, steps)]


def roughly(shape: tuple[int, int], steps: int) -> float:
    """Seconds of three rounds, the last of `steps`, before anything was painted here."""
    total = 0.0
    for pixels, count in _rounds(shape, steps):
        total += count * (STEP_SECONDS + TIMES_FORWARD * MULTIPLY_ADDS * pixels / speed())
    return total


def optimising(shape: tuple[int, int], steps: int) -> float:
    """Seconds of three rounds, the last of `steps`, at the pace of this machine."""
    total, measured = 0.0, pace()
    for pixels, count in _rounds(shape, steps):
        first, step = (fixed + slope * pixels for fixed, slope in measured)
        total += first + (count - 1) * step
    return total


def in_one_pass(transfer: style.FastTransfer, picture: np.ndarray, shape: tuple[int, int]) -> float:
    """Seconds to encode three pictures of a shape and paint one, by a short run of a small one."""
    small = style.resize(picture, max(MEASURED))
    begin = time.perf_counter()
    features = transfer.encode(small)
    encoded = time.perf_counter()
    transfer.decode(features)
    seconds = 3 * (encoded - begin) + time.perf_counter() - encoded
    return seconds * shape[0] * shape[1] / (small.shape[0] * small.shape[1])


def in_words(seconds: float, shape: tuple[int, int], picture: np.ndarray) -> str:
    """What to say before a painting: how long, how large, and whether there is less to paint."""
    rounded = max(1, round(float(f"{seconds:.2g}")))
    said = f"about {rounded} s for {shape[1]} × {shape[0]} pixels"
    height, width = picture.shape[:2]
    return said + (f" (the photograph has {width} × {height})" if height < shape[0] else "")
