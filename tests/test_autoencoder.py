"""What an autoencoder promises: PCA where it is linear, gradients everywhere, files that agree."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import with_batch_norm
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from helpers import autoencoder, vae


def linear(width=6, code_size=2, seed=0):
    keras.utils.set_random_seed(seed)
    x, z = keras.Input((width,)), keras.Input((code_size,))
    encoder = keras.Model(x, keras.layers.Dense(code_size)(x))
    return autoencoder.Autoencoder(encoder, keras.Model(z, keras.layers.Dense(width)(z)))


def over_images(penalty=None, seed=0):
    keras.utils.set_random_seed(seed)
    x, z = keras.Input((8, 8, 1)), keras.Input((3,))
    h = keras.layers.BatchNormalization()(keras.layers.Flatten()(x))
    code = keras.layers.Dense(3, activity_regularizer=penalty)(h)
    pixels = keras.layers.Dense(64, "sigmoid")(z)
    picture = keras.layers.Reshape((8, 8, 1))(pixels)
    return autoencoder.Autoencoder(keras.Model(x, code), keras.Model(z, picture))


def test_linear_autoencoder_finds_the_principal_subspace():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(2, 6))
    points = rng.normal(size=(1000, 2)) @ basis + 0.1 * rng.normal(size=(1000, 6)) + 0.5
    points, model = points.astype("float32"), linear()
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 60 * 32)
    model.compile(keras.optimizers.Adam(schedule), "mse")
    model.fit(points, batch_size=32, epochs=60, verbose=0)
    pca = PCA(2).fit(points)
    best = np.mean((pca.inverse_transform(pca.transform(points)) - points) ** 2)
    computed = np.mean((model.reconstruct(points) - points) ** 2)
    rows = model.decoder.get_weights()[0]
    assert best <= computed < 1.01 * best
    assert np.degrees(subspace_angles(rows.T, pca.components_.T)).max() < 1


def test_gradients_reach_every_weight(images):
    model = over_images()
    model.compile("sgd", "mse")
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=images, y_pred=model(images, training=True))
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True
    ):
        assert np.abs(gradient).max() > 0, weight.path


def test_fit_learns_and_moves_batch_norm(images):
    model = over_images()
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    before = [np.array(w) for w in model.non_trainable_weights]
    first = model.evaluate(images, verbose=0)
    model.fit(images, batch_size=32, epochs=20, verbose=0)
    assert model.evaluate(images, verbose=0) < 0.5 * first
    moved = zip(before, model.non_trainable_weights, strict=True)
    assert all(not np.allclose(old, new) for old, new in moved)


def test_batch_norm_of_the_decoder_learns_its_statistics(images):
    decoder, norm = with_batch_norm(latent_dim=3)
    model = autoencoder.Autoencoder(over_images().encoder, decoder)
    model.compile("adam", "mse")
    before = [np.array(statistic) for statistic in (norm.moving_mean, norm.moving_variance)]
    model.fit(images, batch_size=32, verbose=0)
    for old, new in zip(before, (norm.moving_mean, norm.moving_variance), strict=True):
        assert not np.allclose(old, new)


def test_loss_is_that_against_the_input_or_the_target(images):
    model = over_images()
    model.compile("sgd", "mse")
    reconstructed, other = model.reconstruct(images), images[::-1]
    for target, arguments in ((images, (images,)), (other, (images, other))):
        by_hand = np.mean((reconstructed - target) ** 2)
        assert model.evaluate(*arguments, verbose=0) == pytest.approx(by_hand, rel=1e-5)


def test_metrics_know_the_target(images):
    model = over_images()
    model.compile("sgd", "mse", metrics=["mae"])
    computed = model.fit(images, verbose=0).history
    assert set(computed) == {"loss", "mae"} and np.isfinite(computed["mae"][0])
    by_hand = np.abs(model.reconstruct(images) - images).mean()
    assert model.evaluate(images, verbose=0)[1] == pytest.approx(by_hand, rel=1e-4)


def test_penalties_of_layers_count(images):
    plain, sparse = over_images(), over_images(keras.regularizers.L1(0.01))
    for model in (plain, sparse):
        model.compile("sgd", "mse")
    extra = 0.01 * np.abs(plain.encode(images)).sum(axis=1).mean()
    losses = [m.evaluate(images, batch_size=256, verbose=0) for m in (plain, sparse)]
    assert losses[1] - losses[0] == pytest.approx(extra, rel=1e-4)


def test_same_seed_same_numbers(images):
    errors = []
    for _ in range(2):
        model = over_images(seed=5)
        model.compile("adam", "mse")
        history = model.fit(images, epochs=2, verbose=0)
        errors.append(history.history["loss"])
    assert errors[0] == errors[1]


def test_saved_and_loaded_agree(images, tmp_path):
    model = over_images()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model.reconstruct(images), again.reconstruct(images))
    assert type(again) is autoencoder.Autoencoder and again.code_size == 3


def test_batches_change_nothing(images, monkeypatch):
    model = over_images()
    whole = model.reconstruct(images)
    monkeypatch.setattr(autoencoder, "BATCH", 37)
    np.testing.assert_allclose(model.reconstruct(images), whole, atol=1e-6)


def test_a_network_with_two_outputs_keeps_both():
    both = autoencoder.in_batches(lambda x: [x, 2 * x], np.ones((1100, 3)))
    assert both.shape == (2, 1100, 3) and both[1].max() == 2


@pytest.mark.parametrize(
    ("kind", "words"), [(autoencoder.Autoencoder, "one output"), (vae.VAE, "two outputs")]
)
def test_parts_that_do_not_fit(kind, words):
    x, z = keras.Input((4,)), keras.Input((3,))
    encoder = keras.Model(x, keras.layers.Dense(2)(x))
    decoder = keras.Model(z, keras.layers.Dense(4)(z))
    with pytest.raises(ValueError, match=rf"emits \[\(None, 2\)\].*takes \(None, 3\).*{words}"):
        kind(encoder, decoder)


def test_codes_of_another_width():
    with pytest.raises(ValueError, match=r"codes have shape \(5, 3\): use \(n, 2\)"):
        linear().decode(np.zeros((5, 3)))


def test_images_out_of_range_are_refused(images):
    model = over_images()
    model.compile("sgd", "mse")
    for call in (model.fit, model.encode, model.reconstruct):
        with pytest.raises(ValueError, match="images / 255"):
            call(255 * images)


def test_points_may_have_any_range():
    assert linear().encode(1000 * np.ones((5, 6), "float32")).shape == (5, 2)
