"""Week 1, style transfer: the checks of labs 01 and 02."""

from helpers.exercises import lab01, lab02
from helpers.exercises.lab01 import check_gram as check_gram
from helpers.exercises.lab01 import check_total_variation as check_total_variation
from helpers.exercises.lab02 import check_adain as check_adain
from helpers.exercises.lab02 import check_mix as check_mix

EXERCISES = (*lab01.EXERCISES, *lab02.EXERCISES)
