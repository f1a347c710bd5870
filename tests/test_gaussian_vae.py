"""The Gaussian and the conditional VAE: the noise is the error, conditions leave z the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import small_vae

from helpers import losses, metrics, vae


def gaussian(**settings):
    return small_vae(kind=vae.GaussianVAE, **settings)


def conditional(latent_dim=2, width=2, beta=1.0, seed=3):
    """A conditional VAE over 8x8 images."""
    encoder = gaussian(latent_dim=latent_dim, seed=seed).encoder
    inputs = [keras.Input((latent_dim,)), keras.Input((width,))]
    h = keras.layers.Dense(32, "tanh")(keras.layers.Concatenate()(inputs))
    logits = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(h))
    return vae.ConditionalVAE(encoder, keras.Model(inputs, logits), beta=beta, seed=seed)


def fitted(model, x, epochs=20):
    model.compile(keras.optimizers.Adam(1e-2))
    return model.fit(x, verbose=0, batch_size=32, epochs=epochs)


@pytest.fixture
def halves(images):
    """One-hot: whether a blob's brightest row lies in the upper or the lower half."""
    lower = images.max(axis=(2, 3)).argmax(axis=1) >= 4
    return np.stack([~lower, lower], axis=1).astype("float32")


def test_loss_is_the_negative_bound(images):
    model = gaussian(noise_std=0.3)
    outputs = model(images)
    pictures = tf.sigmoid(outputs["logits"])
    nats = tf.reduce_mean(losses.gaussian_per_image(images, pictures, model.log_std))
    kl = losses.kl_divergence(outputs["z_mean"], outputs["z_log_var"])
    computed = model.compute_loss(x=images, y_pred=outputs, training=False)
    np.testing.assert_allclose(computed, nats + kl, rtol=1e-5)


def test_learned_noise_ends_at_the_error_of_the_training_images(images):
    model = gaussian()
    fitted(model, images, epochs=100)
    outputs = model(images)
    error = np.mean((images - np.array(tf.sigmoid(outputs["logits"]))) ** 2)
    assert np.exp(model.log_std) == pytest.approx(np.sqrt(error), rel=0.1)


def test_the_learned_noise_follows_the_weighed_error_against_the_target(images):
    clean, model = images[::-1], gaussian()
    sample_weight = np.random.default_rng(0).uniform(0, 2, len(images)).astype("float32")
    model.compile(keras.optimizers.SGD(0.0))
    start, outputs = float(model.log_std), gaussian()(images)
    squares = (np.array(tf.sigmoid(outputs["logits"])) - clean) ** 2
    error = np.average(squares.mean(axis=(1, 2, 3)), weights=sample_weight)
    options = {"sample_weight": sample_weight, "batch_size": 256, "shuffle": False, "verbose": 0}
    model.fit(images, clean, **options)
    assert float(model.log_std) == pytest.approx(start + 0.1 * (0.5 * np.log(error) - start))


@pytest.mark.parametrize("network", ["encoder", "decoder"])
def test_batch_norm_of_a_conditional_vae_learns_its_statistics(images, halves, network):
    norm, plain = keras.layers.BatchNormalization(), conditional()
    given = getattr(plain, network)
    changed = keras.Model(given.inputs, [norm(given.outputs[0]), *given.outputs[1:]])
    if network == "decoder":
        changed = keras.Model(given.inputs, changed.outputs[0])
    parts = {"encoder": plain.encoder, "decoder": plain.decoder, network: changed}
    model = vae.ConditionalVAE(**parts, seed=3)
    before = [np.array(statistic) for statistic in norm.non_trainable_weights]
    fitted(model, [images, halves], epochs=1)
    for old, new in zip(before, norm.non_trainable_weights, strict=True):
        assert not np.allclose(old, new)


def test_fixed_noise_stays_and_evaluation_moves_nothing(images):
    model = gaussian(noise_std=0.3)
    fitted(model, images, epochs=2)
    assert np.exp(model.log_std) == pytest.approx(0.3)
    model = gaussian()
    model.compile("adam")
    before = float(model.log_std)
    model.evaluate(images, verbose=0)
    assert float(model.log_std) == before


def test_small_noise_gives_a_better_bound_and_a_smaller_error(images):
    bounds, errors = {}, {}
    for noise in (1.0, None):
        model = gaussian(noise_std=noise)
        fitted(model, images, epochs=30)
        bounds[noise] = metrics.evidence_bound(model, images)["total"]
        errors[noise] = metrics.squared_error(images, model.reconstruct(images)).mean()
    assert bounds[None] < bounds[1.0] and errors[None] < 0.7 * errors[1.0]


def test_free_bits_wake_units_up(images):
    active = []
    for free in (0.0, 0.3):
        model = gaussian(latent_dim=4, noise_std=1.0, free_bits=free)
        fitted(model, images)
        active.append(metrics.active_units(model.encode(images)[0]).sum())
    assert active[0] < active[1]


def test_gradients_reach_every_weight_of_both_kinds(images, halves):
    for model, x in ((gaussian(), images), (conditional(), [images, halves])):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=x, y_pred=model(x))
        gradients = tape.gradient(loss, model.trainable_weights)
        assert len(gradients) == 10
        assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in gradients)


@pytest.mark.parametrize("make", [gaussian, conditional])
def test_keras_file_round_trip(make, images, halves, tmp_path):
    model, extra = make(), [] if make is gaussian else [halves]
    fitted(model, [images, *extra] if extra else images, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert type(loaded) is type(model) and float(loaded.log_std) == float(model.log_std)
    np.testing.assert_array_equal(
        loaded.reconstruct(images, *extra), model.reconstruct(images, *extra)
    )


def test_settings_survive_the_file(tmp_path):
    gaussian(beta=2.0, noise_std=0.3, free_bits=0.1).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert (loaded.beta, loaded.noise_std, loaded.free_bits) == (2.0, 0.3, 0.1)


def test_the_same_seed_trains_the_same_model(images, halves):
    again = [fitted(conditional(), [images, halves], 2).history["loss"] for _ in range(2)]
    assert again[0] == again[1]


def test_conditions_decide_and_z_is_left_with_the_rest(images, halves):
    model = conditional(beta=4.0)
    fitted(model, [images, halves], epochs=60)
    z = np.random.default_rng(0).normal(size=(200, 2))
    drawn = [model.decode(z, np.repeat(np.eye(2)[[row]], 200, axis=0)) for row in (0, 1)]
    profiles = [part.mean(axis=(0, 2, 3)) for part in drawn]
    upper, lower = (profile @ np.arange(8) / profile.sum() for profile in profiles)
    assert lower - upper > 1
    plain = gaussian(beta=4.0)
    fitted(plain, images, epochs=60)
    kl_conditional, kl_plain = (
        float(losses.kl_divergence(*m.encode(images))) for m in (model, plain)
    )
    assert kl_conditional < kl_plain


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        (np.zeros((256, 3)), r"conditions have shape \(256, 3\) for 256 pictures: use \(256, 2\)"),
        (np.zeros((4, 2)), r"conditions have shape \(4, 2\) for 256 pictures"),
    ],
)
def test_conditions_of_another_shape(images, conditions, sentence):
    model = conditional()
    model.compile("adam")
    with pytest.raises(ValueError, match=sentence):
        model.fit([images, conditions])
    with pytest.raises(ValueError, match=sentence):
        model.reconstruct(images, conditions)


@pytest.mark.parametrize("wrong", [lambda x, c: x, lambda x, c: [x], lambda x, c: [x, c, c]])
def test_conditional_training_wants_a_pair(images, halves, wrong):
    model = conditional()
    model.compile("adam")
    with pytest.raises(ValueError, match=r"trains on a pair: give fit\(\[images, conditions\]\)"):
        model.fit(wrong(images, halves))


def test_conditional_decoder_needs_two_inputs():
    plain = gaussian()
    with pytest.raises(ValueError, match="decoder has 1 inputs: give it two, z and the condition"):
        vae.ConditionalVAE(plain.encoder, plain.decoder)


def test_codes_of_another_width_and_images_out_of_range(images, halves):
    model = conditional()
    with pytest.raises(ValueError, match=r"codes have shape \(4, 3\): use \(n, 2\)"):
        model.decode(np.zeros((4, 3)), np.zeros((4, 2)))
    model.compile("adam")
    with pytest.raises(ValueError, match=r"scale them to \[0, 1\]"):
        model.fit([255 * images, halves])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"noise_std": 0.0}, r"noise_std is 0\.0: use a number above 0"),
        ({"noise_std": -1}, "noise_std is -1: use a number above 0"),
        ({"free_bits": -0.5}, r"free_bits is -0\.5: use 0 or a positive number"),
    ],
)
def test_settings_out_of_range(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        gaussian(**settings)
