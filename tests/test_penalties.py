"""Penalties by closed forms, statistics and finite differences, and the critics they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.stats import kstest

from helpers import gan, layers, losses, penalties

RNG = np.random.default_rng(0)
SLOPED = [penalty for penalty in losses.PENALTIES if penalty != "none"]


@pytest.mark.parametrize("shape", [(16, 2), (16, 4, 4, 3)])
@pytest.mark.parametrize("penalty", SLOPED)
def test_penalties_of_a_linear_critic_are_the_closed_form(penalty, shape):
    real, fake = RNG.normal(size=(2, *shape)).astype("float32")
    weights = RNG.normal(size=(np.prod(shape[1:]), 1)).astype("float32")
    length = np.linalg.norm(weights)
    expected = length**2 / 2 if penalty == "r1" else (length - 1) ** 2

    def critic(x):
        return tf.reshape(x, (len(x), -1)) @ weights

    points = tf.constant(real), tf.constant(fake)
    computed = float(losses.gradient_penalty(penalty, critic, *points, seed=0))
    assert computed == pytest.approx(expected, rel=1e-4)
    slopes = losses.slope(critic, points[0])
    np.testing.assert_allclose(slopes, np.full(16, length), rtol=1e-5)


def test_slope_matches_finite_differences():
    critic = small_critic()
    x, step = RNG.normal(size=(5, 2)).astype("float32"), 1e-3
    across = [
        (critic(x + step * unit) - critic(x - step * unit))[:, 0] / (2 * step)
        for unit in np.eye(2, dtype="float32")
    ]
    computed = losses.slope(critic, tf.constant(x))
    np.testing.assert_allclose(computed, np.hypot(*across), rtol=1e-2, atol=1e-3)


def small_critic():
    """A smooth critic of points on the plane."""
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((2,)), *map(keras.layers.Dense, (8, 1), ("tanh", None))])


@pytest.mark.parametrize("penalty", SLOPED)
def test_gradient_of_a_penalty_matches_finite_differences(penalty):
    critic = small_critic()
    real, fake = (tf.constant(part) for part in RNG.normal(size=(2, 8, 2)).astype("float32"))

    def value():
        return losses.gradient_penalty(penalty, critic, real, fake, seed=4)

    weights = critic.trainable_variables[0]
    with tf.GradientTape() as tape:
        computed = value()
    gradient, before, step = tape.gradient(computed, weights).numpy(), weights.numpy(), 1e-2
    for place in np.ndindex(*before.shape):
        shift = np.zeros_like(before)
        shift[place] = step
        sides = []
        for sign in (1, -1):
            weights.assign(before + sign * shift)
            sides.append(float(value()))
        weights.assign(before)
        assert gradient[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=3e-3)


@pytest.mark.parametrize("penalty", SLOPED)
def test_penalties_and_their_gradients_are_finite_where_the_critic_is_flat(penalty):
    weights = tf.Variable(tf.zeros((2, 1)))
    points = tf.ones((4, 2))
    with tf.GradientTape() as tape:
        value = losses.gradient_penalty(penalty, lambda x: x @ weights, points, -points, seed=0)
    assert float(value) == pytest.approx(0 if penalty == "r1" else 1, abs=1e-4)
    assert np.isfinite(tape.gradient(value, weights)).all()


def test_no_penalty_is_zero():
    assert float(losses.gradient_penalty("none", None, None, None, seed=0)) == 0


def test_wgan_gp_looks_between_real_and_fake_one_uniform_share_for_each_picture():
    real, fake = np.ones((4000, 3, 3, 1), "float32"), np.zeros((4000, 3, 3, 1), "float32")
    share = np.array(losses.penalty_points("wgan_gp", real, fake, seed=0)).reshape(4000, 9)
    np.testing.assert_allclose(share, share[:, :1].repeat(9, axis=1))
    assert kstest(share[:, 0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(share[1:, 0], share[:-1, 0])[0, 1]) < 0.05


def test_dragan_looks_around_real_points_one_normal_number_for_each_value():
    real = RNG.normal(3, 2, (500, 8)).astype("float32")
    points = np.array(losses.penalty_points("dragan", real, None, seed=0))
    moved = (points - real) / (0.5 * real.std())
    assert kstest(moved.ravel(), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(moved.T) - np.eye(8)).max() < 0.2


def test_r1_looks_at_real_points():
    real = np.ones((2, 2), "float32")
    for fake in (None, 3 * real):
        assert losses.penalty_points("r1", real, fake, seed=0) is real


@pytest.mark.parametrize("penalty", losses.PENALTIES)
def test_penalties_take_numpy_arrays(penalty):
    real, fake = np.ones((4, 2), "float32"), np.zeros((4, 2), "float32")
    value = losses.gradient_penalty(
        penalty, lambda x: keras.ops.sum(x, 1, True), real, fake, seed=0
    )
    assert np.isfinite(value)


def critic_of(*hidden, conditions=0, last="glorot_uniform", seed=0):
    """A discriminator of 4x4 pictures, told conditions or not, with these layers inside."""
    keras.utils.set_random_seed(seed)
    x = h = keras.Input((4, 4, 1))
    h = keras.layers.Conv2D(3, 3, 1, "same")(h)
    for layer in hidden:
        h = layer(h)
    h = keras.layers.Flatten()(keras.layers.LeakyReLU(0.2)(h))
    extra_inputs = [keras.Input((conditions,))] * bool(conditions)
    h = keras.layers.Concatenate()([h, *extra_inputs]) if extra_inputs else h
    logit = keras.layers.Dense(1, kernel_initializer=last)(h)
    return keras.Model([x, *extra_inputs] if extra_inputs else x, logit)


class Centred(keras.layers.Layer):
    """Takes the mean of the batch away, as no Keras layer does by name."""

    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


MIXERS = [keras.layers.BatchNormalization, layers.MinibatchStdDev, Centred]
SEPARATE = [
    lambda: keras.layers.LayerNormalization(axis=(1, 2, 3)),
    lambda: keras.layers.GroupNormalization(3),
    lambda: keras.layers.Dropout(0.3),
    lambda: layers.InstanceNoise(0.1),
    lambda: keras.layers.SpectralNormalization(keras.layers.Conv2D(3, 3)),
]


def state(network):
    return [ops.convert_to_numpy(variable) for variable in network.variables]


@pytest.mark.parametrize("conditions", [0, 2])
@pytest.mark.parametrize("last", ["glorot_uniform", "zeros"])
@pytest.mark.parametrize("mixer", MIXERS)
def test_a_critic_that_mixes_pictures_is_refused_and_left_as_it_was(mixer, last, conditions):
    network = critic_of(mixer(), conditions=conditions, last=last)
    before = state(network)
    with pytest.raises(ValueError, match=r"D mixes the pictures of a batch.*use layer norm"):
        penalties.check_penalty("r1", network)
    for old, new in zip(before, state(network), strict=True):
        np.testing.assert_array_equal(old, new)
    penalties.check_penalty("none", network)


@pytest.mark.parametrize("make", SEPARATE)
def test_a_critic_that_looks_at_one_picture_at_a_time_passes_and_stays(make):
    network = critic_of(make())
    before = state(network)
    penalties.check_penalty("wgan_gp", network)
    for old, new in zip(before, state(network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_batch_norm_in_inference_mode_passes():
    penalties.check_penalty("r1", critic_of(keras.layers.BatchNormalization()), training=False)


@pytest.mark.parametrize("penalty", SLOPED)
def test_a_penalty_by_hand_on_a_mixing_critic_is_refused(penalty):
    network = critic_of(keras.layers.BatchNormalization())
    real, fake = RNG.normal(size=(2, 4, 4, 4, 1)).astype("float32")
    with pytest.raises(ValueError, match="none has a slope of its own"):
        losses.gradient_penalty(penalty, lambda x: network(x, training=True), real, fake, seed=0)


def test_the_slope_is_that_of_each_pictures_own_logit():
    """One picture at a time, and all at once in a compiled step."""
    network = critic_of(keras.layers.LayerNormalization(axis=(1, 2, 3)))
    x = tf.constant(RNG.normal(size=(5, 4, 4, 1)).astype("float32"))
    alone = np.concatenate([losses.slope(network, x[i : i + 1]) for i in range(5)])
    compiled = tf.function(lambda x: losses.slope(network, x))(x)
    np.testing.assert_allclose(losses.slope(network, x), alone, rtol=1e-5)
    np.testing.assert_allclose(compiled, alone, rtol=1e-5)


class Doubled(keras.layers.Layer):
    """Twice its input while training: what a penalty sees tells the mode it looked in."""

    def call(self, x, training=False):
        return 2 * x if training else x


@pytest.mark.parametrize("batches", gan.BATCHES)
@pytest.mark.parametrize("penalty", SLOPED)
def test_a_game_looks_at_its_penalty_in_the_mode_that_d_trains_in(penalty, batches):
    z, x = keras.Input((2,)), keras.Input((2,))
    parts = (
        keras.Model(z, keras.layers.Dense(2)(z)),
        keras.Model(x, keras.layers.Dense(1)(Doubled()(x))),
    )
    kernel = parts[1].get_weights()[0]
    computed = []
    for weight in (0.0, 1.0):
        model = gan.GAN(*parts, penalty=penalty, penalty_weight=weight, batches=batches, seed=0)
        model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        real, noise = (tf.constant(a) for a in np.ones((2, 4, 2), "float32"))
        computed.append(float(model.discriminator_step(real, noise)[0]))
    length = (1 if batches == "inference" else 2) * np.linalg.norm(kernel)
    expected = length**2 / 2 if penalty == "r1" else (length - 1) ** 2
    assert computed[1] - computed[0] == pytest.approx(expected, rel=1e-4)
