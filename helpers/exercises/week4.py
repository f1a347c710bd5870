"""Week 4, GANs: the checks of labs 09 to 12."""

from helpers.exercises import lab09, lab10, lab11, lab12
from helpers.exercises.lab09 import both_losses as both_losses
from helpers.exercises.lab09 import check_best_discriminator as check_best_discriminator
from helpers.exercises.lab09 import check_losses as check_losses
from helpers.exercises.lab09 import share_of_real as share_of_real
from helpers.exercises.lab10 import check_frechet as check_frechet
from helpers.exercises.lab10 import check_slerp as check_slerp
from helpers.exercises.lab11 import check_hinge as check_hinge
from helpers.exercises.lab11 import check_penalty as check_penalty
from helpers.exercises.lab11 import hinge_losses as hinge_losses
from helpers.exercises.lab11 import penalty_between as penalty_between
from helpers.exercises.lab12 import check_replay as check_replay
from helpers.exercises.lab12 import check_stddev as check_stddev
from helpers.exercises.lab12 import swap_old as swap_old

EXERCISES = (*lab09.EXERCISES, *lab10.EXERCISES, *lab11.EXERCISES, *lab12.EXERCISES)
