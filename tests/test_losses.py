"""The formulas against NumPy, Keras, and Monte Carlo."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import norm
from sklearn.metrics import hinge_loss

from helpers import data, losses

RNG = np.random.default_rng(0)


def random_posterior(batch=5, latent_dim=3):
    shape = (batch, latent_dim)
    return RNG.normal(size=shape).astype("float32"), RNG.normal(size=shape).astype("float32")


def test_kl_matches_monte_carlo():
    z_mean, z_log_var = random_posterior()
    posterior = norm(z_mean.astype(float), np.exp(0.5 * z_log_var.astype(float)))
    draws = posterior.rvs((200_000, *z_mean.shape), random_state=1)
    log_ratio = np.sum(posterior.logpdf(draws) - norm.logpdf(draws), axis=-1)
    np.testing.assert_allclose(losses.kl_divergence(z_mean, z_log_var), log_ratio.mean(), rtol=5e-3)


def test_kl_is_summed_over_dimensions_and_averaged_over_the_batch():
    z_mean, z_log_var = random_posterior()
    variance = np.exp(z_log_var)
    per_image = -0.5 * np.sum(1 + z_log_var - z_mean**2 - variance, axis=1)
    np.testing.assert_allclose(losses.kl_divergence(z_mean, z_log_var), per_image.mean(), rtol=1e-5)
    doubled = [np.concatenate([part, part], axis=1) for part in (z_mean, z_log_var)]
    np.testing.assert_allclose(losses.kl_divergence(*doubled), 2 * per_image.mean(), rtol=1e-5)


def test_kl_of_the_prior_is_zero_and_never_negative():
    zeros = np.zeros((4, 2), "float32")
    assert float(losses.kl_divergence(zeros, zeros)) == 0
    assert np.min(losses.kl_terms(*random_posterior(1000, 8))) >= 0


def test_bernoulli_matches_keras_summed_over_pixels():
    x = RNG.random((4, 8, 8, 1)).astype("float32")
    logits = RNG.normal(size=x.shape).astype("float32")
    mean = keras.losses.BinaryCrossentropy(from_logits=True)(x, logits)
    np.testing.assert_allclose(losses.bernoulli_nats(x, logits), 64 * mean, rtol=1e-5)


def test_one_picture_of_logits_serves_a_whole_batch():
    x, logits = RNG.random((4, 8, 8, 1)), RNG.normal(size=(1, 8, 8, 1))
    computed = losses.bernoulli_per_image(x, logits)
    np.testing.assert_allclose(computed, losses.bernoulli_per_image(x, logits.repeat(4, axis=0)))


def test_bernoulli_survives_extreme_logits_and_their_gradients():
    logits = tf.constant(np.array([-1e4, 1e4, 0.0, 80.0], "float32").reshape(1, 2, 2, 1))
    x = tf.constant(np.array([0.0, 1.0, 0.5, 0.0], "float32").reshape(1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = losses.bernoulli_nats(x, logits)
    np.testing.assert_allclose(value, np.log(2) + 80, rtol=1e-6)
    assert np.all(np.isfinite(tape.gradient(value, logits)))


@pytest.mark.parametrize("std", [1.0, 0.05])
def test_gaussian_is_scipys_density_summed_over_values(std):
    x, mean = RNG.random((2, 4, 8, 8, 3)).astype("float32")
    expected = -norm.logpdf(x.astype(float), mean, std).sum(axis=(1, 2, 3))
    computed = losses.gaussian_per_image(x, mean, np.float32(np.log(std)))
    np.testing.assert_allclose(computed, expected, rtol=1e-4)


def test_the_best_noise_is_the_root_mean_squared_error():
    x, mean = RNG.random((2, 4, 8, 8, 3)).astype("float32")
    best = 0.5 * np.log(np.mean((x - mean) ** 2))
    nats = [np.mean(losses.gaussian_per_image(x, mean, best + d)) for d in (-0.1, 0, 0.1)]
    assert nats[1] < min(nats[0], nats[2])


def test_free_bits_spare_the_dimensions_below_the_floor():
    z_mean = tf.constant([[0.1, 2.0], [-0.1, -2.0]])
    z_log_var = tf.zeros((2, 2))
    with tf.GradientTape() as tape:
        tape.watch(z_mean)
        value = losses.free_bits_kl(z_mean, z_log_var, 0.5)
    gradient = np.array(tape.gradient(value, z_mean))
    np.testing.assert_allclose(value, 0.5 + 2.0, rtol=1e-6)
    assert np.all(gradient[:, 0] == 0) and np.all(gradient[:, 1] != 0)


def test_the_floor_is_for_the_mean_over_the_batch_not_for_each_picture():
    """Two pictures with 0 and 2 nats: their mean, 1, lies above the floor, whatever each has."""
    z_mean = np.array([[0.0], [2.0]], "float32")
    assert float(losses.free_bits_kl(z_mean, 0 * z_mean, 0.9)) == pytest.approx(1.0)
    assert float(losses.free_bits_kl(z_mean, 0 * z_mean, 1.5)) == pytest.approx(1.5)


def test_weights_of_pictures_weigh_both_kinds_of_kl():
    z_mean, z_log_var = random_posterior()
    sample_weight = np.array([0, 1, 2, 0.5, 1.5], "float32")
    terms = np.array(losses.kl_terms(z_mean, z_log_var)) * sample_weight[:, None]
    computed = losses.kl_divergence(z_mean, z_log_var, sample_weight)
    np.testing.assert_allclose(computed, terms.sum(axis=1).mean(), rtol=1e-5)
    free = losses.free_bits_kl(z_mean, z_log_var, 0.5, sample_weight)
    np.testing.assert_allclose(free, np.maximum(terms.mean(axis=0), 0.5).sum(), rtol=1e-5)


def test_no_free_bits_is_the_kl():
    posterior = random_posterior()
    plain, free = losses.kl_divergence(*posterior), losses.free_bits_kl(*posterior, 0.0)
    np.testing.assert_allclose(plain, free, rtol=1e-6)


@pytest.mark.parametrize(("name", "nats"), [("mean picture", 205.8), ("floor", 45.5)])
def test_known_marks_on_mnist(name, nats):
    train, test = data.mnist()
    grey = test.images if name == "floor" else train.images.mean(axis=0, keepdims=True)
    grey = np.clip(grey, 1e-7, 1 - 1e-7)
    logits = np.broadcast_to(np.log(grey / (1 - grey)), test.images.shape)
    assert float(losses.bernoulli_nats(test.images, logits)) == pytest.approx(nats, abs=0.1)


@pytest.fixture
def features():
    return np.random.default_rng(1).normal(size=(2, 5, 7, 4)).astype("float32")


def test_gram_matrix_is_the_mean_product_of_channels(features):
    computed = losses.gram_matrix(features)
    expected = np.einsum("bhwc,bhwd->bcd", features, features) / 35
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-6)
    flat = features[1].reshape(35, 4)
    np.testing.assert_allclose(computed[1], flat.T @ flat / 35, rtol=1e-5, atol=1e-6)


def test_weighted_gram_matrix_of_a_region_is_that_of_the_region_alone(features):
    weights = np.zeros((2, 5, 7, 1), "float32")
    weights[:, :, 2:5] = 0.5
    computed = losses.gram_matrix(features, weights)
    np.testing.assert_allclose(
        computed, losses.gram_matrix(features[:, :, 2:5]), rtol=1e-5, atol=1e-6
    )


def test_style_terms_do_not_change_when_a_picture_is_repeated(features):
    other, repeat = features[::-1], (1, 3, 2, 1)
    grams = [losses.gram_matrix(np.tile(x, repeat)) for x in (features, other)]
    small = losses.style_loss(
        [losses.gram_matrix(features)], [losses.gram_matrix(other)], weights=[1.0]
    )
    large = losses.style_loss([grams[0]], [grams[1]], weights=[1.0])
    assert float(large) == pytest.approx(float(small), rel=1e-5)
    content = losses.content_loss(features, other)
    repeated = losses.content_loss(np.tile(features, repeat), np.tile(other, repeat))
    assert float(repeated) == pytest.approx(float(content), rel=1e-5)


def test_style_loss_is_a_weighted_mean_over_layers(features):
    grams, zeros = [features[..., :1], features], [0 * features[..., :1], 0 * features]
    squares = [np.mean(np.square(gram)) for gram in grams]
    assert float(losses.style_loss(grams, zeros, [3, 1])) == pytest.approx(
        (3 * squares[0] + squares[1]) / 4, rel=1e-5
    )
    with pytest.raises(ValueError):
        losses.style_loss(grams, zeros, [1.0])


def test_total_variation_is_tensorflows_per_value():
    images = np.random.default_rng(2).random((3, 6, 9, 3)).astype("float32")
    expected = np.sum(tf.image.total_variation(tf.constant(images))) / images.size
    assert float(losses.total_variation(images)) == pytest.approx(expected, rel=1e-5)


LOGITS = RNG.normal(0, 2, (2, 64, 1)).astype("float32")


def log_chance(logits, real):
    """log of D's probability of real, or of fake, by SciPy in float64."""
    return log_expit(logits.astype(float) if real else -logits.astype(float)).mean()


@pytest.mark.parametrize("label", [0.0, 1.0, 0.9])
def test_label_loss_is_keras_binary_crossentropy(label):
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(
        np.full_like(LOGITS[0], label), LOGITS[0]
    )
    assert float(losses.label_loss(LOGITS[0], label)) == pytest.approx(float(expected), rel=1e-5)


def test_label_loss_takes_a_label_for_each_logit():
    labels = RNG.random((64, 1)).astype("float32")
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(labels, LOGITS[0])
    computed = losses.label_loss(LOGITS[0], labels)
    assert float(computed) == pytest.approx(float(expected), rel=1e-5)


DISCRIMINATORS = {
    "minimax": lambda x, g: -log_chance(x, True) - log_chance(g, False),
    "non_saturating": lambda x, g: -log_chance(x, True) - log_chance(g, False),
    "least_squares": lambda x, g: 0.5 * np.mean((x - 1) ** 2) + 0.5 * np.mean(g**2),
    "hinge": lambda x, g: hinge_loss(np.repeat([1, -1], 64), np.concatenate([x, g])[:, 0]) * 2,
    "wasserstein": lambda x, g: g.mean() - x.mean(),
}
GENERATORS = {
    "minimax": lambda g: log_chance(g, False),
    "non_saturating": lambda g: -log_chance(g, True),
    "least_squares": lambda g: 0.5 * np.mean((g - 1) ** 2),
    "hinge": lambda g: -g.mean(),
    "wasserstein": lambda g: -g.mean(),
}


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_objectives_match_their_definitions(objective):
    computed = float(losses.discriminator_loss(objective, *LOGITS))
    assert computed == pytest.approx(DISCRIMINATORS[objective](*LOGITS), rel=1e-5)
    computed = float(losses.generator_loss(objective, LOGITS[1]))
    assert computed == pytest.approx(GENERATORS[objective](LOGITS[1]), rel=1e-5)


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_objectives_stay_finite_where_the_discriminator_is_sure(objective):
    logits = tf.constant([[-100.0], [100.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        values = losses.discriminator_loss(objective, logits, logits[::-1])
        values += losses.generator_loss(objective, logits)
    assert np.isfinite(values) and np.isfinite(tape.gradient(values, logits)).all()


def test_minimax_falls_silent_where_the_discriminator_is_sure_and_its_rival_does_not():
    logits = tf.constant([[-20.0]])
    slopes = {}
    for objective in ("minimax", "non_saturating"):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = losses.generator_loss(objective, logits)
        slopes[objective] = float(tape.gradient(value, logits)[0, 0])
    assert slopes["minimax"] == pytest.approx(-expit(-20), rel=1e-3)
    assert slopes["non_saturating"] == pytest.approx(-expit(20), rel=1e-6)


def test_soft_labels_reach_the_cross_entropies():
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = sum(
        float(cross_entropy(np.full_like(logits, label), logits))
        for logits, label in zip(LOGITS, (0.9, 0.2), strict=True)
    )
    computed = float(losses.discriminator_loss("non_saturating", *LOGITS, 0.9, 0.2))
    assert computed == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
@pytest.mark.parametrize("labels", [(1.0, 0.0), (0.9, 0.0), (0.8, 0.3)])
def test_the_least_loss_of_d_is_reached_and_never_passed(objective, labels):
    if objective == "wasserstein":
        assert losses.least_discriminator_loss(objective) == -np.inf
        return
    least = losses.least_discriminator_loss(objective, *labels)

    def loss(logits):
        real, fake = np.float32(logits).reshape(2, 1)
        return float(losses.discriminator_loss(objective, real, fake, *labels))

    best = minimize(loss, [0.3, -0.2], method="Nelder-Mead", options={"maxiter": 2000})
    assert best.fun == pytest.approx(least, abs=1e-3) and best.fun >= least - 1e-5


@pytest.mark.parametrize("objective", losses.OBJECTIVES[:4])
def test_an_undecided_logit_is_half_way_between_both_aims(objective):
    border = losses.undecided_logit(objective)
    higher, lower = np.float32([[border + 0.1]]), np.float32([[border - 0.1]])

    def loss(real, fake):
        return float(losses.discriminator_loss(objective, real, fake))

    assert loss(higher, lower) < loss(lower, higher)
    assert loss(higher, higher) == pytest.approx(loss(lower, lower), rel=1e-5)


def test_unknown_games_are_named():
    with pytest.raises(ValueError, match=r"objective is 'wgan': use one of minimax, .*wasserstein"):
        losses.discriminator_loss("wgan", *LOGITS)
    with pytest.raises(ValueError, match="objective is 'bce': use one of"):
        losses.generator_loss("bce", LOGITS[0])
    with pytest.raises(ValueError, match="penalty is 'r2': use one of none, r1, dragan, wgan_gp"):
        losses.gradient_penalty("r2", None, None, None, seed=0)
