"""Week 4, GANs: what a learner writes in labs 09 to 12, checked."""

from helpers.exercises.checks import Exercise

EXERCISES: tuple[Exercise, ...] = ()
