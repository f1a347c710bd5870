"""What is a figure here, and how are pictures set into one?

A figure is drawn without pyplot and touches no global setting, so that several threads can draw
each their own. It knows its title, and gives it as alternative text where a notebook saves it.
"""

import math
from collections.abc import Iterable
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.plots import arrays

COLOURS = matplotlib.color_sequences["tab10"]
DOTS = 110  # pixels per inch
WIDEST = 902  # of a row of pictures, in pixels
USUAL = 88  # of one picture in a row, in pixels


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure that shows itself as a PNG and names itself for those who cannot see.

    Args:
        title: one line that says what the picture shows; it also stands above it.
        size: width and height in inches, at 110 pixels per inch.
    """

    def __init__(self, title: str, size: tuple[float, float]) -> None:
        super().__init__(figsize=size, dpi=DOTS, layout="constrained")
        self.drawing = FigureCanvasAgg(self)
        self.title = title
        self.suptitle(title, fontsize=11)

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, str], dict[str, dict]]:
        shown, metadata = arrays.bundle(self.pixels(), self.title)
        return {**shown, "text/plain": repr(self)}, metadata

    def pixels(self) -> np.ndarray:
        """The drawn figure, floats in [0, 1] of shape (height, width, 3)."""
        self.drawing.draw()
        return np.asarray(self.drawing.buffer_rgba(), "float32")[..., :3] / 255


def figure(
    title: str, rows: int = 1, columns: int = 1, size: tuple[float, float] = (6, 4)
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, an array of shape (rows * columns,)."""
    picture = Figure(title, size)
    panels = picture.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return picture, panels


def label_log_axis(axes: Axes) -> None:
    """Make the vertical axis logarithmic and label values that occur, not powers of ten alone.

    Over three decades or fewer 1, 2 and 5 times each power of ten are labelled; over less than one
    octave even steps are.
    """
    axes.set_yscale("log", nonpositive="mask")
    low, high = axes.get_ylim()
    if high > 1000 * low:
        return
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())


def show_image(axes: Axes, image: np.ndarray, title: str = "", smooth: bool = False) -> None:
    """Draw one image of shape (height, width, 1 or 3) without ticks; `smooth` hides its pixels."""
    kernel = "lanczos" if smooth else "nearest"
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation=kernel)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def use_whole_pixels(picture: Figure, panels: Iterable[Axes]) -> None:
    """Shrink the panels that show an image until each of its pixels has the same whole size.

    Drawn at 2.3 times its size, an image has pixels of two and of three pixels side by side. Where
    there is no room for even one to one, the image stays as it is.
    """
    picture.draw_without_rendering()
    picture.set_layout_engine("none")
    across, down = picture.bbox.size
    for axes in panels:
        if not axes.images:
            continue
        height, width = axes.images[0].get_size()
        box = axes.get_window_extent()
        scale = int(min(box.width / width, box.height / height) + 1e-6)
        if scale > 0:
            left = round(box.x0 + (box.width - scale * width) / 2)
            bottom = round(box.y1) - scale * height
            place = left / across, bottom / down, scale * width / across, scale * height / down
            axes.set_position(place)


def picture_rows(title: str, rows: dict[str, np.ndarray], gap: int = 2) -> Figure:
    """Rows of images, one above the other, each with its name on the left.

    Args:
        title: above the figure.
        rows: name to images of shape (n, height, width, channels); the same n in every row.
        gap: white pixels between neighbours.
    """
    count, height, width = next(iter(rows.values())).shape[:3]
    grid = arrays.tile(np.concatenate(list(rows.values())), count, gap)
    scale = min(max(1, round(USUAL / (width + gap))), WIDEST / grid.shape[1])
    scale = int(scale) if scale > 1 else scale
    names, head = 33 + 9.35 * max(map(len, rows)), 44
    across, down = names + scale * grid.shape[1] + 2, head + scale * grid.shape[0] + 2
    picture, (axes,) = figure(title, size=(across / DOTS, down / DOTS))
    picture.set_layout_engine("none")
    axes.set_position([names / across, 1 / down, 1 - (names + 1) / across, 1 - head / down])
    show_image(axes, grid, smooth=scale < 1)
    for number, name in enumerate(rows):
        middle = number * (height + gap) + height / 2
        axes.text(-2 * gap, middle, name, ha="right", va="center")
    use_whole_pixels(picture, [axes])
    return picture


def gallery(
    title: str, pictures: dict[str, np.ndarray], columns: int = 6, smooth: bool = True,
    side: float = 2.5,
) -> Figure:  # fmt: skip
    """Pictures of any size, each with its name above, all drawn equally large.

    Args:
        title: above the figure.
        pictures: name to one image in [0, 1], shape (height, width, 1 or 3).
        columns: pictures per row.
        smooth: whether to hide the pixels; otherwise each picture is drawn at the largest whole
            multiple of its size for which there is room.
        side: of one picture in inches, at most; four or more pictures in a row are smaller.
    """
    columns = min(columns, len(pictures))
    rows, side = math.ceil(len(pictures) / columns), min(side, 8.8 / columns)
    size = (columns * side, rows * (side + 0.25) + 0.35)
    picture, panels = figure(title, rows, columns, size)
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, image) in zip(panels, pictures.items(), strict=False):
        show_image(axes, image, name, smooth)
    if not smooth:
        use_whole_pixels(picture, panels)
    return picture
