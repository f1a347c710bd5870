"""Sampling draws from the right distribution, repeats by seed, and lets gradients through."""

import keras
import numpy as np
import pytest
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


GREY = np.full((4, 50, 50, 1), 0.4, "float32")


def test_gaussian_damage_by_hand():
    epsilon = np.array(keras.random.normal(GREY.shape, seed=3))
    found = np.array(layers.corrupt(GREY, "gaussian", 0.5, seed=3))
    np.testing.assert_allclose(found, np.clip(GREY + 0.5 * epsilon, 0, 1), atol=1e-6)
    assert epsilon.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 1.0])
def test_shares_of_damaged_values(level):
    salt = np.array(layers.corrupt(GREY, "salt_and_pepper", level, seed=0))
    mask = np.array(layers.corrupt(GREY, "masking", level, seed=0))
    for damaged, value, share in ((salt, 0, level / 2), (salt, 1, level / 2), (mask, 0, level)):
        assert np.mean(damaged == value) == pytest.approx(share, abs=0.02)
    assert set(np.unique(salt)) <= {0, 1, np.float32(0.4)} and mask.max() <= np.float32(0.4)


@pytest.mark.parametrize("kind", layers.KINDS)
def test_corruption_acts_only_while_training_and_repeats_by_seed(kind):
    first, second = (layers.Corruption(kind, 0.3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first(GREY), GREY)
    once, again = np.array(first(GREY, training=True)), np.array(first(GREY, training=True))
    np.testing.assert_array_equal(once, second(GREY, training=True))
    assert not np.array_equal(once, again) and not np.array_equal(once, GREY)


def test_corruption_acts_inside_fit():
    image = keras.Input((50, 50, 1))
    model = keras.Model(
        image, keras.layers.Rescaling(1.0)(layers.Corruption("masking", 0.5)(image))
    )
    model.compile(loss="mse")
    assert model.evaluate(GREY, GREY, verbose=0) == 0
    with pytest.warns(UserWarning, match="trainable weights"):
        history = model.fit(GREY, GREY, verbose=0)
    assert history.history["loss"][0] == pytest.approx(0.5 * 0.4**2, rel=0.1)


def test_corruption_round_trip_through_config():
    config = keras.saving.serialize_keras_object(layers.Corruption("masking", 0.2, seed=4))
    copy = keras.saving.deserialize_keras_object(config)
    assert (copy.kind, copy.level, copy.seed) == ("masking", 0.2, 4)


@pytest.mark.parametrize(("kind", "level"), [("snow", 0.1), ("gaussian", -1), ("masking", 1.5)])
def test_unknown_damage_is_named(kind, level):
    with pytest.raises(
        ValueError, match=f"kind is '{kind}' and level {level}: use one of gaussian"
    ):
        layers.corrupt(GREY, kind, level, seed=0)
