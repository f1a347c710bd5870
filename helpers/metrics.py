"""How good is it, in numbers that can be compared?

    test bound      -log p(x) <= reconstruction + KL, nats per image, on images never trained on
    IWAE-k          -log p(x) <= -log( 1/k sum_i p(x, z_i) / q(z_i | x) ): tighter as k grows
    active units    dimensions whose posterior mean moves with x: Var_x( z_mean ) > 0.01
    radial power    how much of a picture is fine detail, by frequency in cycles per pixel
    k-NN accuracy   do the codes of an unseen picture's neighbours carry its label?

"BCE + KL" on grey levels is a training loss, not a likelihood: its floor on the MNIST test images
is 45.5 nats. The IWAE bound is taken on images binarised once with a fixed seed and is a proper
bound; never put the two in one column.

Burda, Grosse and Salakhutdinov, arXiv:1509.00519 (IWAE bound, active units).
"""

import keras
import numpy as np
from keras import ops
from scipy.special import logsumexp
from sklearn.neighbors import KNeighborsClassifier

from helpers import losses


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
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    logits = model.logits(z_mean + np.exp(0.5 * z_log_var) * noise)
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
    return np.var(z_mean, axis=0) > 0.01


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
        noise = rng.standard_normal(z_mean.shape, "float32")
        z = z_mean + np.exp(0.5 * z_log_var) * noise
        logits = model.logits(z)
        log_likelihood = -ops.convert_to_numpy(losses.bernoulli_per_image(x, logits))
        log_prior = -0.5 * np.sum(z**2, axis=1)
        log_posterior = -0.5 * np.sum(noise**2 + z_log_var, axis=1)
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


def score_vae(model, images: np.ndarray) -> dict[str, float]:
    """Everything a VAE's card holds, measured on test images.

    Returns:
        The three numbers of :func:`evidence_bound`, `active_units` (how many), and
        `iwae_100_binarised`, the IWAE-100 bound on the first 1,000 images.
    """
    active = float(active_units(model.encode(images)[0]).sum())
    iwae = iwae_bound(model, images[:1000])
    return {**evidence_bound(model, images), "active_units": active, "iwae_100_binarised": iwae}


def radial_power(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power of a picture's brightness at each spatial frequency, averaged over directions.

    Args:
        image: in [0, 1], shape (side, side, channels).

    Returns:
        Frequencies in cycles per pixel, from 1 / side to 1/2 (every other pixel), and the mean
        squared amplitude at each; a Hann window keeps the picture's edges out.
    """
    grey, side = image.mean(axis=-1), len(image)
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / np.sum(window**2)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    ring = np.round(frequency * side).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    rings = np.arange(1, side // 2 + 1)
    return rings / side, mean[rings]


def busiest_channels(features: np.ndarray, count: int) -> list[np.ndarray]:
    """The channels of a layer that fire most on average, most first.

    Args:
        features: activations for one picture, shape (height, width, channels).
        count: how many.

    Returns:
        Maps of shape (height, width, 1).
    """
    features = np.asarray(features)
    strongest = np.argsort(-features.mean(axis=(0, 1)))[:count]
    return [features[..., [channel]] for channel in strongest]


def train_judge(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """A small classifier that judges pictures: about 97 % right on MNIST after two epochs.

    Args:
        images: floats in [0, 1], shape (n, height, width, channels).
        labels: whole numbers from 0 to 9, shape (n,).

    Returns:
        A trained model from images to ten probabilities.
    """
    layers = [keras.layers.Flatten(), keras.layers.Dense(128, "relu")]
    judge = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    judge.fit(images, labels, batch_size=128, epochs=2, verbose=0)
    return judge


def confidence(judge: keras.Model, paths: np.ndarray) -> np.ndarray:
    """How sure a judge is along paths of pictures, averaged over the paths.

    Args:
        judge: from :func:`train_judge`.
        paths: shape (paths, steps, height, width, channels).

    Returns:
        Mean of the largest probability at each step, shape (steps,).
    """
    probabilities = ops.convert_to_numpy(judge(paths.reshape(-1, *paths.shape[2:])))
    return probabilities.max(axis=1).reshape(paths.shape[:2]).mean(axis=0)
