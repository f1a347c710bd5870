"""Turn a cloud, walk one unit of a code, choose the noise."""

from collections.abc import Callable

import ipywidgets
import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation

from helpers import layers, metrics, plots
from helpers.data import checks
from helpers.widgets.base import Lab
from helpers.widgets.controls import WIDE, make_choice, make_slider
from helpers.widgets.pictures import enlarge, named_rows, there_and_back


class CloudTurner(Lab):
    """Turn a 3-D cloud and its reconstruction, and choose which reconstruction is shown.

    Args:
        points: shape (n, 3).
        reconstructions: name, for example ``"2 numbers"``, to the reconstruction of every point,
            shape (n, 3); in the order of the slider.

    Raises:
        ValueError: no reconstruction, an array without finite numbers, or without a row for each
            point.
    """

    title = "Cloud turner: 3-D points, their reconstruction, and the line between them"

    def __init__(self, points: np.ndarray, reconstructions: dict[str, np.ndarray]) -> None:
        checks.check_each("reconstructions", reconstructions.values())
        checks.check_rows({"points": points, **reconstructions})
        self.points, self.reconstructions = points, reconstructions
        self.code = make_choice("code", list(reconstructions), next(iter(reconstructions)))
        self.azimuth = make_slider("turn (degrees)", 30, -180, 180, 2)
        self.elevation = make_slider("tilt (degrees)", 20, -90, 90, 2)
        self.image = ipywidgets.Image(width=420, height=420)
        controls = ipywidgets.VBox([self.code, self.azimuth, self.elevation])
        names = ["blue: the points; orange: their reconstruction"]
        super().__init__([ipywidgets.HBox([controls, self.image])], names)
        for control in controls.children:
            control.observe(self._refresh, "value")
        self._refresh()

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            shadows = self.reconstructions[self.code.value]
            view = self.azimuth.value, self.elevation.value
            self.drawn = draw_cloud(self.points, shadows, *view)
            self.image.value = plots.png(self.drawn)
            error = metrics.squared_error(self.points, shadows).mean()
            self.caption.text = f"{self.code.value}: mean squared error {error:.4f}"

    def picture(self) -> np.ndarray:
        """The cloud as it stands."""
        return self.drawn


class UnitWalker(Lab):
    """Change one number of a picture's code and watch what the decoder makes of it.

    Args:
        decode: from codes (n, code size) to images (n, height, width, channels).
        codes: codes of test images, shape (n, code size).
        images: the images the codes belong to.

    Raises:
        ValueError: an array without finite numbers, or without a row for each of the other.
    """

    title = "Unit walker: a picture, its reconstruction, and one unit of its code on the move"
    STEPS = 11
    FILM, WALK = 0.08, 25

    def __init__(
        self, decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray, images: np.ndarray
    ) -> None:
        checks.check_rows({"codes": codes, "images": images})
        self.decode, self.codes, self.images, self.choosing = decode, codes, images, False
        count, size = codes.shape
        self.which = make_slider("picture", 0, 0, count - 1, 1)
        self.unit = make_slider("unit", 0, 0, size - 1, 1)
        self.value = make_slider("value", 0.0, -1.0, 1.0, 0.01)
        self.image, self.strip = ipywidgets.Image(), ipywidgets.Image()
        controls = ipywidgets.VBox([self.which, self.unit, self.value])
        names = ["picture, reconstruction, reconstruction with the unit moved"]
        names.append("the unit from the lowest value among test pictures to the highest")
        super().__init__([ipywidgets.HBox([controls, self.image]), self.strip], names)
        for control in (self.which, self.unit):
            control.observe(self._choose, "value")
        self.value.observe(self._refresh, "value")
        self._choose()

    def _moved(self, values: np.ndarray | list[float]) -> np.ndarray:
        """The chosen picture's code with the chosen unit at each of some values, decoded."""
        codes = np.repeat(self.codes[[self.which.value]], len(values), axis=0)
        codes[:, self.unit.value] = values
        return np.clip(self.decode(codes), 0, 1)

    def _choose(self, change: dict | None = None) -> None:
        """Another picture or unit: the slider of the value starts where the picture is."""
        with self.lock:
            seen = self.codes[:, self.unit.value]
            low, high = float(seen.min()), float(max(seen.max(), seen.min() + 0.1))
            self.choosing = True
            self.value.min, self.value.max = min(low, self.value.min), max(high, self.value.max)
            self.value.value = float(seen[self.which.value])
            self.value.min, self.value.max, self.value.step = low, high, (high - low) / 100
            self.choosing = False
            self.path = plots.tile(self._moved(np.linspace(low, high, self.STEPS)), self.STEPS, 2)
            self.strip.value = plots.png(enlarge(self.path, 2))
            self._refresh()

    def _refresh(self, change: dict | None = None) -> None:
        if self.choosing:
            return
        with self.lock:
            now, own = self.value.value, self.codes[self.which.value, self.unit.value]
            pictures = [self.images[self.which.value], *self._moved([own, now])]
            self.trio = plots.tile(np.stack(pictures), 3, gap=2)
            self.image.value = plots.png(enlarge(self.trio, 4))
            moved = f"unit {self.unit.value} moved from {own:.2f} to {now:.2f}"
            self.caption.text = f"From the left: picture, reconstruction, and {moved}"

    def picture(self) -> np.ndarray:
        """The three pictures above the whole walk."""
        trio, strip = enlarge(self.trio, 3), enlarge(self.path, 2)
        margin = (strip.shape[1] - trio.shape[1]) // 2
        sides = ((0, 8), (margin, strip.shape[1] - trio.shape[1] - margin), (0, 0))
        return np.concatenate([np.pad(trio, sides, constant_values=1), strip])

    def full_size(self) -> dict[str, np.ndarray]:
        """The three pictures, and the walk, at their own pixels."""
        return {"pictures": self.trio, "walk": self.path}

    def frames(self) -> np.ndarray:
        """The walk of the unit from its lowest value to its highest and back."""
        return there_and_back(self._moved(np.linspace(self.value.min, self.value.max, self.WALK)))


class NoiseBench(Lab):
    """Damage pictures and compare what several methods make of them.

    Args:
        images: clean, in [0, 1], shape (n, height, width, channels); all are shown at once.
        methods: name to a function from damaged images to restored ones.

    Raises:
        ValueError: images without finite numbers.
    """

    title = "Noise bench: clean, damaged and restored pictures for a kind and level of noise"
    SEED = 0

    def __init__(
        self, images: np.ndarray, methods: dict[str, Callable[[np.ndarray], np.ndarray]]
    ) -> None:
        checks.check_rows({"images": images})
        self.images, self.methods = images, methods
        options = [(kind.replace("_", " "), kind) for kind in layers.KINDS]
        self.kind = ipywidgets.ToggleButtons(options=options, description="noise", style=WIDE)
        self.level = make_slider("level", 0.5, 0.0, 1.0, 0.05)
        self.image = ipywidgets.Image()
        rows = ", ".join(["clean", "noisy", *methods])
        super().__init__([self.kind, self.level, self.image], [f"rows from the top: {rows}"])
        for control in (self.kind, self.level):
            control.observe(self._refresh, "value")
        self._refresh()

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            noise = self.kind.value, self.level.value
            noisy = np.array(layers.corrupt(self.images, *noise, seed=self.SEED))
            rows = {"noisy": noisy, **{name: work(noisy) for name, work in self.methods.items()}}
            rows = {name: np.clip(row, 0, 1) for name, row in rows.items()}
            stacked = np.concatenate([self.images, *rows.values()])
            self.sheet = plots.tile(stacked, len(self.images), gap=2)
            self.drawn = named_rows(enlarge(self.sheet, 2), ["clean", *rows])
            self.image.value = plots.png(self.drawn)
            scores = [f"{n} {metrics.psnr(self.images, row):.1f} dB" for n, row in rows.items()]
            self.caption.text = f"Rows from the top: clean, {', '.join(scores)}"

    def picture(self) -> np.ndarray:
        """All rows as they stand."""
        return self.drawn

    def full_size(self) -> dict[str, np.ndarray]:
        """All rows at their own pixels."""
        return {"rows": self.sheet}


def turn(points: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """Look at 3-D points from another side.

    Args:
        points: shape (n, 3).
        azimuth: turn about the upright axis, in degrees.
        elevation: how far the eye stands above the ground, in degrees.

    Returns:
        Shape (n, 3): to the right, up, and towards the eye. Distances stay what they were.
    """
    turned = Rotation.from_euler("zy", [-azimuth, elevation], degrees=True).apply(points)
    return turned[:, [1, 2, 0]]


def draw_cloud(
    points: np.ndarray, shadows: np.ndarray, azimuth: float, elevation: float
) -> np.ndarray:
    """A 3-D cloud, its reconstruction in a second colour, and a line from each point to its own.

    Drawn by Pillow in a few milliseconds, far points first.

    Args:
        points: shape (n, 3).
        shadows: the reconstruction of each point, shape (n, 3).
        azimuth: in degrees, see :func:`turn`.
        elevation: in degrees.

    Returns:
        In [0, 1], shape (420, 420, 3).
    """
    reach = 1.05 * np.linalg.norm(points, axis=1).max()
    side = 420
    scale = side / reach  # drawn twice as large as shown, so that edges come out smooth

    def place(where: np.ndarray) -> np.ndarray:
        seen = turn(where, azimuth, elevation)
        return np.column_stack([side + scale * seen[:, 0], side - scale * seen[:, 1], seen[:, 2]])

    canvas = Image.new("RGB", (2 * side, 2 * side), "white")
    draw = ImageDraw.Draw(canvas)
    _draw_axes(draw, place(np.vstack([np.zeros(3), 0.6 * reach * np.eye(3)])), side)
    ends = place(points), place(shadows)
    for start, end in zip(*ends, strict=True):
        draw.line([*start[:2], *end[:2]], fill="#555555", width=3)
    dots = np.vstack(ends)
    colours = np.repeat(["#1f77b4", "#ff7f0e"], len(points))
    for number in np.argsort(dots[:, 2]):
        draw.circle(tuple(dots[number, :2]), 5, fill=colours[number])
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX), "float32") / 255


def _draw_axes(draw: ImageDraw.ImageDraw, ends: np.ndarray, side: int) -> None:
    """Three axes from the first of four places to the others, named at their ends."""
    for number, end in enumerate(ends[1:], 1):
        draw.line([*ends[0, :2], *end[:2]], fill="#888888", width=3)
        beyond = 1.12 * end[:2] - 0.12 * ends[0, :2]
        draw.text(tuple(beyond), f"x{number}", fill="#444444", font_size=side // 14, anchor="mm")
