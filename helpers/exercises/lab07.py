"""Lab 07: the KL divergence to a prior that learns its mean, and a bound from many draws."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers import losses
from helpers.exercises.checks import Case, Exercise, Mistake


def check_kl(function: Callable) -> None:
    """Lab 07: the KL divergence from posteriors to priors of variance 1 with means of their own."""
    print(KL.check(function))


def check_iwae(function: Callable) -> None:
    """Lab 07: the importance-weighted bound from log weights of shape (draws, batch)."""
    print(IWAE.check(function))


def kl_to_prior(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior_mean: tf.Tensor) -> tf.Tensor:
    """KL from N(z_mean, exp(z_log_var)) to N(prior_mean, I), summed over dimensions, batch mean.

    A shift moves both alike, so it is :func:`losses.kl_divergence` from what is left of the mean.
    """
    return losses.kl_divergence(z_mean - prior_mean, z_log_var)


def log_mean_exp(log_weights: tf.Tensor) -> tf.Tensor:
    """log of the mean of weights over axis 0, from their logarithms (arXiv:1509.00519)."""
    (log_weights,) = losses.as_tensors(log_weights)
    return tf.reduce_logsumexp(log_weights, axis=0) - np.log(log_weights.shape[0])


def _kl(z_mean: np.ndarray, z_log_var: np.ndarray, prior_mean: np.ndarray) -> np.ndarray:
    """The mean of log q - log p over q by Gauss and Hermite: exact, as both are quadratic."""
    from scipy.stats import norm

    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    std = np.exp(0.5 * z_log_var)
    z = z_mean + std * nodes[:, np.newaxis, np.newaxis]
    log_ratio = norm.logpdf(z, z_mean, std) - norm.logpdf(z, prior_mean)
    nats = np.einsum("n,nbd->b", weights / weights.sum(), log_ratio)
    return np.mean(nats)


def _posterior_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    two = tuple(rng.normal(size=(3, 2, 3)))
    wide = rng.normal(size=(4, 16)), rng.uniform(-6, 2, (4, 16)), rng.normal(size=(4, 16))
    same = rng.normal(size=(2, 3))
    return [
        Case("one dimension", (np.array([[1.0]]), np.array([[0.5]]), np.array([[3.0]]))),
        Case("a posterior that is the prior", (same, np.zeros((2, 3)), same)),
        Case("two pictures, 3 dimensions", two, gradient=True),
        Case("four pictures, 16 dimensions, narrow and wide", wide),
        Case("means of ±100", (np.array([[100.0, -100.0]]), np.zeros((1, 2)), np.ones((1, 2)))),
    ]


def _terms(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior_mean: tf.Tensor) -> tf.Tensor:
    """The right KL for each picture and dimension, from which most mistakes begin."""
    return losses.kl_terms(z_mean - prior_mean, z_log_var)


def _other_way(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior_mean: tf.Tensor) -> tf.Tensor:
    ratio = ((z_mean - prior_mean) ** 2 + 1) * tf.exp(-z_log_var)
    return tf.reduce_mean(tf.reduce_sum(0.5 * (ratio - 1 + z_log_var), axis=-1))


KL = Exercise(
    lab="07",
    name="kl",
    title="KL to a prior with a learned mean",
    oracle=_kl,
    cases=_posterior_cases,
    mistakes=(
        Mistake(
            "the mean over dimensions",
            lambda *given: tf.reduce_mean(_terms(*given)),
            "beta became 1/d of what it says. Sum over dimensions, then average over the batch.",
        ),
        Mistake(
            "the sum over the batch",
            lambda *given: tf.reduce_sum(_terms(*given)),
            "a larger batch would pull harder. Sum over dimensions, average over pictures.",
        ),
        Mistake(
            "one number per picture",
            lambda *given: tf.reduce_sum(_terms(*given), axis=-1),
            "a loss is one number. Average over the batch as well.",
        ),
        Mistake(
            "the KL to N(0, I)",
            lambda mean, log_var, prior: losses.kl_divergence(mean, log_var),
            "`prior_mean` has no part in it, so the prior would never learn. Measure the mean "
            "from `prior_mean`.",
        ),
        Mistake(
            "the KL with z_log_var as the logarithm of a standard deviation",
            lambda mean, log_var, prior: kl_to_prior(mean, 2 * log_var, prior),
            "the encoder emits log σ². Its exponential is the variance already.",
        ),
        Mistake(
            "the KL with the standard deviation in place of the variance",
            lambda mean, log_var, prior: tf.reduce_mean(
                tf.reduce_sum(_terms(mean, log_var, prior), axis=-1)
                + 0.5 * tf.reduce_sum(tf.exp(0.5 * log_var) - tf.exp(log_var), axis=-1)
            ),
            "exp(½ log σ²) is σ, and the formula has σ². Leave the ½ out inside the exponential.",
        ),
        Mistake(
            "the KL without its factor of ½",
            lambda *given: 2 * kl_to_prior(*given),
            "beta became 2. The ½ stands before the whole sum.",
        ),
        Mistake(
            "the KL from the prior to the posterior",
            _other_way,
            "that one asks q to cover all of the prior. Take the mean over q: its variance stands "
            "above, the prior's below.",
        ),
        Mistake(
            "minus the KL",
            lambda *given: -kl_to_prior(*given),
            "that is the term of the ELBO, which one maximises. A loss adds the KL, 0 or more.",
        ),
    ),
)


def _iwae(log_weights: np.ndarray) -> np.ndarray:
    from scipy.special import logsumexp

    return logsumexp(log_weights, axis=0, b=1 / len(log_weights))


def _weight_cases() -> list[Case]:
    rng = np.random.default_rng(1)
    return [
        Case("two draws of one picture", (np.log([[1.0], [3.0]]),)),
        Case("one draw, where it is the ELBO", (np.array([[-2.0, 1.0]]),)),
        Case("three draws, two pictures", (rng.normal(size=(3, 2)),), gradient=True),
        Case("five draws, all alike", (np.full((5, 2), -3.0),)),
        Case("fifty draws of weights near e^-130", (rng.normal(-130, 6, (50, 4)),)),
        Case("weights of e^±100", (np.array([[100.0, -100.0], [90.0, -110.0]]),)),
    ]


def _count(log_weights: tf.Tensor) -> float:
    return float(log_weights.shape[0])


IWAE = Exercise(
    lab="07",
    name="iwae",
    title="Importance-weighted bound",
    oracle=_iwae,
    cases=_weight_cases,
    mistakes=(
        Mistake(
            "the mean of the logarithms",
            lambda log_weights: tf.reduce_mean(log_weights, axis=0),
            "that is the ELBO, which no number of draws makes tighter. Average the weights first, "
            "then take the logarithm.",
        ),
        Mistake(
            "the logarithm of the sum",
            lambda log_weights: tf.reduce_logsumexp(log_weights, axis=0),
            "it grows with the number of draws and is no bound. Subtract log k.",
        ),
        Mistake(
            "the logarithm of a mean of exponentials, as they stand",
            lambda log_weights: tf.math.log(tf.reduce_mean(tf.exp(log_weights), axis=0)),
            "e^-130 is 0 in 32 bits, and e^100 infinity. `tf.reduce_logsumexp` takes the largest "
            "out first.",
        ),
        Mistake(
            "the logarithm of the sum, divided by the number of draws",
            lambda log_weights: tf.reduce_logsumexp(log_weights, axis=0) / _count(log_weights),
            "the mean belongs inside the logarithm, where dividing by k is subtracting log k.",
        ),
        Mistake(
            "the logarithm of the sum plus log k",
            lambda log_weights: (
                tf.reduce_logsumexp(log_weights, axis=0) + tf.math.log(_count(log_weights))
            ),
            "that multiplies by k. A mean divides by it: subtract.",
        ),
        Mistake(
            "the largest weight alone",
            lambda log_weights: tf.reduce_max(log_weights, axis=0),
            "a lucky draw is no mean: of enough draws it lies above log p(x). Average all k.",
        ),
        Mistake(
            "the mean over pictures",
            lambda log_weights: (
                tf.reduce_logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])
            ),
            "pictures are mixed with one another. The draws are axis 0: average over them.",
        ),
        Mistake(
            "one number for the whole batch",
            lambda log_weights: tf.reduce_mean(log_mean_exp(log_weights)),
            "here a bound for each picture is asked for. Keep the batch axis.",
        ),
        Mistake(
            "minus the bound",
            lambda log_weights: -log_mean_exp(log_weights),
            "that is the loss. The bound itself lies below log p(x).",
        ),
    ),
)

EXERCISES = (KL, IWAE)
