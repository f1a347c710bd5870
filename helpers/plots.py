"""What does it look like?

Two kinds of picture, neither of which needs pyplot, so that both may be drawn by any thread:

    tile, png    NumPy arrays to one picture to PNG bytes, in a few milliseconds: for sliders
    Figure       Matplotlib with axes and labels: for the page

Every function returns its picture; a notebook shows what a cell returns.
"""

import base64
import io

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Ellipse
from PIL import Image
from scipy.stats import norm

COLOURS = matplotlib.color_sequences["tab10"]
STYLE = {"axes.spines.top": False, "axes.spines.right": False}


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure that shows itself as a PNG and names itself for those who cannot see.

    Args:
        title: one line that says what the picture shows; it also stands above it.
        size: width and height in inches, at 110 pixels per inch.
    """

    def __init__(self, title: str, size: tuple[float, float]):
        super().__init__(figsize=size, dpi=110, layout="constrained")
        FigureCanvasAgg(self)
        self.title = title
        self.suptitle(title, fontsize=11)

    def __repr__(self):
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        return {**bundle(self.pixels()), "text/plain": repr(self)}

    def pixels(self) -> np.ndarray:
        """The drawn figure, floats in [0, 1] of shape (height, width, 3)."""
        self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba(), "float32")[..., :3] / 255


def figure(title: str, rows: int = 1, columns: int = 1, size=(6, 4)) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, an array of shape (rows * columns,)."""
    with matplotlib.rc_context(STYLE):
        picture = Figure(title, size)
        return picture, picture.subplots(rows, columns, squeeze=False).ravel()


def tile(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Lay images out in rows.

    Args:
        images: floats in [0, 1], shape (n, height, width, 1 or 3).
        columns: images per row; a last row that is not full is padded with white.
        gap: white pixels between neighbours.

    Returns:
        Shape (rows * (height + gap) - gap, columns * (width + gap) - gap, channels).
    """
    images = np.asarray(images, "float32")
    rows = -(-len(images) // columns)
    height, width, channels = images.shape[1:]
    cells = np.ones((rows * columns, height + gap, width + gap, channels), "float32")
    cells[: len(images), :height, :width] = images
    grid = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    return grid.reshape(rows * (height + gap), -1, channels)[: -gap or None, : -gap or None]


def png(image: np.ndarray) -> bytes:
    """PNG bytes of one image, floats in [0, 1] of shape (height, width, 1 or 3)."""
    pixels = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    stream = io.BytesIO()
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def bundle(image: np.ndarray) -> dict[str, str]:
    """An image as a notebook saves it: PNG of 256 colours or JPEG, whichever is smaller.

    Args:
        image: floats in [0, 1] of shape (height, width, 1 or 3).

    Returns:
        Its MIME type, and its bytes in base64.
    """
    full, few, photographic = Image.open(io.BytesIO(png(image))), io.BytesIO(), io.BytesIO()
    full.quantize(256).save(few, "PNG", optimize=True)
    full.save(photographic, "JPEG", quality=68, optimize=True)
    streams = {"image/png": few, "image/jpeg": photographic}
    kind = min(streams, key=lambda name: len(streams[name].getvalue()))
    return {kind: base64.b64encode(streams[kind].getvalue()).decode()}


def signed(maps: np.ndarray) -> np.ndarray:
    """Numbers of both signs as grey levels: 0 is middle grey, each map reaches black or white.

    Args:
        maps: shape (n, height, width), for example filters or principal components.

    Returns:
        In [0, 1], shape (n, height, width, 1).
    """
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return (0.5 + 0.5 * maps / np.maximum(largest, 1e-12))[..., np.newaxis]


def interleave(above: np.ndarray, below: np.ndarray, columns: int) -> np.ndarray:
    """Two sets of images in turn, a row of each, so that each stands above its partner.

    Args:
        above: shape (n, height, width, channels), n a multiple of `columns`.
        below: same shape.
        columns: images per row.

    Returns:
        Shape (2 n, height, width, channels), for :func:`tile` with the same `columns`.
    """
    rows = [images.reshape(-1, columns, *images.shape[1:]) for images in (above, below)]
    return np.stack(rows, axis=1).reshape(-1, *above.shape[1:])


def show_image(axes, image: np.ndarray, title: str = "", smooth: bool = False) -> None:
    """Draw one image of shape (height, width, 1 or 3) without ticks; `smooth` hides its pixels."""
    kernel = "lanczos" if smooth else "nearest"
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation=kernel)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def picture_rows(title: str, rows: dict[str, np.ndarray], gap: int = 2) -> Figure:
    """Rows of images, one above the other, each with its name on the left.

    Args:
        title: above the figure.
        rows: name to images of shape (n, height, width, channels); the same n in every row.
        gap: white pixels between neighbours.
    """
    count, height, width = next(iter(rows.values())).shape[:3]
    inches, names, head = min(0.8, 8.2 / count), 0.3 + 0.085 * max(map(len, rows)), 0.4
    across, down = names + count * inches, head + len(rows) * inches * height / width
    picture, (axes,) = figure(title, size=(across, down))
    picture.set_layout_engine("none")
    axes.set_position([names / across, 0.01, 1 - names / across - 0.01, 1 - head / down])
    show_image(axes, tile(np.concatenate(list(rows.values())), count, gap))
    for number, name in enumerate(rows):
        middle = number * (height + gap) + height / 2
        axes.text(-2 * gap, middle, name, ha="right", va="center")
    return picture


def gallery(
    title: str, pictures: dict[str, np.ndarray], columns: int = 6, smooth: bool = True
) -> Figure:
    """Pictures of any size, each with its name above, all drawn equally large.

    Args:
        title: above the figure.
        pictures: name to one image in [0, 1], shape (height, width, 1 or 3).
        columns: pictures per row.
        smooth: whether to hide the pixels.
    """
    columns = min(columns, len(pictures))
    rows, side = -(-len(pictures) // columns), min(2.5, 8.8 / columns)
    size = (columns * side, rows * (side + 0.25) + 0.35)
    picture, panels = figure(title, rows, columns, size)
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, image) in zip(panels, pictures.items(), strict=False):
        show_image(axes, image, name, smooth)
    return picture


def lines(
    title: str, points: dict[str, tuple], x_label: str, y_label: str, logarithmic: bool = False,
    dashed: dict[str, tuple] | None = None,
) -> Figure:  # fmt: skip
    """One line per name, with a legend.

    Args:
        title: above the figure.
        points: name to `(x, y)`, two sequences of the same length.
        x_label: of the horizontal axis, with its unit.
        y_label: of the vertical axis, with its unit.
        logarithmic: whether the vertical axis is.
        dashed: more of them, the first in the colour of the first of `points`, and so on.
    """
    picture, (axes,) = figure(title, size=(6, 3.2))
    for curves, style in ((points, "-"), (dashed or {}, "--")):
        for number, (name, (x, y)) in enumerate(curves.items()):
            axes.plot(x, y, style, color=COLOURS[number % 10], label=name)
    axes.set(xlabel=x_label, ylabel=y_label, yscale="log" if logarithmic else "linear")
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


def named_bars(title: str, values: dict[str, float], x_label: str, line: float | None = None):
    """One horizontal bar per name, the number written beside it.

    Args:
        title: above the figure.
        values: name to number, first on top.
        x_label: of the numbers, with their unit.
        line: a number to beat, drawn as a dashed line.
    """
    picture, (axes,) = figure(title, size=(6.4, 0.9 + 0.34 * len(values)))
    colours = [COLOURS[row % 10] for row in range(len(values))]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, [f"{value:.3g}" for value in values.values()], padding=4, fontsize=9)
    if line is not None:
        axes.axvline(line, color="black", linestyle="--", lw=1)
    axes.invert_yaxis()
    axes.set(xlabel=x_label)
    axes.margins(x=0.15)
    return picture


def spectra(title: str, powers: dict[str, np.ndarray]) -> Figure:
    """Power spectra from :func:`helpers.metrics.power_spectrum` side by side, one colour scale."""
    side = min(2.1, 8.6 / len(powers))
    picture, panels = figure(title, 1, len(powers), size=(0.8 + side * len(powers), side + 0.9))
    logarithms = [np.log10(power + 1e-9) for power in powers.values()]
    low, high = np.min(logarithms), np.max(logarithms)
    box = (-0.5, 0.5, 0.5, -0.5)
    for axes, name, power in zip(panels, powers, logarithms, strict=True):
        drawn = axes.imshow(power, vmin=low, vmax=high, extent=box, cmap="magma")
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("cycles per pixel", fontsize=8)
        axes.tick_params(labelsize=8)
    panels[0].set_ylabel("cycles per pixel", fontsize=8)
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
    show_image(right, tile(images, round(len(images) ** 0.5)), "decoded from the emptiest places")
    return picture


def scatter(axes, codes: np.ndarray, labels: np.ndarray, size: float = 4, legend: bool = True):
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
        side = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}
        axes.legend(markerscale=18 / size, title="label", handletextpad=0.2, **side)


def scatters(title: str, planes: dict[str, np.ndarray], labels: np.ndarray) -> Figure:
    """Clouds of 2-D codes of the same images side by side; dashed: two std of the prior."""
    picture, panels = figure(title, 1, len(planes), size=(0.9 + 3.5 * len(planes), 3.8))
    for number, (axes, (name, codes)) in enumerate(zip(panels, planes.items(), strict=True), 1):
        scatter(axes, codes, labels, legend=number == len(planes))
        axes.add_patch(Ellipse((0, 0), 4, 4, fill=False, linestyle="--"))
        axes.autoscale_view()
        axes.set_title(f"{name} (dashed: 2 std of the prior)".strip(), fontsize=9)
    return picture


def ellipses(axes, z_mean: np.ndarray, z_log_var: np.ndarray, labels: np.ndarray) -> None:
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
    places = np.linspace(0, side - 1, 5).astype(int)
    quantiles = [f"{norm.ppf((place + 0.5) / side):.1f}" for place in places]
    axes.set_xticks((places + 0.5) * height, quantiles)
    axes.set_yticks((places + 0.5) * height, quantiles[::-1])
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    return picture
