"""Pictures hold the right pixels and come out as real PNG files."""

import base64
import io
import threading

import matplotlib
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
    labels = np.arange(50) % 10
    return [
        plots.picture_rows("rows", {"one": images, "two": images}),
        plots.lines("lines", {"a": ([0, 1], [2, 3])}, "t", "nats"),
        plots.bars("bars", np.arange(4), "dimension", "nats"),
        plots.holes("holes", RNG.normal(size=(9, 9)), 3, images),
        plots.scatters("scatters", {"left": codes, "right": codes}, labels),
        plots.histograms("histograms", {"a": RNG.random(99), "b": RNG.random(99)}, "error"),
        plots.named_bars("named bars", {"a": 1.0, "b": 2.0}, "error", line=1.5),
        plots.spectra("spectra", {"a": RNG.random((8, 8)), "b": RNG.random((8, 8))}),
        plots.spectra("two rows", {name: RNG.random((8, 8)) for name in "abcdefg"}),
        plots.manifold("manifold", RNG.random((9, 8, 8, 1))),
    ]


def test_every_figure_is_titled_labelled_and_drawn():
    for figure in every_figure():
        assert figure.get_suptitle() and repr(figure) == f"<Figure: {figure.get_suptitle()}>"
        shown, metadata = figure._repr_mimebundle_()
        (kind,) = {"image/png", "image/jpeg"} & set(shown)
        assert metadata == {kind: {"alt": figure.title}}
        drawn = opened(base64.b64decode(shown[kind]))
        assert drawn.shape[1] > 300 and len(np.unique(drawn)) > 8
        if figure.title != "rows":
            assert figure.axes[0].get_xlabel()
        if figure.title not in ("rows", "named bars", "spectra"):
            assert figure.axes[0].get_ylabel()


@pytest.mark.parametrize("side", [5, 7, 20])
def test_manifold_axes_say_the_codes_of_the_pictures_beside_them(side):
    axes = plots.manifold("plane", RNG.random((side * side, 8, 8, 1))).axes[0]
    grid = latent.quantile_grid(side).reshape(side, side, 2)
    for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        assert float(label.get_text()) == pytest.approx(grid[0, int(tick / 8), 0], abs=0.051)
    for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        assert float(label.get_text()) == pytest.approx(grid[int(tick / 8), 0, 1], abs=0.051)


def test_a_photograph_is_saved_as_jpeg_and_a_chart_as_png():
    smooth = np.random.default_rng(0).random((12, 12, 3)).repeat(20, 0).repeat(20, 1)
    noisy = np.clip(smooth + np.random.default_rng(1).normal(0, 0.05, smooth.shape), 0, 1)
    chart = plots.lines("chart", {"a": ([0, 1], [0, 1])}, "x", "y").pixels()
    kinds = [list(plots.bundle(image, "either")[0]) for image in (noisy, chart)]
    assert kinds == [["image/jpeg"], ["image/png"]]
    (content,) = plots.bundle(noisy, "blobs")[0].values()
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


def test_dashed_lines_take_the_colours_of_the_solid_ones():
    x = [0.0, 1.0]
    solid, dashed = {"loss a": (x, x), "loss b": (x, x)}, {"slope a": (x, x)}
    (axes,) = plots.lines("two", solid, "x", "y", dashed=dashed).axes
    first, second, third = axes.lines
    assert third.get_color() == first.get_color() != second.get_color()
    assert third.get_linestyle() == "--" and first.get_linestyle() == "-"


def test_dots_have_no_line_between_them_and_a_colour_of_their_own():
    x = [0.0, 1.0]
    figure = plots.lines("few", {"PCA": (x, x)}, "x", "y", dots={"network": ([0, 9], [1, 2])})
    curve, dots = figure.axes[0].lines
    assert dots.get_linestyle() == "None" and dots.get_marker() == "o"
    assert curve.get_color() != dots.get_color()
    names = [words.get_text() for words in figure.axes[0].get_legend().get_texts()]
    assert names == ["PCA", "network"]


def test_a_bar_has_no_colour_that_a_curve_has():
    (bars,) = plots.named_bars("bars", {"PCA": 1.0, "network": 2.0}, "error").axes
    (curves,) = plots.lines("curves", {str(n): ([0, 1], [n, n]) for n in range(10)}, "x", "y").axes
    (colour,) = {matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bars.patches}
    assert colour not in {matplotlib.colors.to_hex(line.get_color()) for line in curves.lines}


def test_a_value_of_zero_leaves_a_gap_in_a_logarithmic_curve():
    figure = plots.lines("fall", {"a": ([0, 1, 2], [0, 1, 1000])}, "x", "y", logarithmic=True)
    (line,) = figure.axes[0].lines
    assert not np.isfinite(line.get_transform().transform([[0, 0]])[0, 1])


def test_gallery_at_one_to_one_keeps_every_pixel():
    photograph = RNG.integers(0, 256, (300, 300, 3)) / 255
    figure = plots.gallery("large", {"full": photograph}, smooth=False, side=3.0)
    drawn, box = np.round(255 * figure.pixels()), figure.axes[0].get_window_extent()
    assert (box.width, box.height) == (pytest.approx(300), pytest.approx(300))
    left, top = round(box.x0), round(figure.bbox.height - box.y1)
    seen = drawn[top : top + 300, left : left + 300]
    np.testing.assert_array_equal(seen, np.round(255 * photograph))


def test_ellipses_have_the_posterior_width():
    _, (axes,) = plots.figure("ellipses")
    plots.ellipses(axes, np.zeros((1, 2)), np.log([[4.0, 9.0]]), np.array([3]))
    (shape,) = axes.patches
    assert (shape.width, shape.height) == pytest.approx((8, 12))


def settings():
    return dict(matplotlib.rcParams)


def test_three_threads_draw_what_one_draws_and_change_no_setting():
    def draw(number):
        figure = plots.lines(f"{number}", {"a": ([0, 1], [0, number])}, "$z_1$", "$z_2$")
        return figure.pixels()

    before, alone = settings(), [draw(number) for number in range(3)]
    figures, entered = [[], [], []], threading.Barrier(3)

    def repeat(number):
        for _ in range(4):
            entered.wait()
            figures[number].append(draw(number))

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settings() == before
    for expected, drawn in zip(alone, figures, strict=True):
        assert len(drawn) == 4 and all(np.array_equal(expected, image) for image in drawn)


def test_a_figure_reads_no_global_style_of_another_thread():
    """A learner's own `rc_context` in a cell must not be undone, or entered, by a figure."""
    with matplotlib.rc_context({"axes.spines.top": True, "lines.linewidth": 7}):
        inside = settings()
        _, (axes,) = plots.figure("inside")
        assert settings() == inside
    assert [axes.spines[side].get_visible() for side in ("top", "right", "left")] == [
        False,
        False,
        True,
    ]


def scale_of(axes, image):
    """How many pixels wide each pixel of an image is that a figure shows, if all are alike."""
    drawn, box = axes.figure.pixels(), np.array(axes.get_window_extent().extents)
    np.testing.assert_allclose(box, box.round(), atol=1e-3)
    left, bottom, right, top = box.round().astype(int)
    seen = drawn[len(drawn) - top : len(drawn) - bottom, left:right]
    scale = seen.shape[1] // image.shape[1]
    expected = np.broadcast_to(image.repeat(scale, 0).repeat(scale, 1), seen.shape)
    inside = (slice(2, -2), slice(2, -2))  # at its rim there may be axes
    np.testing.assert_allclose(seen[inside], expected[inside], atol=2.1 / 255)
    return scale


@pytest.mark.parametrize(("count", "side"), [(14, 28), (10, 28), (3, 16), (12, 64), (5, 7)])
def test_rows_draw_every_pixel_equally_large(count, side):
    images = RNG.random((2, count, side, side, 1))
    figure = plots.picture_rows("rows", {"a": images[0], "longer name": images[1]})
    expected = plots.tile(images.reshape(-1, side, side, 1), count, 2)
    scale = scale_of(figure.axes[0], expected)
    assert scale * expected.shape[1] <= 902
    assert scale == 1 or 60 <= scale * (side + 2) <= 110


def test_rows_that_do_not_fit_are_shrunk_and_whole():
    figure = plots.picture_rows("wide", {"a": np.ones((6, 200, 200, 3))})
    (axes,) = figure.axes
    assert axes.get_window_extent().width == pytest.approx(902, abs=2)
    assert figure.pixels().shape[1] < 1000


def test_a_gallery_of_pixels_and_a_manifold_draw_every_pixel_equally_large():
    image, grid = RNG.random((9, 9, 1)), RNG.random((9, 12, 12, 1))
    gallery = plots.gallery("pixels", {"a": image, "b": image[:4, :4]}, smooth=False)
    whole, part = gallery.axes
    assert scale_of(whole, image) > 20 and scale_of(part, image[:4, :4]) > 50
    assert scale_of(plots.manifold("plane", grid).axes[0], plots.tile(grid, 3, 0)) > 12
    holes = plots.holes("holes", RNG.normal(size=(9, 9)), 3, grid)
    assert scale_of(holes.axes[1], plots.tile(grid, 3)) > 6


@pytest.mark.parametrize("values", [(30, 900), (12, 15), (0.02, 0.5), (144, 152), (1, 1e6)])
def test_a_logarithmic_axis_labels_values_that_occur(values):
    (axes,) = plots.lines("log", {"a": ([0, 1], values)}, "x", "y", logarithmic=True).axes
    axes.figure.canvas.draw()
    low, high = axes.get_ylim()
    labels = dict(zip(axes.get_yticks(), axes.get_yticklabels(), strict=True))
    seen = {place: label.get_text() for place, label in labels.items() if low <= place <= high}
    named = {place: text for place, text in seen.items() if text}
    assert axes.get_yscale() == "log" and len(named) >= 3
    if high < 1000 * low:
        assert all(float(text) == pytest.approx(place) for place, text in named.items())


@pytest.mark.parametrize("columns", [0, -1, 2.5, np.nan, True])
def test_a_grid_that_is_none_is_named(columns):
    with pytest.raises(ValueError, match=f"columns is {columns}: use a whole number of 1 or more"):
        plots.tile(np.ones((3, 2, 2, 1)), columns)
    for shape in ((0, 2, 2, 1), (3, 2, 2)):
        with pytest.raises(ValueError, match=r"images have shape .*: use \(n, height, width, chan"):
            plots.tile(np.ones(shape), 2)
