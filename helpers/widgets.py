"""What happens if I move this?

Each widget is thin: its state in, a picture out. Three rules hold for all of them.

    pictures    go to the browser as PNG bytes; pyplot is never used, as JupyterLab may run a
                slider's callback on another thread while a cell is busy
    lock        one per widget: two fast moves never draw into each other
    static      a saved notebook shows `picture()`, and the caption stands in for it as text

Every control has a name that screen readers say, and each widget announces its caption.
"""

import base64
import threading
import time
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import keras
import numpy as np
import traitlets
from PIL import Image, ImageDraw
from sklearn.decomposition import PCA

from helpers import latent, plots, runtime

HERE = Path(__file__).parent
WIDE = {"description_width": "96px"}
REFRESH_SECONDS = 0.2


class Pad(anywidget.AnyWidget):
    """A point dragged over a picture, by pointer or arrow keys (shift for larger steps)."""

    _esm = HERE / "pad.js"
    _css = HERE / "widgets.css"
    x = traitlets.Float().tag(sync=True)
    y = traitlets.Float().tag(sync=True)
    x_range = traitlets.List([-3.0, 3.0]).tag(sync=True)
    y_range = traitlets.List([-3.0, 3.0]).tag(sync=True)
    frame = traitlets.List([0.0, 0.0, 1.0, 1.0]).tag(sync=True)
    names = traitlets.List(["z1", "z2"]).tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    label = traitlets.Unicode("Point on the plane; move it with the arrow keys").tag(sync=True)


class Caption(anywidget.AnyWidget):
    """A line of text, announced when it changes, that also names the controls around it."""

    _esm = HERE / "caption.js"
    _css = HERE / "widgets.css"
    text = traitlets.Unicode().tag(sync=True)
    alternatives = traitlets.List(traitlets.Unicode()).tag(sync=True)


class Lab(ipywidgets.VBox):
    """Base of every widget here: a lock, a caption, and its `picture()` for saved notebooks."""

    title = "Lab"

    def __init__(self, children, alternatives: list[str]):
        self.lock = threading.RLock()
        self.caption = Caption(alternatives=alternatives)
        super().__init__([*children, self.caption])
        self.add_class("gdl-lab")

    def _repr_mimebundle_(self, **kwargs):
        png = base64.b64encode(plots.small_png(self.picture())).decode()
        static = {"image/png": png, "text/plain": f"<{self.title}>"}
        return {**super()._repr_mimebundle_(**kwargs), **static}


def _slider(name: str, value, low, high, step):
    """A slider over whole numbers when all four are whole, else over floats."""
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    text = name.replace("_", " ")
    return kind(value=value, min=low, max=high, step=step, description=text, style=WIDE)


def beside(*images: np.ndarray, gap: int = 12) -> np.ndarray:
    """Set images of any height side by side on white; all become RGB."""
    height = max(len(image) for image in images)
    columns = []
    for image in images:
        padding = ((0, height - len(image)), (0, gap), (0, 0))
        rgb = np.broadcast_to(image, (*image.shape[:2], 3))
        columns.append(np.pad(rgb, padding, constant_values=1))
    return np.concatenate(columns, axis=1)[:, : -gap or None]


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat each pixel `scale` times in both directions."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


class LatentExplorer(Lab):
    """Move a point over the codes of the test set and watch what it decodes to.

    With two latent dimensions the plane is the latent space itself. With more, the coordinates
    are those of the first principal axes of the codes, and the plane shows the first two.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels), for example
            `vae.decode`.
        codes: posterior means of test images, shape (n, latent), latent of 2 or more.
        labels: whole numbers from 0 to 9, shape (n,), for the colours.
        axes: how many principal axes get a slider when there are more than two dimensions.
    """

    title = "Latent explorer: a point on the plane of codes and the picture decoded from it"

    def __init__(self, decode: Callable, codes, labels, axes: int = 3):
        if codes.ndim != 2 or codes.shape[1] < 2:
            raise ValueError(f"codes have shape {codes.shape}: use (n, latent), latent 2 or more.")
        self.decode, self.codes, self.labels = decode, codes, np.asarray(labels)
        self._choose_axes(codes, axes)
        self._draw_plane()
        self.sliders = [
            _slider(name, 0.0, -reach, reach, 0.05)
            for name, reach in zip(self.names, self.reach, strict=True)
        ]
        for slider, trait in zip(self.sliders, "xy", strict=False):
            ipywidgets.link((slider, "value"), (self.pad, trait))
        self.image = ipywidgets.Image(width=224, height=224)
        row = ipywidgets.HBox([self.pad, ipywidgets.VBox([self.image, *self.sliders])])
        super().__init__([row], ["picture decoded at the point"])
        for slider in self.sliders:
            slider.observe(self._refresh, "value")
        self._refresh()

    def _choose_axes(self, codes: np.ndarray, axes: int) -> None:
        """Coordinates are offsets along the rows of `basis` from `centre`."""
        width = codes.shape[1]
        if width == 2:
            self.centre, self.basis, self.names = np.zeros(2), np.eye(2), ["z1", "z2"]
        else:
            pca = PCA(min(axes, width)).fit(codes)
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
        ranges = {"x_range": [-x, x], "y_range": [-y, y], "frame": plots.frame(axes)}
        self.pad = Pad(names=self.names[:2], picture=plots.png(self.plane), **ranges)

    @property
    def place(self) -> np.ndarray:
        """What the sliders say, shape (axes,)."""
        return np.array([slider.value for slider in self.sliders])

    @property
    def code(self) -> np.ndarray:
        """The chosen code, shape (latent,)."""
        return self.centre + self.place @ self.basis

    def _refresh(self, change=None) -> None:
        with self.lock:
            self.decoded = self.decode(self.code[np.newaxis].astype("float32"))[0]
            self.scale = max(1, 224 // len(self.decoded))
            self.image.value = plots.png(enlarge(self.decoded, self.scale))
            nearest = np.argmin(np.sum((self.codes - self.code) ** 2, axis=1))
            place = ", ".join(f"{s.description} = {s.value:.2f}" for s in self.sliders)
            self.caption.text = f"{place}. The nearest test code has label {self.labels[nearest]}."

    def picture(self) -> np.ndarray:
        """The plane with the point on it, and the decoded picture."""
        plane = Image.fromarray((255 * self.plane).astype("uint8"))
        left, top, width, height = self.pad.frame
        across, up = (self.place[:2] / self.reach[:2] + 1) / 2
        centre = (left + across * width) * plane.width, (top + (1 - up) * height) * plane.height
        ImageDraw.Draw(plane).circle(centre, 7, fill="white", outline="black", width=3)
        return beside(np.asarray(plane) / 255, enlarge(self.decoded, self.scale))


class Interpolator(Lab):
    """Walk between two codes, straight or along the arc.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels).
        codes: the codes to choose the two ends from, shape (n, latent).
        images: the pictures the codes belong to, shown at the ends; None shows decoded ends.
    """

    title = "Interpolator: two pictures, the one between them, and the whole path"

    STEPS = 11

    def __init__(self, decode: Callable, codes, images=None):
        self.decode, self.codes = decode, np.asarray(codes)
        self.images = decode(self.codes.astype("float32")) if images is None else images
        count = len(self.codes)
        self.first = _slider("first picture", 0, 0, count - 1, 1)
        self.second = _slider("second picture", min(1, count - 1), 0, count - 1, 1)
        self.t = _slider("t", 0.5, 0.0, 1.0, 0.01)
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

    def at(self, t) -> np.ndarray:
        """Code or codes at t along the chosen path."""
        path = {"lerp": latent.lerp, "slerp": latent.slerp}[self.path.value]
        return path(self.codes[self.first.value], self.codes[self.second.value], t)

    def _new_path(self, change=None) -> None:
        with self.lock:
            path = self.decode(self.at(np.linspace(0, 1, self.STEPS)).astype("float32"))
            self.path_image = plots.tile(path, self.STEPS, gap=2)
            self.strip.value = plots.png(enlarge(self.path_image, 2))
            self._refresh()

    def _refresh(self, change=None) -> None:
        with self.lock:
            code = self.at(self.t.value)
            self.decoded = self.decode(code[np.newaxis].astype("float32"))[0]
            ends = self.images[self.first.value], self.images[self.second.value]
            self.ends_image = plots.tile(np.stack([ends[0], self.decoded, ends[1]]), 3, gap=2)
            self.ends.value = plots.png(enlarge(self.ends_image, 4))
            self.caption.text = (
                f"t = {self.t.value:.2f}, norm of the code {np.linalg.norm(code):.2f}"
            )

    def picture(self) -> np.ndarray:
        """The strip of the whole path below the ends with the picture between them."""
        ends, strip = enlarge(self.ends_image, 3), enlarge(self.path_image, 2)
        margin = (strip.shape[1] - ends.shape[1]) // 2
        ends = np.pad(ends, ((0, 8), (margin, margin), (0, 0)), constant_values=1)
        return np.concatenate([ends, strip[:, : ends.shape[1]]])


class TrainingPanel(Lab):
    """Choose hyperparameters, train, watch, stop; works for any model that Keras can `fit`.

    Args:
        build: called as `build(learning_rate=…, steps=…, **controls)`, where `steps` is the whole
            number of optimizer steps to come; returns a compiled model.
        data: what `fit` is given, for example `(images,)` or `(noisy, clean)`.
        sample: from the model to a grid's images (n, height, width, channels), drawn as it trains.
        controls: name to `(value, low, high, step)`; each becomes a slider passed to `build`.
        measure: from the model to a dictionary of numbers, printed when training ends.
        learning_rate: where that slider starts.
        batch_size: where that slider starts, one of `BATCH_SIZES`.
        epochs: where that slider starts.
        unit: of the curves.
        seed: set before every run, so that the same settings give the same numbers.
    """

    title = "Training panel: sliders, loss curves and samples"
    BATCH_SIZES = (32, 64, 128, 256, 512)
    WINDOW = 50

    def __init__(
        self,
        build: Callable,
        data: tuple,
        sample: Callable,
        controls: dict[str, tuple],
        measure: Callable = lambda model: {},
        learning_rate: float = 1e-3,
        batch_size: int = 128,
        epochs: int = 3,
        unit: str = "nats per image",
        seed: int = 0,
    ):
        self.build, self.data, self.sample, self.measure = build, data, sample, measure
        self.unit, self.seed, self.model, self.error, self.thread = unit, seed, None, None, None
        self.history, self.runs, self.samples = {}, [], np.ones((1, 1, 1, 1))
        self.controls = {name: _slider(name, *given) for name, given in controls.items()}
        self.controls["learning_rate"] = ipywidgets.FloatLogSlider(
            learning_rate, min=-5, max=-1, step=0.1, description="learning rate", style=WIDE
        )
        self.controls["batch_size"] = ipywidgets.SelectionSlider(
            options=sorted({*self.BATCH_SIZES, batch_size}),
            value=batch_size,
            description="batch size",
            style=WIDE,
        )
        self.controls["epochs"] = _slider("epochs", epochs, 1, 100, 1)
        self._make_buttons()
        self.progress = ipywidgets.FloatProgress(max=1, description="progress", style=WIDE)
        self.time_left = ipywidgets.Label("not started")
        self.curve_image = ipywidgets.Image(width=440, height=320)
        self.sample_image = ipywidgets.Image()
        buttons = ipywidgets.HBox([self.train, self.stop])
        left = [*self.controls.values(), buttons, self.progress, self.time_left]
        row = ipywidgets.HBox([ipywidgets.VBox(left), self.curve_image, self.sample_image])
        row.layout.flex_flow = "row wrap"
        super().__init__([row], ["loss curves of this run", "samples of the model as it trains"])
        self._draw()

    def _make_buttons(self) -> None:
        self.train = ipywidgets.Button(description="Train", button_style="primary", icon="play")
        self.stop = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self.train.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.request_stop())

    @property
    def settings(self) -> dict:
        """What the sliders say now, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def training(self) -> bool:
        """Whether a run is under way."""
        return self.thread is not None and self.thread.is_alive()

    def start(self) -> None:
        """Begin a run, unless one is under way; the Train button does the same."""
        with self.lock:
            if self.training:
                return
            self.stop_asked = threading.Event()
            self.error, self.history = None, {}
            self._busy(True)
            self.caption.text = "Training …"
            self.thread = threading.Thread(target=self._run, args=(self.settings,), daemon=True)
            self.thread.start()

    def request_stop(self) -> None:
        """Ask the run to end after its current step; the model stays as it is then."""
        if self.training:
            self.stop_asked.set()

    def join(self) -> None:
        """Wait for the run to end; interrupting the kernel stops the run.

        Raises:
            RuntimeError: there was no run yet.
            Exception: whatever ended the run, if an error did.
        """
        if self.thread is None:
            raise RuntimeError("Nothing was trained yet: press Train first.")
        try:
            self.thread.join()
        except KeyboardInterrupt:
            self.request_stop()
            raise
        if self.error is not None:
            raise self.error

    def _busy(self, busy: bool) -> None:
        self.train.disabled, self.stop.disabled = busy, not busy

    def _run(self, settings: dict) -> None:
        start = time.perf_counter()
        try:
            self._fit(dict(settings))
            seconds = time.perf_counter() - start
            results = {name: values[-1][1] for name, values in self.history.items()}
            self._note(settings, results | self.measure(self.model), seconds)
        except Exception as error:
            self.error = error
            self.caption.text = f"Training ended by an error. {type(error).__name__}: {error}"
        finally:
            self._busy(False)
            self.time_left.value = f"{time.perf_counter() - start:.0f} s in all"

    def _fit(self, settings: dict) -> None:
        runtime.check_settings(**settings)
        keras.utils.set_random_seed(self.seed)
        batch_size, epochs = settings.pop("batch_size"), settings.pop("epochs")
        self.epoch_steps = -(-len(self.data[0]) // batch_size)
        self.total_steps = self.epoch_steps * epochs
        self.model = self.build(**settings, steps=self.total_steps)
        how = {"batch_size": batch_size, "epochs": epochs, "callbacks": [_Watch(self)]}
        self.model.fit(*self.data, verbose=0, **how)
        self._draw()

    def _note(self, settings: dict, results: dict, seconds: float) -> None:
        """Add a run to the list below the panel, which shows the last four."""
        chosen = ", ".join(f"{name} {value:g}" for name, value in settings.items())
        found = ", ".join(f"{name} {value:.1f}" for name, value in results.items())
        self.runs.append(f"run {len(self.runs) + 1}: {chosen} → {found} ({seconds:.0f} s)")
        state = "stopped" if self.stop_asked.is_set() else "done"
        self.caption.text = "\n".join([f"Training {state}.", *self.runs[-4:]])

    def _draw(self) -> None:
        """Curves and samples; takes about a tenth of a second, so not at every step."""
        with self.lock:
            self.drawn = [self._curves().pixels()]
            if self.model is not None:
                self.samples = self.sample(self.model)
            grid = plots.tile(self.samples, round(len(self.samples) ** 0.5))
            self.drawn.append(enlarge(grid, 2))
            self.curve_image.value, self.sample_image.value = map(plots.png, self.drawn)

    def _curves(self) -> plots.Figure:
        figure, (axes,) = plots.figure("training loss", size=(4.4, 3.2))
        for name, points in self.history.items():
            axes.plot(*zip(*points, strict=True), label=name)
        axes.set(xlabel="epoch", ylabel=self.unit)
        if self.history:
            axes.legend(frameon=False)
        else:
            axes.text(0.5, 0.5, "press Train", ha="center", va="center")
        return figure

    def picture(self) -> np.ndarray:
        """The loss curves and the samples beside them."""
        return beside(*self.drawn)


class _Watch(keras.callbacks.Callback):
    """Reports a run to its panel: progress at every step, pictures every two seconds."""

    DRAW_SECONDS = 2.0

    def __init__(self, panel: TrainingPanel):
        super().__init__()
        self.panel, self.done, self.epoch = panel, 0, 0
        self.start = self.drawn = self.shown = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.before = epoch, {}

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if (batch + 1) % self.panel.WINDOW == 0 or batch + 1 == self.panel.epoch_steps:
            self._record(batch + 1, logs)
        now = time.perf_counter()
        if now - self.shown > REFRESH_SECONDS:
            self._show_progress(now)
        if now - self.drawn > self.DRAW_SECONDS:
            self.panel._draw()
            self.drawn = time.perf_counter()
        if self.panel.stop_asked.is_set():
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self._show_progress(time.perf_counter())

    def _record(self, batch, logs):
        """Keras reports the mean since the epoch began; note the mean since the last note."""
        where = self.epoch + batch / self.panel.epoch_steps
        for name, mean in logs.items():
            count, earlier = self.before.get(name, (0, 0.0))
            recent = (mean * batch - earlier * count) / (batch - count)
            self.panel.history.setdefault(name, []).append((where, recent))
            self.before[name] = batch, mean

    def _show_progress(self, now):
        self.shown, panel = now, self.panel
        left = (now - self.start) * (panel.total_steps / self.done - 1)
        panel.progress.value = self.done / panel.total_steps
        panel.time_left.value = f"step {self.done} of {panel.total_steps}, {left:.0f} s left"


class BetaSwitcher(Lab):
    """Choose beta among trained models and see what it did to them.

    Args:
        models: beta to a trained :class:`helpers.vae.VAE` with two latent dimensions.
        images: test images in [0, 1], shape (n, height, width, channels), n of 10 or more.
        labels: whole numbers from 0 to 9, shape (n,).
    """

    title = "Beta switcher: reconstructions, samples and codes of models trained with other betas"
    ROWS = "Rows from the top: test images, reconstructions, three rows of samples."

    def __init__(self, models: dict[float, keras.Model], images, labels):
        self.views = {beta: self._view(m, images, labels) for beta, m in models.items()}
        self.beta = ipywidgets.SelectionSlider(options=list(models), description="beta", style=WIDE)
        self.pictures, self.plane = ipywidgets.Image(), ipywidgets.Image()
        row = ipywidgets.HBox([self.pictures, self.plane])
        super().__init__([self.beta, row], ["test images, reconstructions, samples", "their codes"])
        self.beta.observe(self._refresh, "value")
        self._refresh()

    @staticmethod
    def _view(model, images, labels) -> dict:
        """Everything to show for one model, drawn once so that switching is instant."""
        z_mean, _ = model.encode(images)
        reconstructions = model.decode(z_mean[:10])
        samples = model.decode(latent.prior_codes(30, model.latent_dim))
        pictures = np.concatenate([images[:10], reconstructions, samples])
        figure = plots.scatters("Codes of test images", {"": z_mean[:, :2]}, labels)
        drawn = enlarge(plots.tile(pictures, 10), 2), figure.pixels()
        return {"drawn": drawn, "png": [plots.png(image) for image in drawn]}

    def _refresh(self, change=None) -> None:
        with self.lock:
            view = self.views[self.beta.value]
            self.pictures.value, self.plane.value = view["png"]
            self.caption.text = f"beta {self.beta.value:g}. {self.ROWS}"

    def picture(self) -> np.ndarray:
        """Pictures and plane of the chosen beta."""
        return beside(*self.views[self.beta.value]["drawn"])
