"""The model trains what it should, refuses what it cannot use, and survives saving."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import small_vae, with_batch_norm

from helpers import losses, metrics, vae


def fitted(model, images, **settings):
    model.compile(keras.optimizers.Adam(1e-2))
    return model.fit(images, verbose=0, **{"batch_size": 32, "epochs": 5, **settings})


def test_loss_is_reconstruction_plus_beta_kl(images):
    model = small_vae(beta=3.0)
    history = fitted(model, images, epochs=1).history
    total = history["reconstruction"][0] + 3 * history["kl"][0]
    np.testing.assert_allclose(history["loss"][0], total, rtol=1e-5)


def test_training_lowers_the_bound(model, images):
    before = metrics.evidence_bound(model, images)["total"]
    fitted(model, images, epochs=20)
    assert metrics.evidence_bound(model, images)["total"] < 0.7 * before


def test_gradients_reach_every_weight(model, images):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=images, y_pred=model(images))
    gradients = tape.gradient(loss, model.trainable_weights)
    assert len(gradients) == 10
    assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in gradients)


def test_without_beta_the_posterior_shrinks(images):
    widths = []
    for beta in (0.0, 5.0):
        model = small_vae(beta=beta)
        fitted(model, images, epochs=20)
        widths.append(np.exp(0.5 * model.encode(images)[1]).mean())
    assert widths[0] < 0.3 * widths[1]


def test_keras_file_round_trip(model, images, tmp_path):
    fitted(model, images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert (loaded.beta, loaded.seed, loaded.latent_dim) == (1.0, 3, 2)
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))
    z = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_array_equal(loaded.decode(z), model.decode(z))


def test_loaded_model_can_train_on(model, images, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    history = fitted(loaded, images).history["loss"]
    assert history[-1] < history[0]


def test_encode_and_decode_agree_with_the_networks_whatever_the_count(model, images):
    many = np.concatenate([images] * 3)
    z_mean, z_log_var = model.encode(many)
    expected = model.encoder.predict(many, verbose=0)
    np.testing.assert_allclose(z_mean, expected[0], atol=1e-5)
    np.testing.assert_allclose(z_log_var, expected[1], atol=1e-5)
    pictures = model.decode(z_mean)
    assert pictures.shape == many.shape and pictures.min() >= 0 and pictures.max() <= 1
    logits = model.decoder.predict(z_mean, verbose=0)
    np.testing.assert_allclose(pictures, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_batch_norm_statistics_move(images):
    image = keras.Input((8, 8, 1))
    norm = keras.layers.BatchNormalization()
    h = norm(keras.layers.Flatten()(image))
    encoder = keras.Model(image, [keras.layers.Dense(2)(h), keras.layers.Dense(2)(h)])
    model = vae.VAE(encoder, small_vae().decoder)
    before = np.array(norm.moving_mean)
    fitted(model, images, epochs=1)
    assert not np.allclose(before, norm.moving_mean)


def test_batch_norm_of_the_decoder_learns_its_statistics(images):
    decoder, norm = with_batch_norm()
    model = vae.VAE(small_vae().encoder, decoder, seed=3)
    before = [np.array(statistic) for statistic in (norm.moving_mean, norm.moving_variance)]
    fitted(model, images, epochs=1)
    for old, new in zip(before, (norm.moving_mean, norm.moving_variance), strict=True):
        assert not np.allclose(old, new)


def test_evaluate_reports_nats_per_image(model, images):
    fitted(model, images)
    result = model.evaluate(images, batch_size=64, verbose=0, return_dict=True)
    z_mean, z_log_var = model.encode(images)
    np.testing.assert_allclose(result["kl"], losses.kl_divergence(z_mean, z_log_var), rtol=1e-4)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda x: x * 255, r"reach from .* scale them to \[0, 1\]"),
        (lambda x: x - 1, r"scale them to \[0, 1\]"),
        (lambda x: x[..., 0], r"have shape \(256, 8, 8\): use \(n, height"),
        (lambda x: x[:0], r"have shape \(0, 8, 8, 1\)"),
        (lambda x: np.where(x > 2, x, np.nan), r"reach from nan"),
    ],
)
def test_images_of_wrong_range_or_rank(model, images, broken, sentence):
    model.compile("adam")
    with pytest.raises(ValueError, match=sentence):
        model.fit(broken(images))
    with pytest.raises(ValueError, match=sentence):
        model.encode(broken(images))


def test_batch_size_zero(model, images):
    model.compile("adam")
    with pytest.raises(ValueError, match="batch_size is 0: use a whole number of 1 or more"):
        model.fit(images, batch_size=0)


def test_negative_beta():
    with pytest.raises(ValueError, match=r"beta is -1\.0: use 0 or a positive number"):
        small_vae(beta=-1.0)


def test_encoder_and_decoder_must_fit():
    with pytest.raises(ValueError, match=r"encoder emits .* and the decoder takes"):
        vae.VAE(small_vae(latent_dim=3).encoder, small_vae(latent_dim=2).decoder)


def test_codes_of_another_width(model):
    with pytest.raises(ValueError, match=r"codes have shape \(4, 3\): use \(n, 2\)"):
        model.decode(np.zeros((4, 3)))
