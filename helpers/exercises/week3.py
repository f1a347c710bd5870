"""Week 3, variational autoencoders: the checks of labs 07 and 08."""

from helpers.exercises import lab07, lab08
from helpers.exercises.lab07 import check_iwae as check_iwae
from helpers.exercises.lab07 import check_kl as check_kl
from helpers.exercises.lab07 import kl_to_prior as kl_to_prior
from helpers.exercises.lab07 import log_mean_exp as log_mean_exp
from helpers.exercises.lab08 import check_arrow as check_arrow
from helpers.exercises.lab08 import check_gaussian as check_gaussian

EXERCISES = (*lab07.EXERCISES, *lab08.EXERCISES)
