"""Week 2, autoencoders: the checks of labs 03 to 06."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
