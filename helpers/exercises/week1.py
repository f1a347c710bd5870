"""Week 1, style transfer: the checks of labs 01 and 02."""

from helpers.exercises import lab01
from helpers.exercises.lab01 import check_gram as check_gram
from helpers.exercises.lab01 import check_total_variation as check_total_variation

EXERCISES = (*lab01.EXERCISES,)
