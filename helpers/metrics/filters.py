"""What did people do about noise before there were networks?

    Gaussian filter     mean of the neighbourhood, near pixels counting more
    median filter       middle value of the neighbourhood
    non-local means     mean over places whose surroundings look alike (Buades and others, 2005)
    total variation     a near picture with few steps (Rudin, Osher and Fatemi, 1992)
    PCA                 what lies in the main directions of clean pictures
    linear map          the best matrix from noisy to clean pixels, by least squares

They are a network's rivals, so :func:`tune` sets each as well as it can on examples: the strength
that restores them best, and one line a y + b for the grey levels, as a filter cannot know that
clipped noise has lifted what was black.

A method here is a function from noisy images to restored ones, both in [0, 1], of shape
(n, height, width, 1).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy import ndimage
from skimage import restoration
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from helpers.metrics.pictures import psnr

Method = Callable[[np.ndarray], np.ndarray]
FILTERS = {
    "Gaussian filter": (ndimage.gaussian_filter, "sigma", (0.6, 0.8, 1.0, 1.2, 1.4)),
    "median filter": (ndimage.median_filter, "size", (2, 3, 4, 5)),
    "non-local means": (
        partial(restoration.denoise_nl_means, patch_size=5, patch_distance=5, sigma=0.3), "h",
        (0.1, 0.15, 0.2, 0.3),
    ),
    "total variation": (
        restoration.denoise_tv_chambolle, "weight", (0.1, 0.2, 0.3, 0.5, 0.8)
    ),
}  # fmt: skip
COMPONENTS = (16, 32, 48, 64, 96)


def tune(clean: np.ndarray, noisy: np.ndarray, train: np.ndarray) -> dict[str, Method]:
    """The best of each kind of filter on examples, by PSNR.

    Args:
        clean: images in [0, 1], shape (n, height, width, 1).
        noisy: the same images, damaged.
        train: clean images that PCA's directions are taken from, shape (m, height, width, 1).

    Returns:
        Name to method: four filters and PCA, which needs 16 pixels or more.
    """
    candidates = {
        name: [partial(_each, partial(method, **{argument: value})) for value in strengths]
        for name, (method, argument, strengths) in FILTERS.items()
    }
    flat = train.reshape(len(train), -1)
    counts = [count for count in COMPONENTS if count <= min(flat.shape)]
    pca = PCA(max(counts), svd_solver="covariance_eigh").fit(flat)
    candidates["PCA"] = [partial(_project, pca, count) for count in counts]
    return {name: _best(methods, clean, noisy) for name, methods in candidates.items()}


def linear_map(clean: np.ndarray, noisy: np.ndarray) -> Method:
    """The matrix and offset that lead from noisy to clean pixels with the least squared error.

    Args:
        clean: many images in [0, 1], shape (n, height, width, 1).
        noisy: the same images, damaged.
    """
    ridge = Ridge(alpha=10.0).fit(noisy.reshape(len(noisy), -1), clean.reshape(len(clean), -1))

    def restore(images: np.ndarray) -> np.ndarray:
        restored = ridge.predict(np.asarray(images).reshape(len(images), -1))
        return np.clip(restored, 0, 1).reshape(np.shape(images))

    return restore


def _each(method: Callable, images: np.ndarray) -> np.ndarray:
    """A filter for one picture (height, width), applied to all."""
    return np.stack([method(image[..., 0]) for image in np.asarray(images)])[..., np.newaxis]


def _project(pca: PCA, count: int, images: np.ndarray) -> np.ndarray:
    """Images on the first `count` principal directions."""
    flat = np.asarray(images).reshape(len(images), -1) - pca.mean_
    rows = pca.components_[:count]
    return (pca.mean_ + flat @ rows.T @ rows).reshape(np.shape(images))


def _best(methods: Sequence[Method], clean: np.ndarray, noisy: np.ndarray) -> Method:
    corrected = [_correct(method, clean, noisy) for method in methods]
    return max(corrected, key=lambda method: psnr(clean, method(noisy)))


def _correct(method: Method, clean: np.ndarray, noisy: np.ndarray) -> Method:
    """A method followed by the line that brings its grey levels nearest to the clean ones."""
    line = np.poly1d(np.polyfit(method(noisy).ravel(), clean.ravel(), 1))
    return lambda images: np.clip(line(method(images)), 0, 1)
