"""How long does a step take, how long a slider's answer, and which side goes first?"""

import functools
import itertools
import time

import keras
import numpy as np
from course_vae import BATCH_SIZE, CourseShaped, batches

from helpers import widgets


def in_turn(seed: int, beside, ours) -> tuple:
    """What both functions measure, with the same seed: ours goes first where the seed is odd."""
    measured = {}
    for side in (ours, beside) if seed % 2 else (beside, ours):
        keras.utils.set_random_seed(seed)
        measured[side] = side()
    return measured[beside], measured[ours]


class Clock(keras.callbacks.Callback):
    """Seconds from the end of one step of `fit` to the end of the next."""

    def __init__(self):
        super().__init__()
        self.ends, self.seconds = [], []

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())

    def on_train_end(self, logs=None):
        self.seconds.extend(np.diff(self.ends))


def fit_seconds(model: keras.Model, images) -> list[float]:
    """Seconds of the steps of one epoch of `fit`, without the first."""
    clock = Clock()
    model.fit(images, batch_size=BATCH_SIZE, verbose=0, callbacks=[clock])
    return clock.seconds


def step_seconds(images, course: CourseShaped, ours: list, seed: int, rounds=8, steps=10) -> list:
    """Median seconds of a step: course-shaped, then each of ours, all compiled.

    All take turns on the same images, a few steps each, so that all meet the machine in the same
    mood; ours go first where the seed is odd. The first round warms up and does not count.
    """
    images = images[: steps * BATCH_SIZE]
    source = batches(images, seed)

    def course_seconds() -> list[float]:
        few = itertools.islice(source, steps)
        return [seconds_of(functools.partial(course.step, x)) for x in few]

    sides = [course_seconds, *(functools.partial(fit_seconds, model, images) for model in ours)]
    measured = [[] for _ in sides]
    for number in range(rounds + 1):
        order = range(len(sides))
        for place in reversed(order) if seed % 2 else order:
            seconds = sides[place]()
            measured[place] += seconds if number else []
    return [float(np.median(seconds)) for seconds in measured]


def seconds_of(work) -> float:
    """Seconds that a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def percentile(*moves: tuple) -> float:
    """95th percentile of the milliseconds from a control's change to the new picture.

    Args:
        *moves: pairs of a control and the values that it takes one after the other.
    """
    seconds = []
    for control, values in moves:
        trait = "x" if isinstance(control, widgets.Pad) else "value"
        for value in values:
            seconds.append(seconds_of(functools.partial(setattr, control, trait, value)))
    return float(1000 * np.quantile(seconds, 0.95))
