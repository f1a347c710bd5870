"""How steep may a discriminator be?

Where D is steep, the gradient that G learns from explodes; where D is flat, it vanishes. A penalty
on the slope of D, weighted by the model, is added to what D minimises:

    penalty    E of                              at the points
    r1         |grad D|^2 / 2                    x, real
    dragan     (|grad D| - 1)^2                  x + e std(x) / 2,         e ~ N(0, I)
    wgan_gp    (|grad D| - 1)^2                  u x + (1 - u) G(z),       u uniform in [0, 1]

    symbol     shape           meaning
    D          (batch, 1)      D's logits, one for each picture
    grad D     (batch, ...)    gradient of a picture's logit with respect to that picture

Each picture has a slope of its own only if its logit depends on it alone. Batch norm and
:class:`helpers.layers.MinibatchStdDev` mix the pictures of a batch: the gradient of the sum of the
logits, which is what one pass back through D gives, then is no picture's slope.

Mescheder and others, arXiv:1801.04406 (R1); Kodali and others, arXiv:1705.07215 (DRAGAN); Gulrajani
and others, arXiv:1704.00028 (WGAN-GP, section 4: no batch norm in D).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers.layers import Seed

PENALTIES = ("none", "r1", "dragan", "wgan_gp")
Critic: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


def as_tensors(*values: Any) -> list[tf.Tensor]:
    """Tensors, arrays, lists or numbers as tensors of one type, float32 or wider."""
    tensors = [ops.convert_to_tensor(value) for value in values]
    kind = keras.backend.result_type(*(tensor.dtype for tensor in tensors), "float32")
    return [ops.cast(tensor, kind) for tensor in tensors]


def slope(critic: Critic, x: tf.Tensor) -> tf.Tensor:
    """Length of the gradient of D at each point, shape (batch,).

    A tiny number under the root keeps the gradient of this length finite where D is flat.

    >>> round(float(slope(lambda x: 3 * x[:, :1] + 4 * x[:, 1:], [[0.0, 0.0]])[0]), 4)  # |(3, 4)|
    5.0

    Args:
        critic: from a batch to logits of shape (batch, 1).
        x: points or pictures, shape (batch, ...).

    Raises:
        ValueError: the critic mixes the points of a batch. Inside a compiled step nobody can look;
            :func:`check_penalty` looks before.
    """
    (x,) = as_tensors(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        (logits,) = as_tensors(critic(x))
        total, first = ops.sum(logits), logits[0]
    if tf.executing_eagerly() and ops.any(ops.abs(tape.gradient(first, x)[1:]) > 0):
        raise ValueError(
            "D mixes the pictures of a batch, as batch norm and MinibatchStdDev do, so none has a "
            "slope of its own: use layer norm or none in D, or penalty 'none'."
        )
    gradient = tape.gradient(total, x)
    squares = ops.sum(ops.square(gradient), axis=tuple(range(1, len(x.shape))))
    return ops.sqrt(squares + 1e-12)


def penalty_points(penalty: str, real: tf.Tensor, fake: tf.Tensor, seed: Seed) -> tf.Tensor:
    """Where a penalty looks at the slope of D; see the table at the top of this module.

    >>> penalty_points("r1", [[1.0, 2.0]], None, seed=0)
    [[1.0, 2.0]]

    Args:
        penalty: one of `PENALTIES` but "none".
        real: real points or pictures, shape (batch, ...).
        fake: as many of G's; only "wgan_gp" asks.
        seed: an integer, or a `keras.random.SeedGenerator`; one uniform number for each pair in
            "wgan_gp", one normal number for each value in "dragan".

    Returns:
        Shape (batch, ...).
    """
    if penalty == "r1":
        return real
    if penalty == "dragan":
        (real,) = as_tensors(real)
        noise = keras.random.normal(ops.shape(real), dtype="float32", seed=seed)
        return real + 0.5 * ops.std(real) * ops.cast(noise, real.dtype)
    real, fake = as_tensors(real, fake)
    shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
    share = ops.cast(keras.random.uniform(shape, dtype="float32", seed=seed), real.dtype)
    return share * real + (1 - share) * fake


def gradient_penalty(
    penalty: str, critic: Critic, real: tf.Tensor, fake: tf.Tensor, seed: Seed
) -> tf.Tensor:
    """How far the slope of D is from what it should be, a scalar, 0 or more.

    >>> points = [[0.0], [1.0]]
    >>> float(gradient_penalty("r1", lambda x: 3 * x, points, points, seed=0))  # 3^2 / 2
    4.5

    Args:
        penalty: one of `PENALTIES`; "none" gives 0.
        critic: from a batch to logits of shape (batch, 1).
        real: real points or pictures, shape (batch, ...).
        fake: as many of G's.
        seed: an integer, or a `keras.random.SeedGenerator`.

    Raises:
        ValueError: an unknown penalty, or a critic that mixes the points, see :func:`slope`.
    """
    if penalty not in PENALTIES:
        raise ValueError(f"penalty is {penalty!r}: use one of {', '.join(PENALTIES)}.")
    if penalty == "none":
        return ops.zeros(())
    lengths = slope(critic, penalty_points(penalty, real, fake, seed))
    if penalty == "r1":
        return 0.5 * ops.mean(ops.square(lengths))
    return ops.mean(ops.square(lengths - 1))


def check_penalty(penalty: str, discriminator: keras.Model, training: bool = True) -> None:
    """Refuse a penalty on a D that mixes the pictures of a batch.

    It looks at four random pictures, with the weights moved a little, for a layer that starts at
    zero hides what lies before it. Weights, statistics and seeds are put back.

    Args:
        penalty: one of `PENALTIES`; "none" refuses nothing.
        discriminator: model from pictures, or from `[pictures, conditions]`, to one logit.
        training: whether the penalty will see D in training mode; batch norm mixes only there.

    Raises:
        ValueError: one sentence that says what to use instead.
    """
    if penalty == "none":
        return
    rng, kept = np.random.default_rng(0), [ops.convert_to_numpy(v) for v in discriminator.variables]
    shapes = [(4, *(side or 32 for side in given.shape[1:])) for given in discriminator.inputs]
    conditions = [ops.zeros(s, g.dtype) for s, g in zip(shapes, discriminator.inputs, strict=True)][
        1:
    ]
    try:
        for weight in discriminator.trainable_variables:
            weight.assign_add(rng.normal(0, 0.1, weight.shape))
        slope(
            lambda x: discriminator([x, *conditions] if conditions else x, training=training),
            rng.normal(size=shapes[0]).astype("float32"),
        )
    finally:
        for variable, value in zip(discriminator.variables, kept, strict=True):
            variable.assign(value)
