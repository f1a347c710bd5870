"""Week 2, autoencoders: the checks of labs 03 to 06."""

from helpers.exercises import lab03, lab04, lab05, lab06
from helpers.exercises.lab03 import check_angle as check_angle
from helpers.exercises.lab03 import check_decoder as check_decoder
from helpers.exercises.lab04 import check_neighbours as check_neighbours
from helpers.exercises.lab04 import check_top_k as check_top_k
from helpers.exercises.lab05 import check_area as check_area
from helpers.exercises.lab05 import check_transposed as check_transposed
from helpers.exercises.lab06 import check_langevin as check_langevin
from helpers.exercises.lab06 import check_psnr as check_psnr

EXERCISES = (*lab03.EXERCISES, *lab04.EXERCISES, *lab05.EXERCISES, *lab06.EXERCISES)
