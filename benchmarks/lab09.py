"""Lab 09: how fast the stepper answers, and how fast it plays.

The networks and rates are read from the lab's notebook. Nothing course-shaped stands beside: the
course's lab has no stepper.
"""

import numpy as np
from clocks import seconds_of
from lab_notebook import defined_in

from helpers import widgets

STARTS = ("import math", "def networks(", "ring = toys.ring()")
SEEDS, ANSWERS, STEPS = 5, 100, 3000


def answer_milliseconds(stepper) -> float:
    """95th percentile of the time from a step of either player to the new picture."""
    players = stepper.step_generator, stepper.step_discriminator
    seconds = [seconds_of(players[number % 2]) for number in range(ANSWERS)]
    return float(1000 * np.quantile(seconds, 0.95))


def steps_per_second(stepper) -> float:
    """Steps of both players a second while it plays and draws."""
    stepper.reset()

    def play() -> None:
        stepper.play(steps=STEPS)
        stepper.join()

    return STEPS / seconds_of(play)


def stepper(seed: int) -> list[tuple]:
    """Measure both."""
    game = widgets.GanStepper(defined_in("09_first_gan.ipynb", STARTS, seed)["point_gan"])
    return [
        ("stepper answer, 95th percentile", None, answer_milliseconds(game), "ms"),
        ("stepper while it plays", None, steps_per_second(game), "steps/s"),
    ]


MEASUREMENTS = (stepper,)
