"""Sampling draws from the right distribution, repeats by seed, and lets gradients through."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import layers


def test_draws_have_the_mean_and_variance_asked_for():
    z_mean = np.tile([1.0, -2.0], (200_000, 1)).astype("float32")
    z_log_var = np.tile([0.0, -1.5], (200_000, 1)).astype("float32")
    z = ops.convert_to_numpy(layers.Sampling(0)([z_mean, z_log_var]))
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=0.01)
    np.testing.assert_allclose(z.var(axis=0), np.exp([0, -1.5]), rtol=0.02)


def test_gradients_match_finite_differences():
    z_mean, z_log_var = tf.constant([[0.3, -0.7]]), tf.constant([[0.2, -1.0]])

    def square(mean, log_var):
        return tf.reduce_sum(layers.Sampling(4)([mean, log_var]) ** 2)

    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_log_var])
        value = square(z_mean, z_log_var)
    gradients = tape.gradient(value, [z_mean, z_log_var])
    step = 1e-2
    for which, gradient in enumerate(gradients):
        for unit in np.eye(2, dtype="float32"):
            shifts = [(step * unit if i == which else 0.0 * unit) for i in (0, 1)]
            up = square(z_mean + shifts[0], z_log_var + shifts[1])
            down = square(z_mean - shifts[0], z_log_var - shifts[1])
            slope = np.sum(gradient.numpy() * unit)
            np.testing.assert_allclose((up - down) / (2 * step), slope, 1e-2)


def test_same_seed_same_draws_and_fresh_noise_each_call():
    inputs = [np.zeros((3, 2), "float32")] * 2
    first, second = layers.Sampling(1), layers.Sampling(1)
    one, again = ops.convert_to_numpy(first(inputs)), ops.convert_to_numpy(first(inputs))
    np.testing.assert_array_equal(one, second(inputs))
    assert not np.array_equal(one, again)


def test_round_trip_through_config():
    layer = layers.Sampling(seed=9, name="draw")
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert (copy.seed, copy.name) == (9, "draw")


def test_adain_gives_the_content_the_styles_mean_and_standard_deviation():
    rng = np.random.default_rng(0)
    content = rng.normal(3, 2, (2, 6, 8, 4)).astype("float32")
    style = rng.normal(-1, 5, (2, 5, 5, 4)).astype("float32")
    found = ops.convert_to_numpy(layers.AdaIN()([content, style]))
    over = {"axis": (1, 2), "keepdims": True}
    normal = (content - content.mean(**over)) / content.std(**over)
    expected = normal * style.std(**over) + style.mean(**over)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_adain_of_a_flat_channel_stays_finite():
    flat, style = np.zeros((1, 4, 4, 1), "float32"), np.ones((1, 4, 4, 1), "float32")
    np.testing.assert_allclose(layers.AdaIN()([flat, style]), style, atol=1e-6)


def test_adain_survives_a_round_trip(tmp_path):
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    model = keras.Model(inputs, layers.AdaIN(epsilon=0.1)(inputs))
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    arrays = list(np.random.default_rng(0).normal(size=(2, 1, 4, 4, 3)).astype("float32"))
    np.testing.assert_array_equal(model(arrays), again(arrays))
    assert again.layers[-1].epsilon == 0.1
