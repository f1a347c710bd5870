"""How long does a step take, and how long a slider's answer?"""

import time

import keras
import numpy as np
from course_vae import BATCH_SIZE, CourseShaped, batches

from helpers import widgets


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


def step_seconds(images, course: CourseShaped, ours: list, rounds=8, steps=10) -> list[float]:
    """Median seconds of a step: course-shaped, then each of ours, all compiled.

    All take turns on the same images, a few steps each, so that all meet the machine in the same
    mood; the first round warms up and does not count.
    """
    images = images[: steps * BATCH_SIZE]
    source, course_seconds, clocks = batches(images, seed=0), [], [Clock() for _ in ours]
    measured = [course_seconds, *(clock.seconds for clock in clocks)]
    for number in range(rounds + 1):
        for _ in range(steps):
            x = next(source)
            start = time.perf_counter()
            course.step(x)
            course_seconds.append(time.perf_counter() - start)
        for model, clock in zip(ours, clocks, strict=True):
            model.fit(images, batch_size=BATCH_SIZE, verbose=0, callbacks=[clock])
        if number == 0:
            for seconds in measured:
                seconds.clear()
    return [float(np.median(seconds)) for seconds in measured]


def percentile(control, values) -> float:
    """95th percentile of the milliseconds from a change of value to the new picture."""
    trait = "x" if isinstance(control, widgets.Pad) else "value"
    milliseconds = []
    for value in values:
        start = time.perf_counter()
        setattr(control, trait, value)
        milliseconds.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(milliseconds, 0.95))
