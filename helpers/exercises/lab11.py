"""Lab 11: a penalty on the slope of a critic, and the hinge losses of both players."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers import losses
from helpers.exercises.checks import Case, Exercise, Mistake

Critic = Callable[[tf.Tensor], tf.Tensor]
Pair = tuple[tf.Tensor, tf.Tensor]


def check_penalty(function: Callable) -> None:
    """Lab 11: WGAN-GP's penalty, a number, from a critic, two batches and a share for each pair."""
    print(PENALTY.check(function))


def check_hinge(function: Callable) -> None:
    """Lab 11: the hinge losses of D and of G, two numbers, from D's logits."""
    print(HINGE.check(function))


def penalty_between(
    critic: Critic, real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor
) -> tf.Tensor:
    """WGAN-GP's (|grad D| - 1)^2 at share * real + (1 - share) * fake (arXiv:1704.00028).

    Args:
        critic: from a batch to logits of shape (batch, 1).
        real: shape (batch, ...).
        fake: same shape.
        share: from 0 to 1, shape (batch,).
    """
    return tf.reduce_mean((losses.slope(critic, _between(real, fake, share)) - 1) ** 2)


def hinge_losses(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> Pair:
    """What D and what G minimises in the hinge game (arXiv:1705.02894)."""
    for_d = losses.discriminator_loss("hinge", real_logits, fake_logits)
    return for_d, losses.generator_loss("hinge", fake_logits)


def _between(real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    rows = tf.reshape(share, (-1, *[1] * (len(real.shape) - 1)))
    return rows * real + (1 - rows) * fake


def _penalty(critic: Critic, real: np.ndarray, fake: np.ndarray, share: np.ndarray) -> float:
    """The slope at each point by finite differences."""
    from scipy.optimize import approx_fprime

    lengths = []
    for one, other, part in zip(real, fake, share, strict=True):
        point = part * one + (1 - part) * other
        logit = lambda x, shape=point.shape: critic(x.reshape(1, *shape))[0, 0]  # noqa: E731
        lengths.append(np.linalg.norm(approx_fprime(point.ravel(), logit, 1e-7)))
    return np.mean((np.array(lengths) - 1) ** 2)


W = np.array([[0.6], [-0.8], [1.2]], "float32")  # of length 1.56
V = np.array([[0.5], [0.3], [-0.4]], "float32")


def _straight(x: tf.Tensor) -> tf.Tensor:
    """A critic of points whose slope is 1.56 everywhere."""
    return x @ W


def _bent(x: tf.Tensor) -> tf.Tensor:
    """A critic of points whose slope differs from place to place."""
    return x @ W + (x @ V) ** 3


def _bent_on_pictures(x: tf.Tensor) -> tf.Tensor:
    """A critic of pictures of 2 × 2 pixels and 3 channels."""
    return _bent(x[:, 0, 0]) + _bent(x[:, 1, 1]) * 0.5 + x[:, 0, 1] @ V


def _flat(x: tf.Tensor) -> tf.Tensor:
    """A critic that hardly cares."""
    return 0.01 * (x @ V)


def _critic_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    two, four = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 4, 2, 2, 3))
    return [
        Case("a straight critic, one pair", (_straight, *two[:, :1], np.array([0.5]))),
        Case("a bent critic, two pairs", (_bent, *two, np.array([0.3, 0.8])), gradient=True),
        Case("a flat critic", (_flat, *two, np.array([0.1, 0.6]))),
        Case("four pairs of pictures", (_bent_on_pictures, *four, rng.random(4))),
        Case("shares of 0 and 1", (_bent, *two, np.array([0.0, 1.0]))),
    ]


def _gradient(critic: Critic, x: tf.Tensor, total: Callable = tf.reduce_sum) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = total(critic(x))
    return tape.gradient(value, x)


def _lengths(gradient: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(gradient**2, axis=tuple(range(1, len(gradient.shape)))) + 1e-12)


def _wrong(judge: Callable) -> Callable:
    """A mistake in what is made of the gradient at the right points."""
    return lambda critic, real, fake, share: judge(_gradient(critic, _between(real, fake, share)))


def _at_real(critic: Critic, real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return penalty_between(critic, real, real, share)


def _of_the_mean(critic: Critic, real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    gradient = _gradient(critic, _between(real, fake, share), tf.reduce_mean)
    return tf.reduce_mean((_lengths(gradient) - 1) ** 2)


def _other_share(critic: Critic, real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return penalty_between(critic, fake, real, share)


PENALTY = Exercise(
    lab="11",
    name="penalty",
    title="Gradient penalty",
    oracle=_penalty,
    cases=_critic_cases,
    tolerance=1e-3,  # a slope by finite differences, and then the slope of that
    mistakes=(
        Mistake(
            "a pull of the slope towards 0",
            _wrong(lambda slopes: tf.reduce_mean(_lengths(slopes) ** 2)),
            "that is R1's wish, twice. WGAN-GP wants a slope of 1: subtract it before squaring.",
        ),
        Mistake(
            "a penalty on the squared length",
            _wrong(lambda slopes: tf.reduce_mean((_lengths(slopes) ** 2 - 1) ** 2)),
            "a steep D would be fined to the fourth power. Take the root before you subtract 1.",
        ),
        Mistake(
            "a penalty on one length for the whole batch",
            _wrong(lambda slopes: (tf.norm(slopes) - 1) ** 2),
            "it grows with the batch. Each picture has a slope of its own: sum squares over all "
            "axes but the first.",
        ),
        Mistake(
            "a penalty on each value's slope",
            _wrong(lambda slopes: tf.reduce_mean((tf.abs(slopes) - 1) ** 2)),
            "the length of the gradient is to be 1, not each of its entries. Sum their squares "
            "within a picture, and take the root.",
        ),
        Mistake(
            "a penalty on the root mean square",
            _wrong(
                lambda slopes: tf.reduce_mean(
                    (_lengths(slopes) / float(np.prod(slopes.shape[1:])) ** 0.5 - 1) ** 2
                )
            ),
            "a length is the root of the sum. With a mean, more pixels would let D be steeper.",
        ),
        Mistake(
            "a penalty on slopes along the last axis alone",
            _wrong(lambda slopes: tf.reduce_mean((tf.norm(slopes, axis=-1) - 1) ** 2)),
            "on points that is right, on pictures it is a slope for each pixel. Sum over height, "
            "width and channels.",
        ),
        Mistake(
            "a penalty on the gradient of the mean logit",
            _of_the_mean,
            "each slope is then divided by the batch. Differentiate the sum of the logits, or the "
            "logits as they are.",
        ),
        Mistake(
            "a penalty at real pictures",
            _at_real,
            "D could be as steep as it likes where the fakes are. Look between: "
            "share · real + (1 - share) · fake.",
        ),
        Mistake(
            "a penalty with real and fake swapped",
            _other_share,
            "with a uniform share that is as good, but here the share is that of the real picture.",
        ),
        Mistake(
            "a penalty on steep slopes alone",
            _wrong(lambda slopes: tf.reduce_mean(tf.nn.relu(_lengths(slopes) - 1) ** 2)),
            "one-sided penalties exist; this one also asks a flat D to be steeper. Leave the "
            "`relu` out.",
        ),
        Mistake(
            "a mean distance of the slope from 1",
            _wrong(lambda slopes: tf.reduce_mean(tf.abs(_lengths(slopes) - 1))),
            "it pulls as hard near 1 as far away. Square it.",
        ),
    ),
)


def _hinge(real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[float, float]:
    from sklearn.metrics import hinge_loss

    counts = real_logits.size, fake_logits.size
    weights = np.repeat([1 / counts[0], 1 / counts[1]], counts)
    logits = np.concatenate([real_logits.ravel(), fake_logits.ravel()])
    labels = np.repeat([1, -1], counts)
    return 2 * hinge_loss(labels, logits, sample_weight=weights), -fake_logits.mean()


def _logit_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    gentle = np.array([[0.3], [1.7], [-0.6]]), np.array([[-1.4], [0.2], [-0.5]])
    return [
        Case("one picture of each", (np.array([[0.5]]), np.array([[-3.0]]))),
        Case("three of each", gentle, gradient=True),
        Case("a D that is right by far", (np.full((2, 1), 5.0), np.full((2, 1), -5.0))),
        Case("four real ones, six fakes", (rng.normal(size=(4, 1)), rng.normal(size=(6, 1)))),
        Case("logits of ±100", (np.array([[100.0], [-100.0]]), np.array([[100.0], [-100.0]]))),
    ]


def _d(real: tf.Tensor, fake: tf.Tensor, margin: float = 1.0, power: int = 1) -> tf.Tensor:
    costs = [tf.nn.relu(margin + logits) ** power for logits in (-real, fake)]
    return tf.add_n([tf.reduce_mean(cost) for cost in costs])


def _g(fake: tf.Tensor) -> tf.Tensor:
    return -tf.reduce_mean(fake)


def _sums(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    for_d = tf.reduce_sum(tf.nn.relu(1 - real)) + tf.reduce_sum(tf.nn.relu(1 + fake))
    return for_d, -tf.reduce_sum(fake)


def _mean_first(real: tf.Tensor, fake: tf.Tensor) -> Pair:
    excused = tf.nn.relu(1 - tf.reduce_mean(real)) + tf.nn.relu(1 + tf.reduce_mean(fake))
    return excused, _g(fake)


HINGE = Exercise(
    lab="11",
    name="hinge",
    title="Hinge losses",
    oracle=_hinge,
    cases=_logit_cases,
    mistakes=(
        Mistake(
            "a hinge the wrong way round",
            lambda real, fake: (_d(-real, -fake), _g(fake)),
            "D would push real pictures down. max(0, 1 - real) falls as the logit rises.",
        ),
        Mistake(
            "a hinge without a margin",
            lambda real, fake: (_d(real, fake, margin=0.0), _g(fake)),
            "a D that says 0 to everything would be content. Ask for 1 more: max(0, 1 - real).",
        ),
        Mistake(
            "Wasserstein's loss for D",
            lambda real, fake: (2 - tf.reduce_mean(real) + tf.reduce_mean(fake), _g(fake)),
            "it never stops asking. max(0, ·) is what lets D rest once it is right by 1.",
        ),
        Mistake(
            "a mean taken before the hinge",
            _mean_first,
            "a picture that D is very sure of would excuse another. Hinge each, then average.",
        ),
        Mistake(
            "a hinge for G",
            lambda real, fake: (_d(real, fake), tf.reduce_mean(tf.nn.relu(1 - fake))),
            "G would rest at a logit of 1, while D still learns. G's loss is the mean logit alone, "
            "its sign turned.",
        ),
        Mistake(
            "a loss of G with its sign wrong",
            lambda real, fake: (_d(real, fake), -_g(fake)),
            "G would push its own fakes down. It wants their logits high, so it minimises minus "
            "their mean.",
        ),
        Mistake(
            "half of D's loss",
            lambda real, fake: (0.5 * _d(real, fake), _g(fake)),
            "add the mean over real ones and the mean over fakes.",
        ),
        Mistake(
            "a squared hinge",
            lambda real, fake: (_d(real, fake, power=2), _g(fake)),
            "one picture that D has quite wrong would rule the batch. Do not square.",
        ),
        Mistake(
            "the sums over the batch",
            _sums,
            "twice the batch would be twice the step. Take means.",
        ),
        Mistake(
            "a cross-entropy",
            lambda real, fake: (
                losses.discriminator_loss("non_saturating", real, fake),
                losses.generator_loss("non_saturating", fake),
            ),
            "it is the smooth cousin, and never quite 0. A hinge is made of straight lines.",
        ),
    ),
)

EXERCISES = (PENALTY, HINGE)
