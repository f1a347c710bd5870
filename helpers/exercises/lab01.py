"""Lab 01, neural style transfer: the Gram matrix and total variation."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake


def check_gram(function: Callable) -> None:
    """Lab 01: the Gram matrix of features of shape (batch, height, width, channels)."""
    print(GRAM.check(function))


def check_total_variation(function: Callable) -> None:
    """Lab 01: the total variation of images of shape (batch, height, width, channels)."""
    print(TOTAL_VARIATION.check(function))


def _gram(features: np.ndarray) -> np.ndarray:
    positions = features.shape[1] * features.shape[2]
    return np.einsum("bhwc,bhwd->bcd", features, features) / positions


def _feature_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    return [
        Case("1 × 2 positions, 2 channels", (np.array([[[[1.0, 0.0], [1.0, 2.0]]]]),)),
        Case("one position, 3 channels", (np.array([[[[1.0, -2.0, 3.0]]]]),)),
        Case("2 × 3 positions, 2 channels", (rng.normal(size=(1, 2, 3, 2)),), gradient=True),
        Case("two pictures of 5 × 3 positions, 4 channels", (rng.normal(size=(2, 5, 3, 4)),)),
        Case("activations of 1,000 and more", (rng.uniform(1e3, 2e3, (1, 6, 4, 2)),)),
    ]


def _pairs(features: tf.Tensor) -> tf.Tensor:
    """The sum over positions, which most mistakes share."""
    return tf.einsum("bhwc,bhwd->bcd", features, features)


def _positions(features: tf.Tensor) -> float:
    return float(features.shape[1] * features.shape[2])


def _gram_of_positions(features: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(features, (len(features), -1, features.shape[-1]))
    return tf.matmul(flat, flat, transpose_b=True) / _positions(features)


def _covariance(features: tf.Tensor) -> tf.Tensor:
    centred = features - tf.reduce_mean(features, axis=(1, 2), keepdims=True)
    return _pairs(centred) / _positions(features)


def _product_of_means(features: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(features, axis=(1, 2))
    return mean[:, :, tf.newaxis] * mean[:, tf.newaxis, :]


def _gram_of_batch(features: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(features, (-1, features.shape[-1]))
    return tf.matmul(flat, flat, transpose_a=True) / float(flat.shape[0])


GRAM = Exercise(
    lab="01",
    name="gram",
    title="Gram matrix",
    oracle=_gram,
    cases=_feature_cases,
    mistakes=(
        Mistake(
            "the sum over positions",
            _pairs,
            "your Gram matrix grows with the picture. Divide by the number of positions.",
        ),
        Mistake(
            "the sum divided by positions × channels",
            lambda features: _pairs(features) / (_positions(features) * features.shape[-1]),
            "a layer with many channels would hardly count. Divide by the positions alone.",
        ),
        Mistake(
            "the sum divided by the height alone",
            lambda features: _pairs(features) / float(features.shape[1]),
            "a wide picture would weigh more than a narrow one. Positions are height × width.",
        ),
        Mistake(
            "the Gram matrix of positions",
            _gram_of_positions,
            "it says which places look alike, so it knows where things are. Transpose the other "
            "factor, so that channels meet channels.",
        ),
        Mistake(
            "the covariance of channels",
            _covariance,
            "you took the mean away first, and with it the average colour. Multiply the "
            "activations as they are.",
        ),
        Mistake(
            "the product of the channels' means",
            _product_of_means,
            "you averaged first and multiplied second, so which channels fire together is lost. "
            "Multiply at each position, then average.",
        ),
        Mistake(
            "the mean square of each channel",
            lambda features: tf.reduce_mean(features**2, axis=(1, 2)),
            "that is the diagonal alone. Every channel is to meet every other one.",
        ),
        Mistake(
            "one matrix for the whole batch",
            _gram_of_batch,
            "pictures are mixed with one another. Keep the batch axis: a matrix per picture.",
        ),
    ),
)


def _total_variation(images: np.ndarray) -> np.ndarray:
    return np.sum(tf.image.total_variation(tf.constant(images))) / images.size


def _picture_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    return [
        Case("2 × 2 pixels", (np.array([[[[0.0], [1.0]], [[0.0], [1.0]]]]),)),
        Case("one even colour", (np.full((1, 3, 4, 3), 0.5),)),
        Case("3 × 2 pixels", (rng.random((1, 3, 2, 1)),), gradient=True),
        Case("one column of pixels", (rng.random((1, 5, 1, 3)),)),
        Case("two pictures of 6 × 4 pixels, in colour", (rng.random((2, 6, 4, 3)),)),
    ]


def _down(images: tf.Tensor) -> tf.Tensor:
    return images[:, 1:] - images[:, :-1]


def _across(images: tf.Tensor) -> tf.Tensor:
    return images[:, :, 1:] - images[:, :, :-1]


def _mean(steps: tuple, images: tf.Tensor) -> tf.Tensor:
    return tf.add_n([tf.reduce_sum(step) for step in steps]) / float(tf.size(images))


def _mean_of_each(images: tf.Tensor) -> tf.Tensor:
    steps = [tf.abs(step(images)) for step in (_down, _across)]
    return tf.add_n([tf.math.divide_no_nan(tf.reduce_sum(s), float(tf.size(s))) for s in steps])


def _around(images: tf.Tensor) -> tf.Tensor:
    steps = (tf.roll(images, 1, axis) - images for axis in (1, 2))
    return _mean(tuple(tf.abs(step) for step in steps), images)


TOTAL_VARIATION = Exercise(
    lab="01",
    name="total_variation",
    title="Total variation",
    oracle=_total_variation,
    cases=_picture_cases,
    mistakes=(
        Mistake(
            "the sum over all pixels",
            lambda images: tf.reduce_sum(tf.image.total_variation(images)),
            "it grows with the picture, and so would its weight. Divide by the number of entries.",
        ),
        Mistake(
            "one number per picture",
            lambda images: tf.image.total_variation(images) / float(tf.size(images[0])),
            "a loss is one number. Average over the batch as well.",
        ),
        Mistake(
            "the mean squared step",
            lambda images: _mean((_down(images) ** 2, _across(images) ** 2), images),
            "one sharp edge then costs more than many small steps, so edges blur. Take absolute "
            "values.",
        ),
        Mistake(
            "the mean of signed steps",
            lambda images: _mean((_down(images), _across(images)), images),
            "a step up and a step down cancel, so speckle costs nothing. Take absolute values.",
        ),
        Mistake(
            "the variation from left to right alone",
            lambda images: _mean((tf.abs(_across(images)),), images),
            "stripes that lie flat cost nothing. Add the steps from row to row.",
        ),
        Mistake(
            "the variation from top to bottom alone",
            lambda images: _mean((tf.abs(_down(images)),), images),
            "upright stripes cost nothing. Add the steps from column to column.",
        ),
        Mistake(
            "a mean for each direction over its own steps",
            _mean_of_each,
            "a picture has one step less than pixels in each row. Add all steps, then divide by "
            "the number of entries, so that both directions weigh alike.",
        ),
        Mistake(
            "the variation of a picture that is wrapped around",
            _around,
            "`roll` makes the last column a neighbour of the first. Subtract two slices instead.",
        ),
    ),
)

EXERCISES = (GRAM, TOTAL_VARIATION)
