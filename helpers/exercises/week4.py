"""Week 4, GANs: the checks of labs 09 to 12."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
