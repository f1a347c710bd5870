"""Lab 09: how fast the stepper answers, and how fast it plays.

The networks and rates are read from the lab's notebook. Nothing course-shaped stands beside: the
course's lab has no stepper.
"""

import time

import numpy as np
from lab_notebook import defined_in
from report import as_rows

from helpers import widgets

STARTS = ("import math", "def networks(", "ring = toys.ring()")
ANSWERS, STEPS = 100, 3000


def answer_milliseconds(stepper) -> float:
    """95th percentile of the time from a step of either player to the new picture."""
    milliseconds = []
    for number in range(ANSWERS):
        start = time.perf_counter()
        (stepper.step_discriminator if number % 2 else stepper.step_generator)()
        milliseconds.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(milliseconds, 0.95))


def steps_per_second(stepper) -> float:
    """Steps of both players a second while it plays and draws."""
    stepper.reset()
    start = time.perf_counter()
    stepper.play(steps=STEPS)
    stepper.join()
    return STEPS / (time.perf_counter() - start)


def rows() -> list[dict]:
    """Measure both."""
    stepper = widgets.GanStepper(defined_in("09_first_gan.ipynb", STARTS)["point_gan"])
    measured = [
        ("stepper answer, 95th percentile", None, answer_milliseconds(stepper), "ms"),
        ("stepper while it plays", None, steps_per_second(stepper), "steps/s"),
    ]
    return as_rows("09", measured)
