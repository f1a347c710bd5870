"""Pictures hold the right pixels and come out as real PNG files."""

import base64
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
        plots.histograms("histograms", {"a": RNG.random(99), "b": RNG.random(99)}, "error"),
        plots.named_bars("named bars", {"a": 1.0, "b": 2.0}, "error", line=1.5),
        plots.versus("versus", {"off": [1.0, 2.0, 3.0], "on": [1.0, 1.5, 1.2]}, "error", line=1),
        plots.spectra("spectra", {"a": RNG.random((8, 8)), "b": RNG.random((8, 8))}),
        plots.manifold("manifold", RNG.random((9, 8, 8, 1))),
    ]


def test_every_figure_is_titled_labelled_and_drawn():
    for figure in every_figure():
        assert figure.get_suptitle() and repr(figure) == f"<Figure: {figure.get_suptitle()}>"
        (kind,) = {"image/png", "image/jpeg"} & set(shown := figure._repr_mimebundle_())
        drawn = opened(base64.b64decode(shown[kind]))
        assert drawn.shape[1] > 300 and len(np.unique(drawn)) > 8
        if figure.title != "rows":
            assert figure.axes[0].get_xlabel()
        if figure.title not in ("rows", "named bars", "versus", "spectra"):
            assert figure.axes[0].get_ylabel()


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


def test_a_photograph_is_saved_as_jpeg_and_a_chart_as_png():
    smooth = np.random.default_rng(0).random((12, 12, 3)).repeat(20, 0).repeat(20, 1)
    noisy = np.clip(smooth + np.random.default_rng(1).normal(0, 0.05, smooth.shape), 0, 1)
    chart = plots.lines("chart", {"a": ([0, 1], [0, 1])}, "x", "y").pixels()
    assert list(plots.bundle(noisy)) == ["image/jpeg"] and list(plots.bundle(chart)) == [
        "image/png"
    ]
    (content,) = plots.bundle(noisy).values()
    assert np.abs(opened(base64.b64decode(content)) / 255 - noisy).mean() < 0.05


def test_gallery_draws_every_picture_with_its_name():
    pictures = {f"name {n}": RNG.random((8 * (n + 1), 8 * (n + 1), 3)) for n in range(5)}
    figure = plots.gallery("five", pictures, columns=3)
    assert [axes.get_title() for axes in figure.axes] == [*pictures, ""]
    drawn = [axes.images[0].get_array().shape[0] for axes in figure.axes[:5]]
    assert drawn == [8, 16, 24, 32, 40]


def test_lines_can_be_logarithmic():
    figure = plots.lines("fall", {"a": ([0, 1], [1, 1000])}, "x", "y", logarithmic=True)
    assert figure.axes[0].get_yscale() == "log"


def test_row_names_are_inside_the_figure():
    name = "a rather long name, 1,024"
    drawn = plots.picture_rows("rows", {name: np.ones((12, 8, 8, 1))})
    drawn.canvas.draw()
    (words,) = drawn.axes[0].texts
    box = words.get_window_extent()
    assert box.x0 >= 0 and box.x1 < drawn.axes[0].get_window_extent().x0


def test_signed_maps_zero_to_grey_and_keeps_the_sign():
    maps = np.array([[[-2.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
    shown = plots.signed(maps)
    assert shown.shape == (2, 2, 2, 1)
    np.testing.assert_allclose(shown[0, ..., 0], [[0, 0.5], [0.75, 1]])
    np.testing.assert_allclose(shown[1], 0.5)


def test_interleaved_rows_stand_above_each_other():
    above, below = RNG.random((6, 2, 2, 1)), RNG.random((6, 2, 2, 1))
    rows = plots.interleave(above, below, columns=3)
    np.testing.assert_array_equal(rows[:3], above[:3])
    np.testing.assert_array_equal(rows[3:6], below[:3])
    np.testing.assert_array_equal(rows[9:], below[3:])


def test_turning_keeps_distances_and_faces_the_axes():
    points = RNG.normal(size=(20, 3))
    seen = plots.turn(points, 37, -62)
    np.testing.assert_allclose(seen @ seen.T, points @ points.T, atol=1e-12)
    np.testing.assert_allclose(
        plots.turn(np.eye(3), 0, 0), [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-12
    )


def test_cloud_shows_both_colours_and_hides_what_agrees():
    points = RNG.normal(size=(30, 3))
    apart = plots.cloud(points, points * [1, 1, 0], 30, 20)
    assert apart.shape == (420, 420, 3)
    orange = np.all(np.abs(apart - np.array([255, 127, 14]) / 255) < 0.02, axis=-1)
    blue = np.all(np.abs(apart - np.array([31, 119, 180]) / 255) < 0.02, axis=-1)
    assert orange.sum() > 300 and blue.sum() > 300
    together = plots.cloud(points, points, 30, 20)
    grey = np.all(np.abs(together - 0xBB / 255) < 0.02, axis=-1)
    lines = np.all(np.abs(apart - 0xBB / 255) < 0.02, axis=-1)
    assert grey.sum() < 0.1 * lines.sum()


def test_heatmaps_share_one_scale_and_one_list_of_names():
    tables = {"half": np.full((3, 4), 0.5), "all": np.ones((3, 4))}
    figure = plots.heatmaps("shares", tables, ["a", "b", "c"], "dimension")
    left, right, scale = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b", "c"]
    assert not any(label.get_text() for label in right.get_yticklabels())
    assert all(axes.images[0].get_clim() == (0, 1) for axes in (left, right))
    assert scale.get_ylabel() == "share" and left.get_xlabel() == "dimension"


def test_clouds_share_the_plane_of_the_real_points():
    real, far = np.array([[-1.0, 0.0], [2.0, 1.0]]), np.full((3, 2), 50.0)
    figure = plots.clouds("two generators", {"near": real, "lost": far}, real)
    assert [axes.get_title() for axes in figure.axes] == ["near", "lost"]
    assert all(axes.get_xlim() == pytest.approx((-2.6, 2.6)) for axes in figure.axes)


def test_versus_shows_each_seed_the_mean_and_how_far_they_reach():
    figure = plots.versus("runs", {"off": [1.0, 2.0, 6.0], "on": [4.0, 4.0, 4.0]}, "error")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["off", "on"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal([line.get_xdata() for line in dots], [[1, 2, 6], [4, 4, 4]])
    assert all(len(set(line.get_ydata())) == 3 for line in dots)
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "o"]
    wide, narrow = axes.patches
    assert means == [3, 4] and (wide.get_x(), wide.get_width()) == (1, 5)
    assert narrow.get_width() == 0 and axes.get_xlim()[0] == 0
    (axes,) = plots.versus("signed", {"off": [-1.0, 1.0]}, "correlation").axes
    assert axes.get_xlim()[0] < -1


def test_dashed_lines_take_the_colours_of_the_solid_ones():
    x = [0.0, 1.0]
    solid, dashed = {"loss a": (x, x), "loss b": (x, x)}, {"slope a": (x, x)}
    (axes,) = plots.lines("two", solid, "x", "y", dashed=dashed).axes
    first, second, third = axes.lines
    assert third.get_color() == first.get_color() != second.get_color()
    assert third.get_linestyle() == "--" and first.get_linestyle() == "-"


def test_a_caption_stands_below_its_picture():
    picture = np.full((30, 60, 1), 0.25)
    found = plots.captioned(picture, "after 3 steps")
    assert found.shape[1:] == (60, 3) and found.shape[0] > 40
    np.testing.assert_allclose(found[:30], 0.25)
    assert found[30:].min() < 0.3 and found[30:].max() == 1
