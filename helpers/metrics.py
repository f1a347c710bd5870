"""How good is it, in numbers that can be compared?

    test bound      -log p(x) <= reconstruction + KL, nats per image, on images never trained on
    IWAE-k          -log p(x) <= -log( 1/k sum_i p(x, z_i) / q(z_i | x) ): tighter as k grows
    active units    dimensions whose posterior mean moves with x: Var_x( z_mean ) > 0.01
    k-NN accuracy   do the codes of an unseen picture's neighbours carry its label?

"BCE + KL" on grey levels is a training loss, not a likelihood: its floor on the MNIST test images
is 45.5 nats. The IWAE bound is taken on images binarised once with a fixed seed and is a proper
bound; never put the two in one column.

Burda, Grosse and Salakhutdinov, arXiv:1509.00519 (IWAE bound, active units).
"""

from __future__ import annotations

import numpy as np
from keras import ops
from scipy.special import logsumexp
from sklearn.neighbors import KNeighborsClassifier

from helpers import losses

ACTIVE_VARIANCE = 0.01
BATCH = 500


def _draw(z_mean, z_log_var, rng) -> np.ndarray:
    noise = rng.standard_normal(z_mean.shape, "float32")
    return z_mean + np.exp(0.5 * z_log_var) * noise


def evidence_bound(model, images: np.ndarray, seed: int = 0) -> dict[str, float]:
    """The bound of a set of images, one draw of z per image.

    Args:
        model: a :class:`helpers.vae.VAE`.
        images: floats in [0, 1], shape (n, height, width, channels).
        seed: fixes the draws, so that two calls agree.

    Returns:
        `total`, `reconstruction` and `kl` in nats per image; total is their sum whatever the
        model's beta is.
    """
    z_mean, z_log_var = model.encode(images)
    logits = model.decoder.predict(
        _draw(z_mean, z_log_var, np.random.default_rng(seed)), batch_size=BATCH, verbose=0
    )
    reconstruction = float(losses.bernoulli_nats(images, logits))
    kl = float(losses.kl_divergence(z_mean, z_log_var))
    return {"total": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def kl_per_dimension(z_mean, z_log_var) -> np.ndarray:
    """Mean over images of each dimension's KL, in nats, shape (latent,)."""
    return ops.convert_to_numpy(ops.mean(losses.kl_terms(z_mean, z_log_var), axis=0))


def active_units(z_mean: np.ndarray) -> np.ndarray:
    """Which dimensions the encoder uses: variance of `z_mean` over images above 0.01.

    Args:
        z_mean: posterior means of many images, shape (n, latent).

    Returns:
        Booleans of shape (latent,) (Burda and others, arXiv:1509.00519, section 5.2).
    """
    return np.var(z_mean, axis=0) > ACTIVE_VARIANCE


def binarise(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each pixel 1 with the probability of its grey level, else 0; same seed, same pixels."""
    return (np.random.default_rng(seed).random(images.shape) < images).astype("float32")


def iwae_bound(model, images: np.ndarray, samples: int = 100, seed: int = 0) -> float:
    """Importance-weighted bound on -log p(x), for images binarised with a fixed seed.

    Args:
        model: a :class:`helpers.vae.VAE`.
        images: grey levels in [0, 1], shape (n, height, width, channels); 1,000 is customary here.
        samples: draws of z per image, k in the paper; 1 gives the ordinary bound.
        seed: fixes both the binarisation and the draws.

    Returns:
        Nats per image; lower is better (Burda and others, arXiv:1509.00519, equation 8).
    """
    x, rng = binarise(images, seed), np.random.default_rng(seed)
    z_mean, z_log_var = model.encode(x)
    log_weights = []
    for _ in range(samples):
        z = _draw(z_mean, z_log_var, rng)
        logits = model.decoder.predict_on_batch(z)
        log_likelihood = -ops.convert_to_numpy(losses.bernoulli_per_image(x, logits))
        log_prior = -0.5 * np.sum(z**2, axis=1)
        log_posterior = -0.5 * np.sum((z - z_mean) ** 2 / np.exp(z_log_var) + z_log_var, axis=1)
        log_weights.append(log_likelihood + log_prior - log_posterior)
    return float(-np.mean(logsumexp(log_weights, axis=0) - np.log(samples)))


def knn_accuracy(train_codes, train_labels, test_codes, test_labels, neighbours: int = 5) -> float:
    """Share of test codes whose nearest training codes vote for the right label.

    Args:
        train_codes: shape (n, latent).
        train_labels: shape (n,).
        test_codes: shape (m, latent).
        test_labels: shape (m,).
        neighbours: how many vote.

    Returns:
        Between 0 and 1 (scikit-learn's `KNeighborsClassifier`).
    """
    classifier = KNeighborsClassifier(neighbours).fit(train_codes, train_labels)
    return float(classifier.score(test_codes, test_labels))
