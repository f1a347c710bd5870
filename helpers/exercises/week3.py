"""Week 3, variational autoencoders: what a learner writes in labs 07 and 08, checked."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
