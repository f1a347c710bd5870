"""Which chart answers the question: curves, bars, clouds of codes, or a plane of pictures?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from scipy.stats import norm

from helpers.plots.arrays import tile
from helpers.plots.figures import (
    COLOURS,
    Figure,
    figure,
    label_log_axis,
    show_image,
    use_whole_pixels,
)


def lines(
    title: str, points: dict[str, tuple], x_label: str, y_label: str, logarithmic: bool = False,
    dashed: dict[str, tuple] | None = None, dots: dict[str, tuple] | None = None,
) -> Figure:  # fmt: skip
    """One line per name, with a legend.

    Args:
        title: above the figure.
        points: name to `(x, y)`, two sequences of the same length.
        x_label: of the horizontal axis, with its unit.
        y_label: of the vertical axis, with its unit.
        logarithmic: whether the vertical axis is.
        dashed: more of them, the first in the colour of the first of `points`, and so on.
        dots: more of them, in colours of their own, without a line: few values, far apart, between
            which nothing was measured.
    """
    picture, (axes,) = figure(title, size=(6, 3.2))
    for curves, style in ((points, "-"), (dashed or {}, "--")):
        for number, (name, (x, y)) in enumerate(curves.items()):
            axes.plot(x, y, style, color=COLOURS[number % 10], label=name)
    for number, (name, (x, y)) in enumerate((dots or {}).items(), len(points)):
        axes.plot(x, y, "o", color=COLOURS[number % 10], label=name)
    axes.set(xlabel=x_label, ylabel=y_label)
    if logarithmic:
        label_log_axis(axes)
    axes.legend(frameon=False)
    return picture


def histograms(title: str, values: dict[str, np.ndarray], x_label: str) -> Figure:
    """How often each value occurs, one outline per name, all over the same bins."""
    picture, (axes,) = figure(title, size=(6, 3.2))
    edges = np.linspace(0, np.quantile(np.concatenate(list(values.values())), 0.99), 60)
    for name, numbers in values.items():
        axes.hist(numbers, edges, histtype="stepfilled", alpha=0.5, density=True, label=name)
    axes.set(xlabel=x_label, ylabel="density")
    axes.legend(frameon=False)
    return picture


def named_bars(
    title: str, values: dict[str, float], x_label: str, line: float | None = None
) -> Figure:
    """One horizontal bar per name, the number written beside it.

    All bars have one colour: their names tell them apart, and the colours of curves stay free.

    Args:
        title: above the figure.
        values: name to number, first on top.
        x_label: of the numbers, with their unit.
        line: a number to beat, drawn as a dashed line.
    """
    picture, (axes,) = figure(title, size=(6.4, 0.9 + 0.34 * len(values)))
    drawn = axes.barh(list(values), list(values.values()), color="slategray")
    axes.bar_label(drawn, [f"{value:.3g}" for value in values.values()], padding=4, fontsize=9)
    if line is not None:
        axes.axvline(line, color="black", linestyle="--", lw=1)
    axes.invert_yaxis()
    axes.set(xlabel=x_label)
    axes.margins(x=0.15)
    return picture


def spectra(title: str, powers: dict[str, np.ndarray]) -> Figure:
    """Power spectra of :func:`helpers.metrics.power_spectrum`, at most five in a row, one scale."""
    rows = -(-len(powers) // 5)
    columns = -(-len(powers) // rows)
    side = min(2.3, 8.6 / columns)
    size = (0.8 + side * columns, (side + 0.4) * rows + 0.5)
    picture, panels = figure(title, rows, columns, size=size)
    logarithms = [np.log10(power + 1e-9) for power in powers.values()]
    low, high = np.min(logarithms), np.max(logarithms)
    box = (-0.5, 0.5, 0.5, -0.5)
    used = panels[: len(powers)]
    for axes, name, power in zip(used, powers, logarithms, strict=True):
        drawn = axes.imshow(power, vmin=low, vmax=high, extent=box, cmap="magma")
        axes.set_title(name, fontsize=9)
        axes.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
        axes.set_xlabel("cycles per pixel", fontsize=8)
        axes.tick_params(labelsize=8)
    for axes in panels[::columns]:
        axes.set_ylabel("cycles per pixel", fontsize=8)
    for axes in panels[len(powers) :]:
        axes.set_axis_off()
    picture.colorbar(drawn, ax=panels.tolist(), label="log10(power)", shrink=0.9)
    return picture


def bars(title: str, heights: np.ndarray, x_label: str, y_label: str) -> Figure:
    """One bar per number, counted from 1."""
    picture, (axes,) = figure(title, size=(6, 3))
    axes.bar(np.arange(1, len(heights) + 1), heights)
    axes.set(xlabel=x_label, ylabel=y_label)
    return picture


def holes(title: str, log_ratio: np.ndarray, reach: float, images: np.ndarray) -> Figure:
    """A map of where codes crowd and where they lack, beside pictures from the empty places.

    Args:
        title: above the figure.
        log_ratio: log10 of the codes' density over the prior's, shape (side, side), top row first.
        reach: the map spans -reach to reach in both latent dimensions.
        images: decoded pictures, shape (n, height, width, channels).
    """
    picture, (left, right) = figure(title, 1, 2, size=(9.4, 4.2))
    box = (-reach, reach, -reach, reach)
    drawn = left.imshow(log_ratio, cmap="RdBu", vmin=-1.5, vmax=1.5, extent=box)
    picture.colorbar(drawn, ax=left, label="log10(codes' density / prior's)")
    left.set(xlabel="$z_1$", ylabel="$z_2$")
    left.set_title("blue: crowded, red: empty", fontsize=9)
    show_image(right, tile(images, round(len(images) ** 0.5)), "decoded from empty places")
    use_whole_pixels(picture, [right])
    return picture


def scatter(
    axes: Axes, codes: np.ndarray, labels: np.ndarray, size: float = 4, legend: bool = True
) -> None:
    """Codes on the plane, one colour per label.

    Args:
        axes: where to draw.
        codes: shape (n, 2).
        labels: whole numbers from 0 to 9, shape (n,).
        size: of a point.
        legend: whether to name the colours.
    """
    for label in np.unique(labels):
        at = codes[labels == label]
        axes.scatter(at[:, 0], at[:, 1], s=size, color=COLOURS[label], lw=0, label=str(label))
    axes.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    if legend:
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            title="label",
            frameon=False,
            markerscale=18 / size,
            handletextpad=0.2,
        )


def scatters(title: str, planes: dict[str, np.ndarray], labels: np.ndarray) -> Figure:
    """Clouds of 2-D codes of the same images side by side; dashed: two std of the prior."""
    picture, panels = figure(title, 1, len(planes), size=(0.9 + 3.5 * len(planes), 3.8))
    for number, (axes, (name, codes)) in enumerate(zip(panels, planes.items(), strict=True), 1):
        scatter(axes, codes, labels, legend=number == len(planes))
        axes.add_patch(Ellipse((0, 0), 4, 4, fill=False, linestyle="--"))
        axes.autoscale_view()
        axes.set_title(f"{name} (dashed: 2 std of the prior)".strip(), fontsize=9)
    return picture


def ellipses(axes: Axes, z_mean: np.ndarray, z_log_var: np.ndarray, labels: np.ndarray) -> None:
    """The posterior q(z | x) of each image as an ellipse of two standard deviations.

    Args:
        axes: where to draw.
        z_mean: shape (n, 2).
        z_log_var: shape (n, 2).
        labels: whole numbers from 0 to 9, shape (n,), for the colour.
    """
    diameters = 4 * np.exp(0.5 * z_log_var)
    for centre, (width, height), label in zip(z_mean, diameters, labels, strict=True):
        axes.add_patch(Ellipse(centre, width, height, fill=False, edgecolor=COLOURS[label]))


def manifold(title: str, images: np.ndarray) -> Figure:
    """Pictures decoded from :func:`helpers.latent.quantile_grid`, with the codes on the axes.

    Args:
        title: above the figure.
        images: shape (side * side, height, width, channels), in the grid's order.
    """
    side, height = round(len(images) ** 0.5), images.shape[1]
    picture, (axes,) = figure(title, size=(6.6, 6.8))
    show_image(axes, tile(images, side, gap=0))
    axes.set_axis_on()
    places = np.linspace(0, side - 1, 5).astype(int)  # from the left, and from below
    quantiles = [f"{norm.ppf((place + 0.5) / side):.1f}" for place in places]
    axes.set_xticks((places + 0.5) * height, quantiles)
    axes.set_yticks((side - places - 0.5) * height, quantiles)
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    use_whole_pixels(picture, [axes])
    return picture
