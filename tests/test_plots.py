"""Pictures hold the right pixels and come out as real PNG files."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import latent, plots

RNG = np.random.default_rng(0)


def opened(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_tile_puts_each_image_in_its_place():
    images = RNG.random((5, 4, 3, 1))
    tiled = plots.tile(images, columns=2, gap=1)
    assert tiled.shape == (3 * 5 - 1, 2 * 4 - 1, 1)
    np.testing.assert_allclose(tiled[5:9, 4:7], images[3], atol=1e-6)
    assert np.all(tiled[10:, 4:] == 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_round_trip(channels):
    image = RNG.random((6, 5, channels))
    pixels = opened(plots.png(image)).reshape(6, 5, -1)
    np.testing.assert_allclose(pixels / 255, image, atol=0.51 / 255)


def test_png_clips_rather_than_wraps():
    assert opened(plots.png(np.array([[[-0.5], [1.5]]]))).tolist() == [[0, 255]]


def every_figure():
    images, codes = RNG.random((4, 8, 8, 1)), RNG.normal(size=(50, 2))
    labels, points = np.arange(50) % 10, [(0, 1.0), (1, 2.0)]
    return [
        plots.picture_rows("rows", {"one": images, "two": images}),
        plots.lines("lines", {"a": ([0, 1], [2, 3])}, "t", "nats"),
        plots.stack("stack", {"a": points, "b": points}, "epoch", "nats"),
        plots.bars("bars", np.arange(4), "dimension", "nats"),
        plots.holes("holes", RNG.normal(size=(9, 9)), 3, images),
        plots.scatters("scatters", {"left": codes, "right": codes}, labels),
        plots.manifold("manifold", RNG.random((9, 8, 8, 1))),
    ]


def test_every_figure_is_titled_labelled_and_drawn():
    for figure in every_figure():
        assert figure.get_suptitle() and repr(figure) == f"<Figure: {figure.get_suptitle()}>"
        drawn = opened(figure._repr_png_())
        assert drawn.shape[1] > 300 and len(np.unique(drawn)) > 8
        if figure.title != "rows":
            assert figure.axes[0].get_xlabel() and figure.axes[0].get_ylabel()


def test_ellipses_have_the_posterior_width():
    _, (axes,) = plots.figure("ellipses")
    plots.ellipses(axes, np.zeros((1, 2)), np.log([[4.0, 9.0]]), np.array([3]), stds=2)
    (shape,) = axes.patches
    assert (shape.width, shape.height) == pytest.approx((8, 12))


def test_manifold_axes_count_up_as_the_grid_does():
    figure = plots.manifold("plane", RNG.random((25, 8, 8, 1)))
    axes = figure.axes[0]
    found = [float(tick.get_text()) for tick in axes.get_xticklabels()]
    np.testing.assert_allclose(found, latent.quantile_grid(5)[:5, 0], atol=0.051)
    rows = [float(tick.get_text()) for tick in axes.get_yticklabels()]
    np.testing.assert_allclose(rows, latent.quantile_grid(5)[::5, 1], atol=0.051)
