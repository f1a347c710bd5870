"""Lab 09: how fast the stepper answers, and how fast it plays.

The networks and rates are read from the lab's notebook. Nothing course-shaped stands beside: the
course's lab has no stepper.
"""

import time
from pathlib import Path

import nbformat
import numpy as np
from report import as_rows

from helpers import widgets

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "09_first_gan.ipynb"
STARTS = ("import math", "def networks(", "ring = toys.ring()")
ANSWERS, STEPS = 100, 3000


def lab_gan():
    """`point_gan` as the lab's notebook writes it."""
    space = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code" and cell.source.startswith(STARTS):
            exec(cell.source, space)
    return space["point_gan"]


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
    stepper = widgets.GanStepper(lab_gan())
    found = [
        ("stepper answer, 95th percentile", None, answer_milliseconds(stepper), "ms"),
        ("stepper while it plays", None, steps_per_second(stepper), "steps/s"),
    ]
    return as_rows("09", found)
