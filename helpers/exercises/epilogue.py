"""After the course: the checks of lab 13."""

from helpers.exercises import lab13
from helpers.exercises.lab13 import check_curve as check_curve
from helpers.exercises.lab13 import check_heun as check_heun
from helpers.exercises.lab13 import curved_line as curved_line
from helpers.exercises.lab13 import heun_step as heun_step

EXERCISES = lab13.EXERCISES
