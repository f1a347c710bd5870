"""How near is a picture to the one it should be, and how much fine detail has it?

squared error   mean over pixels of (reconstruction - image)^2; PCA is the line to beat
PSNR            10 log10( 1 / squared error ), in dB: 20 dB is an error of 0.1 per pixel
SSIM            1 where local means, contrasts and structures agree (Wang and others, 2004)
radial power    how much of a picture is fine detail, by frequency in cycles per pixel
"""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from helpers import autoencoder

WIDEST = 3072  # values of a picture of 32 x 32 in colour: the eigenvectors take some seconds
MOST_DIRECTIONS = 256


def squared_error(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared difference of each image, shape (n,); `.mean()` of it is the test error.

    Args:
        images: shape (n, ...).
        reconstructions: same shape.

    Raises:
        ValueError: the shapes differ.
    """
    if np.shape(images) != np.shape(reconstructions):
        shapes = f"{np.shape(images)} and {np.shape(reconstructions)}"
        raise ValueError(f"The shapes are {shapes}: compare images one to one.")
    squares = np.square(np.asarray(images) - np.asarray(reconstructions))
    return squares.reshape(len(squares), -1).mean(axis=1)


def psnr(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the mean over images (scikit-image).

    Equal images give infinity.

    Args:
        images: clean, in [0, 1], shape (n, height, width, channels).
        reconstructions: same shape.
    """
    pairs = zip(images, reconstructions, strict=True)
    with np.errstate(divide="ignore"):
        return float(np.mean([peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in pairs]))


def ssim(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Structural similarity, at most 1, the mean over images (scikit-image, 7x7 windows).

    Args:
        images: clean, in [0, 1], shape (n, height, width, channels), 7 pixels a side or more.
        reconstructions: same shape.
    """
    options = {"data_range": 1.0, "channel_axis": -1}
    pairs = zip(images, reconstructions, strict=True)
    return float(np.mean([structural_similarity(a, b, **options) for a, b in pairs]))


def pca_reconstruct(train: np.ndarray, images: np.ndarray, size: int) -> np.ndarray:
    """What is left of images after principal component analysis with `size` numbers each.

    No linear code of that size has a smaller squared error on the training images: the line that a
    network has to beat (scikit-learn's `PCA`).

    Args:
        train: what the components are fitted to, shape (n, ...).
        images: what is reconstructed, shape (m, ...).
        size: numbers per image, at most the number of values of an image.

    Returns:
        Shape of `images`; may leave [0, 1] a little.
    """
    pca = _fitted_pca(train, size)
    codes = pca.transform(images.reshape(len(images), -1))
    return pca.inverse_transform(codes).reshape(images.shape).astype("float32")


def pca_errors(train: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The squared error that PCA leaves with 0, 1, 2, ... numbers per image, from one fit.

    The components are at right angles, so each takes the square of its score off the error:

        error(k) = ( |x - mean|^2 - score_1^2 - ... - score_k^2 ) / values of an image

    Args:
        train: what the components are fitted to, shape (n, ...).
        images: whose error is measured, shape (m, ...).

    Returns:
        Mean over images and values, shape (values of an image + 1,), or fewer where an image has
        more values than there are images to fit, or more than 3,072: then it ends at entry 256 or
        at the number of images. Entry k is the error of :func:`pca_reconstruct` with `size` k, for
        k of 1 or more.
    """
    pca = _fitted_pca(train, None)
    rows = images.reshape(len(images), -1)
    taken = np.mean(pca.transform(rows) ** 2, axis=0)
    values = rows.shape[1]
    all_taken = len(taken) == values
    total = np.sum(taken) if all_taken else np.sum(np.mean((rows - pca.mean_) ** 2, axis=0))
    return np.maximum(total - np.cumsum([0, *taken]), 0) / values


def _fitted_pca(train: np.ndarray, size: int | None) -> PCA:
    """PCA by eigenvectors of the covariance, or, of large pictures, by random projections.

    A covariance has as many rows as a picture has values. Where these are more than the pictures,
    or than `WIDEST`, only `size` directions are looked for, 256 if None (Halko and others,
    arXiv:0909.4061, from a fixed seed).
    """
    rows = train.reshape(len(train), -1)
    if rows.shape[1] <= min(len(rows), WIDEST):
        return PCA(size, svd_solver="covariance_eigh").fit(rows)
    size = min(size or MOST_DIRECTIONS, *rows.shape)
    return PCA(size, svd_solver="randomized", random_state=0).fit(rows)


def nearest_images(known: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most similar of some known images to each of others, by squared error.

    Every second pixel in both directions is compared, which is four times as fast.

    Args:
        known: shape (n, side, side, channels), side even.
        images: shape (m, side, side, channels).

    Returns:
        Their places among the known, shape (m,), and the squared errors per value, shape (m,).
    """
    rows = [batch[:, ::2, ::2].reshape(len(batch), -1) for batch in (known, images)]
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(rows[0])
    distances, places = search.kneighbors(rows[1])
    return places[:, 0], distances[:, 0] ** 2 / rows[0].shape[1]


def score_autoencoder(model: autoencoder.Autoencoder, images: np.ndarray) -> dict[str, float]:
    """What an autoencoder's card holds: `code_size` and `test_mse`, on images never trained on."""
    error = squared_error(images, model.reconstruct(images)).mean()
    return {"code_size": model.code_size, "test_mse": float(error)}


def score_denoiser(
    model: autoencoder.Autoencoder, clean: np.ndarray, noisy: np.ndarray
) -> dict[str, float]:
    """What a denoiser's card holds.

    Args:
        model: a :class:`helpers.autoencoder.Autoencoder`.
        clean: images in [0, 1], shape (n, height, width, channels).
        noisy: the same images, damaged once and for all.

    Returns:
        `psnr_noisy` and `psnr` in dB, `ssim_noisy` and `ssim`.
    """
    restored = model.reconstruct(noisy)
    before = {"psnr_noisy": psnr(clean, noisy), "ssim_noisy": ssim(clean, noisy)}
    return {**before, "psnr": psnr(clean, restored), "ssim": ssim(clean, restored)}


def power_spectrum(images: np.ndarray) -> np.ndarray:
    """Power of the images' brightness at each spatial frequency, the mean over images.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side even.

    Returns:
        Mean squared amplitudes, shape (side, side), zero frequency in the middle; row and column 0
        hold the frequency 1/2, a period of two pixels. A Hann window keeps the pictures' edges out.
    """
    grey, side = np.mean(images, axis=-1), images.shape[1]
    window = np.outer(np.hanning(side), np.hanning(side))
    centred = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.fft2(centred)) ** 2 / np.sum(window**2)
    return np.fft.fftshift(power.mean(axis=0))


def chequerboard(images: np.ndarray) -> float:
    """Share of the power that has a period of two pixels, across, down or both; between 0 and 1.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side even.
    """
    power = power_spectrum(images)
    return float((power[0].sum() + power[1:, 0].sum()) / power.sum())


def radial_power(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power of a picture's brightness at each spatial frequency, averaged over directions.

    Args:
        image: in [0, 1], shape (side, side, channels).

    Returns:
        Frequencies in cycles per pixel, from 1 / side to 1/2 (every other pixel), and the mean
        squared amplitude at each; a Hann window keeps the picture's edges out.
    """
    side, power = len(image), power_spectrum(image[np.newaxis])
    frequency = np.fft.fftshift(np.fft.fftfreq(side))
    ring = np.round(np.hypot(*np.meshgrid(frequency, frequency)) * side).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    rings = np.arange(1, side // 2 + 1)
    return rings / side, mean[rings]
