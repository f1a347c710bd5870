"""The rivals are well set: right strengths, right grey levels, the right linear map."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from helpers import layers, metrics
from helpers.metrics import filters


@pytest.fixture
def damaged(images):
    return np.array(layers.corrupt(images, "gaussian", 0.4, seed=0))


def test_every_tuned_filter_gains_on_new_noise(images, damaged):
    methods = filters.tune(images[:100], damaged[:100], images[:100])
    assert set(methods) == {*filters.FILTERS, "PCA"}
    before = metrics.psnr(images[100:], damaged[100:])
    for name, method in methods.items():
        restored = method(damaged[100:])
        assert restored.shape == images[100:].shape
        assert restored.min() >= 0 and restored.max() <= 1
        assert metrics.psnr(images[100:], restored) > before + 1, name


def test_the_best_strength_wins(images, monkeypatch):
    """A filter is undone by the same filter backwards: strength 3 takes 0.3 away."""
    shift = (lambda picture, by: picture - by / 10, "by", (1, 3, 5))
    monkeypatch.setattr(filters, "FILTERS", {"shift": shift})
    monkeypatch.setattr(filters, "_correct", lambda method, clean, noisy: method)
    method = filters.tune(images, images + 0.3, images[:97])["shift"]
    np.testing.assert_allclose(method(images + 0.3), images, atol=1e-6)


def test_grey_levels_are_corrected(images):
    corrected = filters._correct(lambda x: 0.5 * x + 0.2, images, images)
    np.testing.assert_allclose(corrected(images), images, atol=1e-5)


def test_gaussian_filter_is_scipys(images):
    method, argument, _ = filters.FILTERS["Gaussian filter"]
    restored = filters._each(lambda picture: method(picture, **{argument: 1.0}), images[:3])
    expected = ndimage.gaussian_filter(images[:3], (0, 1, 1, 0))
    np.testing.assert_allclose(restored, expected, atol=1e-6)


def test_projection_is_metrics_pca(images):
    pca = PCA(8, svd_solver="covariance_eigh").fit(images.reshape(256, -1))
    expected = metrics.pca_reconstruct(images, images[:9], 5)
    np.testing.assert_allclose(filters._project(pca, 5, images[:9]), expected, atol=1e-5)


def test_linear_map_is_least_squares():
    rng = np.random.default_rng(0)
    noisy = rng.random((3000, 4, 4, 1))
    matrix = rng.random((16, 16)) / 16
    clean = (noisy.reshape(-1, 16) @ matrix).reshape(noisy.shape)
    exact = LinearRegression().fit(noisy.reshape(-1, 16), clean.reshape(-1, 16))
    restored = filters.linear_map(clean, noisy)(noisy[:50]).reshape(50, 16)
    np.testing.assert_allclose(restored, exact.predict(noisy[:50].reshape(50, 16)), atol=0.01)
