"""Week 3, variational autoencoders: the checks of labs 07 and 08."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
