"""How many nats does a picture cost?

    test bound      -log p(x) <= reconstruction + KL, nats per image, on images never trained on
    IWAE-k          -log p(x) <= -log( 1/k sum_i p(x, z_i) / q(z_i | x) ): tighter as k grows

"BCE + KL" on grey levels bounds, loosely, the mean -log p(x) of digits binarised at random with
those levels as chances; its floor on the MNIST test images is their entropy, 45.5 nats. The IWAE
bound is taken on images binarised once with a fixed seed; never put the two in one column.

Burda, Grosse and Salakhutdinov, arXiv:1509.00519 (IWAE bound).
"""

import numpy as np
from keras import ops
from scipy.special import logsumexp

from helpers import losses, vae
from helpers.metrics.codes import active_units
from helpers.metrics.pictures import psnr


def evidence_bound(
    model: vae.VAE, images: np.ndarray, seed: int = 0, conditions: np.ndarray | None = None
) -> dict[str, float]:
    """The bound of a set of images, one draw of z per image.

    Args:
        model: a :class:`helpers.vae.VAE`.
        images: floats in [0, 1], shape (n, height, width, channels).
        conditions: what a :class:`helpers.vae.ConditionalVAE` is told, shape (n, width).
        seed: fixes the draws, so that two calls agree.

    Returns:
        `total`, `reconstruction` and `kl` in nats per image; total is their sum whatever the
        model's beta is.
    """
    z_mean, z_log_var = model.encode(images)
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    extra_inputs = [] if conditions is None else [conditions]
    logits = model.logits(z_mean + np.exp(0.5 * z_log_var) * noise, *extra_inputs)
    reconstruction = float(ops.mean(model.nats_per_image(images, logits)))
    kl = float(losses.kl_divergence(z_mean, z_log_var))
    return {"total": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def kl_per_dimension(z_mean: np.ndarray, z_log_var: np.ndarray) -> np.ndarray:
    """Mean over images of each dimension's KL, in nats, shape (latent,)."""
    return ops.convert_to_numpy(ops.mean(losses.kl_terms(z_mean, z_log_var), axis=0))


def binarise(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each pixel 1 with the probability of its grey level, else 0; same seed, same pixels."""
    return (np.random.default_rng(seed).random(images.shape) < images).astype("float32")


def iwae_bound(model: vae.VAE, images: np.ndarray, samples: int = 100, seed: int = 0) -> float:
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
        log_likelihood = -ops.convert_to_numpy(model.nats_per_image(x, logits))
        log_prior = -0.5 * np.sum(z**2, axis=1)
        log_posterior = -0.5 * np.sum(noise**2 + z_log_var, axis=1)
        log_weights.append(log_likelihood + log_prior - log_posterior)
    return float(-np.mean(logsumexp(log_weights, axis=0) - np.log(samples)))


def score_vae(model: vae.VAE, images: np.ndarray) -> dict[str, float]:
    """Everything a VAE's card holds, measured on test images.

    Returns:
        The three numbers of :func:`evidence_bound`, `active_units` (how many), and
        `iwae_100_binarised`, the IWAE-100 bound on the first 1,000 images.
    """
    active = float(active_units(model.encode(images)[0]).sum())
    iwae = iwae_bound(model, images[:1000])
    return {**evidence_bound(model, images), "active_units": active, "iwae_100_binarised": iwae}


def score_gaussian_vae(
    model: vae.GaussianVAE, images: np.ndarray, conditions: np.ndarray | None = None
) -> dict[str, float]:
    """What the card of a VAE of colour images holds, measured on images never trained on.

    Returns:
        `psnr` in dB, of the reconstructions; `nats_per_value`, the bound divided by the number of
        values of an image; `kl` in nats per image; `active_units`; `noise_std`, the model's own.
    """
    bound = evidence_bound(model, images, conditions=conditions)
    extra_inputs = [] if conditions is None else [conditions]
    return {
        "psnr": psnr(images, model.reconstruct(images, *extra_inputs)),
        "nats_per_value": bound["total"] / images[0].size,
        "kl": bound["kl"],
        "active_units": float(active_units(model.encode(images)[0]).sum()),
        "noise_std": float(ops.exp(model.log_std)),
    }
