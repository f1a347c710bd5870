"""Move through a space of codes: a plane, a path, a choice of models."""

from collections.abc import Callable

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw
from sklearn.decomposition import PCA

from helpers import latent, plots
from helpers.data import checks
from helpers.vae import VAE
from helpers.widgets.base import Lab, Pad
from helpers.widgets.controls import make_choice, make_slider
from helpers.widgets.pictures import beside, enlarge, named_rows, there_and_back


class LatentExplorer(Lab):
    """Move a point over the codes of the test set and watch what it decodes to.

    With two latent dimensions the plane is the latent space itself. With more, the coordinates
    are those of the first three principal axes of the codes, and the plane shows two of them.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels), for example
            `vae.decode`.
        codes: posterior means of test images, shape (n, latent), latent of 2 or more.
        labels: whole numbers from 0 to 9, shape (n,), for the colours.

    Raises:
        ValueError: codes of one dimension, an array without finite numbers, or without a row for
            each of the other.
    """

    title = "Latent explorer: a point on the plane of codes and the picture decoded from it"
    FILM, WALK = 0.08, 25

    def __init__(
        self, decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray, labels: np.ndarray
    ) -> None:
        checks.check_rows({"codes": codes, "labels": labels})
        if codes.ndim != 2 or codes.shape[1] < 2:
            raise ValueError(f"codes have shape {codes.shape}: use (n, latent), latent 2 or more.")
        self.decode, self.codes, self.labels = decode, codes, np.asarray(labels)
        self.moving = False
        self._choose_axes(codes)
        self._draw_plane()
        self.sliders = [
            make_slider(name, 0.0, -reach, reach, 0.05)
            for name, reach in zip(self.names, self.reach, strict=True)
        ]
        self.image = ipywidgets.Image(width=224, height=224)
        row = ipywidgets.HBox([self.pad, ipywidgets.VBox([self.image, *self.sliders])])
        super().__init__([row], ["picture decoded at the point"])
        for slider in self.sliders:
            slider.observe(self._refresh, "value")
        self.pad.observe(self._follow_pad, ["x", "y"])
        self._refresh()

    def _choose_axes(self, codes: np.ndarray) -> None:
        """Coordinates are offsets along the rows of `basis` from `centre`."""
        if codes.shape[1] == 2:
            self.centre, self.basis, self.names = np.zeros(2), np.eye(2), ["z1", "z2"]
        else:
            pca = PCA(3).fit(codes)
            self.centre, self.basis = pca.mean_, pca.components_
            self.names = [f"axis {number + 1}" for number in range(len(self.basis))]
        self.coordinates = (codes - self.centre) @ self.basis.T
        far = np.quantile(np.abs(self.coordinates), 0.995, axis=0)
        self.reach = [max(1.0, round(float(reach), 1)) for reach in far]

    def _draw_plane(self) -> None:
        x, y = self.reach[:2]
        plane, (axes,) = plots.figure("codes of test images, coloured by label", size=(4.4, 4))
        plots.scatter(axes, self.coordinates[:, :2], self.labels, size=5)
        axes.set(xlim=(-x, x), ylim=(-y, y), xlabel=self.names[0], ylabel=self.names[1])
        axes.set_aspect("auto")
        self.plane = plane.pixels()
        ranges = {"x_range": [-x, x], "y_range": [-y, y], "frame": _frame(axes)}
        self.pad = Pad(names=self.names[:2], picture=plots.png(self.plane), **ranges)

    def _follow_pad(self, change: dict) -> None:
        """A dragged point moves its slider; a point that the sliders moved stays."""
        with self.lock:
            if not self.moving:
                self.sliders["xy".index(change["name"])].value = change["new"]

    def _move_pad(self) -> None:
        self.moving = True
        self.pad.x, self.pad.y = self.place[:2].tolist()
        self.moving = False

    @property
    def place(self) -> np.ndarray:
        """What the sliders say, shape (axes,)."""
        return np.array([slider.value for slider in self.sliders])

    @property
    def code(self) -> np.ndarray:
        """The chosen code, shape (latent,)."""
        return self.centre + self.place @ self.basis

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            self._move_pad()
            code = self.code
            self.decoded = self.decode(code[np.newaxis].astype("float32"))[0]
            self.scale = max(1, 224 // len(self.decoded))
            self.image.value = plots.png(enlarge(self.decoded, self.scale))
            nearest = np.argmin(np.sum((self.codes - code) ** 2, axis=1))
            place = ", ".join(f"{s.description} = {s.value:.2f}" for s in self.sliders)
            self.caption.text = f"{place}. The nearest test code has label {self.labels[nearest]}."

    def _marked_plane(self) -> np.ndarray:
        plane = Image.fromarray((255 * self.plane).astype("uint8"))
        left, top, width, height = self.pad.frame
        across, up = (self.place[:2] / self.reach[:2] + 1) / 2
        centre = (left + across * width) * plane.width, (top + (1 - up) * height) * plane.height
        ImageDraw.Draw(plane).circle(centre, 7, fill="white", outline="black", width=3)
        return np.asarray(plane) / 255

    def picture(self) -> np.ndarray:
        """The plane with the point on it, and the decoded picture."""
        return beside(self._marked_plane(), enlarge(self.decoded, self.scale))

    def full_size(self) -> dict[str, np.ndarray]:
        """The plane with the point on it, and the decoded picture at its own pixels."""
        return {"plane": self._marked_plane(), "decoded": self.decoded}

    def frames(self) -> np.ndarray:
        """What the first coordinate does from end to end and back, the others as they are."""
        places = np.repeat(self.place[np.newaxis], self.WALK, axis=0)
        places[:, 0] = np.linspace(-self.reach[0], self.reach[0], self.WALK)
        codes = self.centre + places @ self.basis
        return there_and_back(self.decode(codes.astype("float32")))


class Interpolator(Lab):
    """Walk between two codes, straight or along the arc.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels).
        codes: the codes to choose the two ends from, shape (n, latent).
        images: the pictures the codes belong to, shown at the ends; None shows decoded ends.

    Raises:
        ValueError: an array without finite numbers, or without a row for each of the other.
    """

    title = "Interpolator: two pictures, the one between them, and the whole path"

    STEPS = 11
    FILM, WALK = 0.08, 25

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        codes: np.ndarray,
        images: np.ndarray | None = None,
    ) -> None:
        given = {"codes": codes} if images is None else {"codes": codes, "images": images}
        checks.check_rows(given)
        self.decode, self.codes = decode, np.asarray(codes)
        self.images = decode(self.codes.astype("float32")) if images is None else images
        self.scale, count = max(1, 64 // self.images.shape[1]), len(self.codes)
        self.first = make_slider("first picture", 0, 0, count - 1, 1)
        self.second = make_slider("second picture", min(1, count - 1), 0, count - 1, 1)
        self.t = make_slider("t", 0.5, 0.0, 1.0, 0.01)
        self.path = ipywidgets.ToggleButtons(options=["lerp", "slerp"], description="path")
        self.ends, self.strip = ipywidgets.Image(height=112), ipywidgets.Image()
        controls = ipywidgets.VBox([self.first, self.second, self.t, self.path])
        top = ipywidgets.HBox([controls, self.ends])
        names = ["first picture, picture at t, second picture", "the path from t = 0 to t = 1"]
        super().__init__([top, self.strip], names)
        for control in (self.first, self.second, self.path):
            control.observe(self._new_path, "value")
        self.t.observe(self._refresh, "value")
        self._new_path()

    def at(self, t: float | np.ndarray) -> np.ndarray:
        """Code or codes at t along the chosen path."""
        path = {"lerp": latent.lerp, "slerp": latent.slerp}[self.path.value]
        return path(self.codes[self.first.value], self.codes[self.second.value], t)

    def _new_path(self, change: dict | None = None) -> None:
        with self.lock:
            path = self.decode(self.at(np.linspace(0, 1, self.STEPS)).astype("float32"))
            self.path_image = plots.tile(path, self.STEPS, gap=2)
            self.strip.value = plots.png(enlarge(self.path_image, self.scale))
            self._refresh()

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            code = self.at(self.t.value)
            self.decoded = self.decode(code[np.newaxis].astype("float32"))[0]
            ends = self.images[self.first.value], self.images[self.second.value]
            self.ends_image = plots.tile(np.stack([ends[0], self.decoded, ends[1]]), 3, gap=2)
            self.ends.value = plots.png(enlarge(self.ends_image, 2 * self.scale))
            self.caption.text = (
                f"t = {self.t.value:.2f}, norm of the code {np.linalg.norm(code):.2f}"
            )

    def picture(self) -> np.ndarray:
        """The strip of the whole path below the ends with the picture between them."""
        ends = enlarge(self.ends_image, self.scale + 1)
        strip = enlarge(self.path_image, self.scale)
        margin = (strip.shape[1] - ends.shape[1]) // 2
        ends = np.pad(ends, ((0, 8), (margin, margin), (0, 0)), constant_values=1)
        return np.concatenate([ends, strip[:, : ends.shape[1]]])

    def full_size(self) -> dict[str, np.ndarray]:
        """The ends with the picture between them, and the path, at their own pixels."""
        return {"ends": self.ends_image, "path": self.path_image}

    def frames(self) -> np.ndarray:
        """The walk from the first picture to the second and back."""
        codes = self.at(np.linspace(0, 1, self.WALK))
        return there_and_back(self.decode(codes.astype("float32")))


class BetaSwitcher(Lab):
    """Choose beta among trained models and see what it did to them.

    Args:
        models: beta to a trained :class:`helpers.vae.VAE` with two latent dimensions.
        images: test images in [0, 1], shape (n, height, width, channels), n of 10 or more.
        labels: whole numbers from 0 to 9, shape (n,).

    Raises:
        ValueError: no model, too few images, an array without finite numbers, or without a row for
            each of the other.
    """

    title = "Beta switcher: reconstructions, samples and codes of models trained with other betas"
    COLUMNS = 10
    ROWS = ("test images", "reconstructions", "samples", "samples", "samples")

    def __init__(self, models: dict[float, VAE], images: np.ndarray, labels: np.ndarray) -> None:
        checks.check_rows({"images": images, "labels": labels})
        if not models or len(images) < self.COLUMNS:
            said = f"There are {len(models)} models and {len(images)} images"
            raise ValueError(f"{said}: give 1 model and {self.COLUMNS} images or more.")
        self.views = {beta: self._view(m, images, labels) for beta, m in models.items()}
        self.beta = make_choice("beta", list(models), next(iter(models)))
        self.pictures, self.plane = ipywidgets.Image(), ipywidgets.Image()
        row = ipywidgets.HBox([self.pictures, self.plane])
        super().__init__([self.beta, row], ["test images, reconstructions, samples", "their codes"])
        self.beta.observe(self._refresh, "value")
        self._refresh()

    def _view(self, model: VAE, images: np.ndarray, labels: np.ndarray) -> dict:
        """Everything to show for one model, drawn once so that switching is instant."""
        z_mean, _ = model.encode(images)
        reconstructions = model.decode(z_mean[: self.COLUMNS])
        samples = model.decode(latent.prior_codes(3 * self.COLUMNS, model.latent_dim))
        pictures = np.concatenate([images[: self.COLUMNS], reconstructions, samples])
        figure = plots.scatters("Codes of test images", {"": z_mean[:, :2]}, labels)
        sheet = plots.tile(pictures, self.COLUMNS)
        drawn = named_rows(enlarge(sheet, 2), list(self.ROWS)), figure.pixels()
        return {"drawn": drawn, "png": [plots.png(image) for image in drawn], "sheet": sheet}

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            view = self.views[self.beta.value]
            self.pictures.value, self.plane.value = view["png"]
            self.caption.text = f"beta {self.beta.value:g}, as the model was trained"

    def picture(self) -> np.ndarray:
        """Pictures and plane of the chosen beta."""
        return beside(*self.views[self.beta.value]["drawn"])

    def full_size(self) -> dict[str, np.ndarray]:
        """The pictures at their own pixels, and the plane."""
        view = self.views[self.beta.value]
        return {"pictures": view["sheet"], "codes": view["drawn"][1]}


def _frame(axes: Axes) -> list[float]:
    """Where drawn axes lie in their figure: left, top, width, height, as shares of its size."""
    box = axes.get_position()
    return [box.x0, 1 - box.y1, box.width, box.height]
