"""Lab 08: an arrow from one group of codes to another, and pictures that are Gaussian."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def check_arrow(function: Callable) -> None:
    """Lab 08: the arrow between the mean codes without and with an attribute, shape (latent,)."""
    print(ARROW.check(function))


def check_gaussian(function: Callable) -> None:
    """Lab 08: -log p of pictures whose values are Gaussian, one number per picture."""
    print(GAUSSIAN.check(function))


def _arrow(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The slope of the straight line through two groups, at 0 and at 1, joins their means."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(values[:, np.newaxis], codes).coef_[:, 0]


def _code_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    codes, few = rng.normal(2, 1, (30, 4)), np.arange(30) % 5 == 0
    codes[few] += [0, 3, -1, 0.5]
    both = np.array([0, 1])
    return [
        Case("three codes of one number", (np.array([[0.0], [1.0], [4.0]]), np.array([0, 0, 1]))),
        Case("one code of each", (np.array([[1.0, 2.0], [5.0, -1.0]]), both)),
        Case("30 codes of 4 numbers, 6 with it", (codes, few.astype(int))),
        Case("no difference", (np.tile([[1.0, -2.0, 3.0]], (4, 1)), np.array([0, 1, 1, 1]))),
        Case("as many numbers as codes", (rng.normal(size=(5, 5)), np.array([1, 0, 0, 1, 0]))),
    ]


def _means(codes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return codes[values == 0].mean(axis=0), codes[values == 1].mean(axis=0)


def _step(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    without, with_it = _means(codes, values)
    return with_it - without


def _unit(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    step = _step(codes, values)
    return step / max(np.linalg.norm(step), 1e-12)


def _medians(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.median(codes[values == 1], axis=0) - np.median(codes[values == 0], axis=0)


ARROW = Exercise(
    lab="08",
    name="arrow",
    title="Attribute arrow",
    oracle=_arrow,
    cases=_code_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "the arrow that takes the attribute off",
            lambda codes, values: -_step(codes, values),
            "it points from those with to those without. Subtract the other way round.",
        ),
        Mistake(
            "the step from the mean of all codes",
            lambda codes, values: _means(codes, values)[1] - codes.mean(axis=0),
            "all codes include those with the attribute, so it falls short. Subtract the mean of "
            "those without.",
        ),
        Mistake(
            "the mean code of those with the attribute",
            lambda codes, values: _means(codes, values)[1],
            "that is a place, an average face, and no direction. Subtract the mean of those "
            "without.",
        ),
        Mistake(
            "the difference of the sums",
            lambda codes, values: codes[values == 1].sum(axis=0) - codes[values == 0].sum(axis=0),
            "the larger group wins, whatever it looks like. Take a mean in each group.",
        ),
        Mistake(
            "the mean of codes times ±1",
            lambda codes, values: np.mean(codes * (2 * values - 1)[:, np.newaxis], axis=0),
            "groups of unequal size then leave a part of the average face in the arrow. Take a "
            "mean in each group.",
        ),
        Mistake(
            "an arrow of length 1",
            _unit,
            "how far one must go is lost: one arrow no longer arrives. Leave its length.",
        ),
        Mistake(
            "the difference of the medians",
            _medians,
            "the middle code of each number is no mean: it moves by leaps where codes come in two "
            "clouds. Use means.",
        ),
        Mistake(
            "one number for all dimensions",
            lambda codes, values: codes[values == 1].mean() - codes[values == 0].mean(),
            "all numbers of a code would be pushed alike. Give `mean` its `axis=0`.",
        ),
        Mistake(
            "the means over a code's numbers",
            lambda codes, values: codes[values == 1].mean(axis=1)[:1] - codes.mean(axis=1)[0],
            "that averages within a picture, over axis 1. Pictures are axis 0.",
        ),
    ),
)


def _gaussian(x: np.ndarray, mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    from scipy.stats import norm

    return -norm.logpdf(x, mean, np.exp(log_std)).sum(axis=(1, 2, 3))


def _value_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    few, faces = rng.random((2, 2, 1, 2, 1)), rng.random((2, 3, 8, 6, 3))
    white, black = np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 1))
    return [
        Case("one value, σ = 0.5", (white[:, :1, :1], black[:, :1, :1], np.array(np.log(0.5)))),
        Case("two pictures of two values", (*few, np.array(-0.7)), gradient=True),
        Case("a perfect picture, σ = 0.1", (white, white, np.array(np.log(0.1)))),
        Case("three faces of 8 × 6 pixels, σ = 0.2", (*faces, np.array(np.log(0.2)))),
        Case("black for white, σ = 0.01", (white, black, np.array(np.log(0.01)))),
        Case("σ = 3", (white, black, np.array(np.log(3.0)))),
    ]


def _nats(
    x: tf.Tensor, mean: tf.Tensor, log_std: tf.Tensor, *, power: float = 2.0, half: float = 0.5,
    with_log: float = 1.0, constant: float = HALF_LOG_2_PI,
) -> tf.Tensor:  # fmt: skip
    """-log p of each value; with other arguments than the defaults, a part of it is wrong."""
    squares = half * (x - mean) ** 2 / tf.exp(power * log_std)
    return squares + with_log * log_std + constant


def _sum(nats: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(nats, axis=(1, 2, 3))


def _log_std_as_std(x: tf.Tensor, mean: tf.Tensor, log_std: tf.Tensor) -> tf.Tensor:
    return _sum(0.5 * ((x - mean) / log_std) ** 2 + tf.math.log(log_std) + HALF_LOG_2_PI)


GAUSSIAN = Exercise(
    lab="08",
    name="gaussian",
    title="Gaussian likelihood with a learned σ",
    oracle=_gaussian,
    cases=_value_cases,
    mistakes=(
        Mistake(
            "the likelihood without log σ",
            lambda *given: _sum(_nats(*given, with_log=0.0)),
            "then an infinite σ is best, and nothing is learned. Wide noise must cost: add log σ "
            "for each value.",
        ),
        Mistake(
            "the mean over values",
            lambda *given: tf.reduce_mean(_nats(*given), axis=(1, 2, 3)),
            "beside it the KL would weigh as many times more as there are values. Sum over height, "
            "width and channels.",
        ),
        Mistake(
            "one number for the whole batch",
            lambda *given: tf.reduce_mean(_sum(_nats(*given))),
            "here a number for each picture is asked for. Sum over axes 1, 2 and 3 only.",
        ),
        Mistake(
            "the likelihood with log_std as σ itself",
            _log_std_as_std,
            "the logarithm of a small σ is negative. σ is `tf.exp(log_std)`.",
        ),
        Mistake(
            "the likelihood with log_std as the logarithm of the variance",
            lambda *given: _sum(_nats(*given, power=1.0, with_log=0.5)),
            "that is what the encoder emits; here it is log σ, so σ² is `tf.exp(2 * log_std)`.",
        ),
        Mistake(
            "the squared error divided by σ",
            lambda *given: _sum(_nats(*given, power=1.0)),
            "a density of N(mean, σ²) divides by σ². Square the σ as well.",
        ),
        Mistake(
            "the likelihood without the ½ of the squared error",
            lambda *given: _sum(_nats(*given, half=1.0)),
            "the σ that it learns is √2 times too large. The exponent is -(x - mean)² / 2σ².",
        ),
        Mistake(
            "the likelihood without ½ log 2π",
            lambda *given: _sum(_nats(*given, constant=0.0)),
            "it trains alike, but is no density: each value is 0.92 nats too low, and no bound "
            "compares with others. Add it for each value.",
        ),
        Mistake(
            "the likelihood with ½ log 2π once per picture",
            lambda *given: _sum(_nats(*given, constant=0.0)) + HALF_LOG_2_PI,
            "each value has a density of its own, so the constant comes as many times as there "
            "are values. Add it before the sum.",
        ),
        Mistake(
            "log p, not -log p",
            lambda *given: -_sum(_nats(*given)),
            "an optimizer would make pictures as unlikely as it can. Turn the sign.",
        ),
    ),
)

EXERCISES = (ARROW, GAUSSIAN)
