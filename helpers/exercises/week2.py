"""Week 2, autoencoders: the checks of labs 03 to 06."""

from helpers.exercises import lab03
from helpers.exercises.lab03 import check_angle as check_angle
from helpers.exercises.lab03 import check_decoder as check_decoder

EXERCISES = (*lab03.EXERCISES,)
