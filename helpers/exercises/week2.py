"""Week 2, autoencoders: what a learner writes in labs 03 to 06, checked."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
