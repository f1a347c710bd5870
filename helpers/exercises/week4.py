"""Week 4, GANs: the checks of labs 09 to 12."""

from helpers.exercises import lab09
from helpers.exercises.lab09 import both_losses as both_losses
from helpers.exercises.lab09 import check_best_discriminator as check_best_discriminator
from helpers.exercises.lab09 import check_losses as check_losses
from helpers.exercises.lab09 import share_of_real as share_of_real

EXERCISES = (*lab09.EXERCISES,)
