"""What works in a learner's place until it is written passes the check itself."""

import pytest

from helpers.exercises import lab07, lab09, lab11, lab12, lab13

READY = [
    (lab07.KL, lab07.kl_to_prior),
    (lab07.IWAE, lab07.log_mean_exp),
    (lab09.LOSSES, lab09.both_losses),
    (lab09.BEST_DISCRIMINATOR, lab09.share_of_real),
    (lab11.PENALTY, lab11.penalty_between),
    (lab11.HINGE, lab11.hinge_losses),
    (lab12.REPLAY, lab12.swap_old),
    (lab13.CURVE, lab13.curved_line),
    (lab13.HEUN, lab13.heun_step),
]


@pytest.mark.parametrize(("exercise", "ready"), READY, ids=lambda x: getattr(x, "name", ""))
def test_what_works_in_its_place_passes_the_check(exercise, ready, monkeypatch):
    monkeypatch.setenv("GDL_EXERCISES", "off")
    assert exercise.check(ready).startswith(f"✓ {exercise.title}: right for ")
