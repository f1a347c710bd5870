"""Lab 09: what both players minimise, from logits, and the best D between two known densities."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers import losses
from helpers.exercises.checks import Case, Exercise, Mistake

Pair = tuple[tf.Tensor, tf.Tensor]


def check_losses(function: Callable) -> None:
    """Lab 09: D's loss and G's loss, two numbers, from D's logits of real and of drawn pictures."""
    print(LOSSES.check(function))


def check_best_discriminator(function: Callable) -> None:
    """Lab 09: the best D's probability that a point is real, from two log densities."""
    print(BEST_DISCRIMINATOR.check(function))


def both_losses(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> Pair:
    """What D and what G minimises in the non-saturating game (arXiv:1406.2661), in nats."""
    game = "non_saturating"
    for_d = losses.discriminator_loss(game, real_logits, fake_logits)
    return for_d, losses.generator_loss(game, fake_logits)


def share_of_real(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """p / (p + q) from the logarithms of two densities, safe where both are 0 in floats."""
    from scipy.special import expit

    return expit(log_p - log_q)


def _losses(real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import log_expit

    real, fake = log_expit(real_logits).mean(), log_expit(-fake_logits).mean()
    return -real - fake, -log_expit(fake_logits).mean()


def _logit_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    return [
        Case("one picture of each", (np.array([[1.0]]), np.array([[-2.0]]))),
        Case("a D that can not tell", (np.zeros((3, 1)), np.zeros((3, 1)))),
        Case("three of each", tuple(rng.normal(size=(2, 3, 1))), gradient=True),
        Case("four real ones, six fakes", (rng.normal(size=(4, 1)), rng.normal(size=(6, 1)))),
        Case("logits of ±100", (np.array([[100.0], [-100.0]]), np.array([[100.0], [-100.0]]))),
    ]


def _cost(logits: tf.Tensor, label: float, mean: Callable = tf.reduce_mean) -> tf.Tensor:
    """Cross-entropy of logits with one label."""
    labels = label * tf.ones_like(logits)
    return mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def _right_d(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return _cost(real, 1.0) + _cost(fake, 0.0)


def _as_it_stands(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    p_real, p_fake = tf.sigmoid(real), tf.sigmoid(fake)
    for_d = -tf.reduce_mean(tf.math.log(p_real)) - tf.reduce_mean(tf.math.log(1 - p_fake))
    return for_d, -tf.reduce_mean(tf.math.log(p_fake))


def _logits_as_probabilities(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    def cost(given: tf.Tensor, label: float) -> tf.Tensor:
        p = tf.clip_by_value(given, 1e-7, 1 - 1e-7)
        return -tf.reduce_mean(label * tf.math.log(p) + (1 - label) * tf.math.log(1 - p))

    return cost(real, 1.0) + cost(fake, 0.0), cost(fake, 1.0)


def _squashed_twice(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    p_real, p_fake = tf.sigmoid(real), tf.sigmoid(fake)
    return _right_d(p_real, p_fake), _cost(p_fake, 1.0)


def _sums(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    for_d = _cost(real, 1.0, tf.reduce_sum) + _cost(fake, 0.0, tf.reduce_sum)
    return for_d, _cost(fake, 1.0, tf.reduce_sum)


LOSSES = Exercise(
    lab="09",
    name="losses",
    title="What D and what G minimises",
    oracle=_losses,
    cases=_logit_cases,
    mistakes=(
        Mistake(
            "a game in which G's loss has the labels of phase 1",
            lambda real, fake: (_right_d(real, fake), _cost(fake, 0.0)),
            "G would help D to find its fakes. In phase 2 fakes have the label 1.",
        ),
        Mistake(
            "a game in which D's labels are swapped",
            lambda real, fake: (_cost(real, 0.0) + _cost(fake, 1.0), _cost(fake, 1.0)),
            "D learns to call fakes real, and G, which wants the same, has no opponent. Real is 1.",
        ),
        Mistake(
            "the logarithm of a sigmoid, as it stands",
            _as_it_stands,
            "at a logit of 100 the sigmoid is 1 in 32 bits, and log(1 - 1) is -infinity. Use a "
            "cross-entropy from logits, or softplus.",
        ),
        Mistake(
            "a cross-entropy that takes logits for probabilities",
            _logits_as_probabilities,
            "Keras then cuts them off at 0 and 1, and D's gradient dies. Say `from_logits=True`.",
        ),
        Mistake(
            "a logistic function taken twice",
            _squashed_twice,
            "no probability beyond 0.73 can be said then. A cross-entropy from logits squashes "
            "them itself.",
        ),
        Mistake(
            "the minimax game",
            lambda real, fake: (_right_d(real, fake), -_cost(fake, 0.0)),
            "its gradient dies where D is sure of a fake, which is where G needs it. Minimise "
            "-log D, label 1.",
        ),
        Mistake(
            "half of D's loss",
            lambda real, fake: (0.5 * _right_d(real, fake), _cost(fake, 1.0)),
            "a mean over both kinds in one batch does that: under SGD D then learns half as fast, "
            "and beside a penalty it weighs half. Add the two means.",
        ),
        Mistake(
            "D's loss on real pictures alone",
            lambda real, fake: (_cost(real, 1.0), _cost(fake, 1.0)),
            "calling everything real costs it nothing. Add the loss on fakes, label 0.",
        ),
        Mistake(
            "the sums over the batch",
            _sums,
            "under SGD twice the batch would be twice the step. Take means.",
        ),
        Mistake(
            "a game in which G is paid for real pictures",
            lambda real, fake: (_right_d(real, fake), _cost(fake, 1.0) + _cost(real, 1.0)),
            "no weight of G can change D's logit of a real picture. G's loss has fakes only.",
        ),
    ),
)


def _best_discriminator(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    return softmax(np.stack([log_p, log_q]), axis=0)[0]


def _density_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    far = np.array([-1000.0, -1002.0, -2000.0])
    return [
        Case("one point, twice as likely real", (np.log([0.2]), np.log([0.1]))),
        Case("equal densities", (np.array([-1.0, 3.0]), np.array([-1.0, 3.0]))),
        Case("seven points", tuple(rng.normal(size=(2, 7)))),
        Case("one density 100 powers of e above", (np.array([60.0, -50.0]), np.array([-40.0, 50]))),
        Case("far from both clouds", (far, np.array([-1001.0, -1000.0, -2000.0]))),
    ]


BEST_DISCRIMINATOR = Exercise(
    lab="09",
    name="best_discriminator",
    title="The best D of two known densities",
    oracle=_best_discriminator,
    cases=_density_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "the ratio of the densities, as it stands",
            lambda log_p, log_q: np.exp(log_p) / (np.exp(log_p) + np.exp(log_q)),
            "far from both clouds it is 0 / 0, and e^100 overflows. Subtract the logarithms first.",
        ),
        Mistake(
            "the share of fakes",
            lambda log_p, log_q: share_of_real(log_q, log_p),
            "D says how likely a point is real. The real density stands above.",
        ),
        Mistake(
            "p / q",
            lambda log_p, log_q: np.exp(log_p - log_q),
            "those are odds, without an upper bound. A probability is odds / (1 + odds).",
        ),
        Mistake(
            "the logit of the best D",
            lambda log_p, log_q: log_p - log_q,
            "it is right before the logistic function. Squash it, as probabilities are asked for.",
        ),
        Mistake(
            "a share of the logarithms",
            lambda log_p, log_q: log_p / (log_p + log_q),
            "densities add, their logarithms do not. Go back by `exp` before adding.",
        ),
        Mistake(
            "a verdict of 0 or 1",
            lambda log_p, log_q: (log_p > log_q).astype("float32"),
            "that is the best guess, but D is to say how sure it is: ½ where both are as likely.",
        ),
        Mistake(
            "p over the mean of both densities",
            lambda log_p, log_q: 2 * share_of_real(log_p, log_q),
            "that is the ratio inside the Jensen-Shannon divergence, twice D*. Divide by the sum.",
        ),
        Mistake(
            "the density p itself",
            lambda log_p, log_q: np.exp(log_p),
            "how likely a point is among real ones says nothing until one knows how likely it is "
            "among fakes. Divide by p + q.",
        ),
    ),
)

EXERCISES = (LOSSES, BEST_DISCRIMINATOR)
