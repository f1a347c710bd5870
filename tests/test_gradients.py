"""Every loss and penalty: its gradient against finite differences, at kinks and far out as well."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from helpers import losses

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 3, 2, 1))
FEATURES, CODES, LOGITS = (RNG.normal(size=shape) for shape in ((1, 2, 2, 2), (2, 3), (3, 1)))
HALVES = np.full((1, 2, 2, 1), 0.5)
NEAR, FAR = (1.0, -1.0), (100.0, -100.0)


def like(value, array):
    """An array in the type of the tensor that is differentiated."""
    return tf.cast(tf.constant(array), value.dtype)


def style(features, weights=None):
    targets = [like(features, np.eye(2)[np.newaxis])]
    return losses.style_loss([losses.gram_matrix(features, weights)], targets, [1.0])


def penalty(name):
    """A penalty of a smooth critic of points, as a function of the critic's weights."""
    real, fake = np.random.default_rng(1).normal(size=(2, 4, 3))

    def value(weights):
        def critic(x):
            return ops.softplus(ops.matmul(ops.cast(x, weights.dtype), weights))

        return losses.gradient_penalty(name, critic, like(weights, real), like(weights, fake), 0)

    return value


# name: the function of what is trained, an array that it starts from
CASES = {
    "bernoulli": (
        lambda v: losses.bernoulli_nats(like(v, IMAGES), v),
        RNG.normal(size=(2, 3, 2, 1)),
    ),
    "bernoulli per image": (
        lambda v: losses.bernoulli_per_image(like(v, IMAGES[:1]), v)[0],
        IMAGES[1:],
    ),
    "gaussian, mean": (
        lambda v: ops.mean(losses.gaussian_per_image(like(v, IMAGES), v, like(v, -1.0))),
        IMAGES,
    ),
    "gaussian, noise": (
        lambda v: ops.mean(losses.gaussian_per_image(like(v, IMAGES), like(v, 0 * IMAGES), v)),
        np.array(-1.0),
    ),
    "KL, mean": (lambda v: losses.kl_divergence(v, like(v, CODES)), CODES),
    "KL, log-variance": (lambda v: losses.kl_divergence(like(v, CODES), v), CODES),
    "free bits, mean": (lambda v: losses.free_bits_kl(v, like(v, 0 * CODES), 0.5), CODES),
    "free bits, log-variance": (lambda v: losses.free_bits_kl(like(v, CODES), v, 0.5), CODES),
    "content": (lambda v: losses.content_loss(v, like(v, FEATURES)), FEATURES),
    "style": (style, FEATURES),
    "style in a region": (lambda v: style(v, like(v, HALVES)), FEATURES),
    "total variation": (losses.total_variation, IMAGES),
    "label": (lambda v: losses.label_loss(v, 0.9), LOGITS),
}
for _name in losses.OBJECTIVES:
    CASES |= {
        f"{_name}, D on real": (
            lambda v, n=_name: losses.discriminator_loss(n, v, like(v, LOGITS)),
            LOGITS,
        ),
        f"{_name}, D on fakes": (
            lambda v, n=_name: losses.discriminator_loss(n, like(v, LOGITS), v),
            LOGITS,
        ),
        f"{_name}, G": (lambda v, n=_name: losses.generator_loss(n, v), LOGITS),
    }
CASES |= {name: (penalty(name), RNG.normal(size=(3, 1))) for name in losses.PENALTIES[1:]}
PLACES = {"start": None, "zero": 0.0, **{f"{x:g}": x for x in NEAR + FAR}}


def value_and_gradient(function, at, dtype):
    variable = tf.constant(at, dtype)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = function(variable)
    return np.array(value), np.array(tape.gradient(value, variable))


def at_place(start, place):
    """The array to differentiate at; float16 can hold it exactly."""
    at = start if PLACES[place] is None else np.full_like(start, PLACES[place])
    return at.astype("float16").astype("float64")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", CASES)
def test_a_gradient_lies_between_the_slopes_on_both_sides(case, place):
    function, start = CASES[case]
    at, step = at_place(start, place), 1e-6
    value, gradient = value_and_gradient(function, at, "float64")
    for direction in (RNG.normal(size=at.shape), np.ones_like(at)):
        ahead, behind = (
            float(function(tf.constant(at + side * step * direction))) for side in (1, -1)
        )
        sides = sorted([(ahead - value) / step, (value - behind) / step])
        computed, slack = np.sum(gradient * direction), 1e-4 * (1 + np.abs(sides).max())
        assert sides[0] - slack <= computed <= sides[1] + slack


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", CASES)
def test_half_and_single_precision_agree_with_double(case, dtype):
    """As far as the type can hold the number: beyond, infinite, never NaN."""
    function, start = CASES[case]
    near = 1e-5 if dtype == "float32" else 0.03
    for place in PLACES:
        at = at_place(start, place)
        value, gradient = value_and_gradient(function, at, dtype)
        true_value, true_gradient = value_and_gradient(function, at, "float64")
        assert value.dtype == "float32"
        with np.errstate(over="ignore"):
            truths = true_value.astype("float32"), true_gradient.astype(dtype)
        for computed, true in zip((value, gradient), truths, strict=True):
            largest = np.abs(true[np.isfinite(true)]).max(initial=1.0)
            np.testing.assert_allclose(computed, true, rtol=0, atol=near * largest)


def test_a_fresh_decoder_whose_last_layer_is_zero_feels_the_mean_picture():
    """Every logit is 0 there, and the bias feels 1/2 minus the mean of the pixels."""
    x, logits = tf.constant(IMAGES, "float32"), tf.zeros((2, 3, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = losses.bernoulli_nats(x, logits)
    np.testing.assert_allclose(tape.gradient(value, logits), (0.5 - x) / 2, atol=1e-7)


def test_lists_and_mixed_types_are_brought_to_one():
    wide = losses.gaussian_per_image(np.ones((1, 1, 1, 1)), tf.zeros((1, 1, 1, 1)), 0)
    assert keras.backend.standardize_dtype(wide.dtype) == "float64"
    assert float(losses.kl_divergence([[1, 2]], [[0, 0]])) == 2.5
