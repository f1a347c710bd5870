"""What happens if I move this?

Each widget is thin: its state in, a picture out. Three rules hold for all of them.

    pictures    go to the browser as PNG bytes; pyplot is never used, as JupyterLab may run a
                slider's callback on another thread while a cell is busy
    lock        one per widget: two fast moves never draw into each other
    static      a saved notebook shows `picture()`, and the caption stands in for it as text

Every control has a name that screen readers say, and each widget announces its caption.
"""

from __future__ import annotations

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
    """Base of every widget here: a lock, a caption, and a static picture for saved notebooks."""

    title = "Lab"

    def __init__(self, children, alternatives: list[str]):
        self.lock = threading.RLock()
        self.caption = Caption(alternatives=alternatives)
        super().__init__([*children, self.caption])
        self.add_class("gdl-lab")

    def picture(self) -> np.ndarray:
        """The widget's pictures as one image, floats in [0, 1]; each widget has its own."""
        raise TypeError(f"{type(self).__name__} has no picture of its own.")

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        png = plots.png(self.picture())
        static = {"image/png": base64.b64encode(png).decode(), "text/plain": f"<{self.title}>"}
        return {**bundle, **static} if isinstance(bundle, dict) else ({**bundle[0], **static}, {})


def _slider(name: str, value: float, low: float, high: float, step: float):
    return ipywidgets.FloatSlider(
        value, min=low, max=high, step=step, description=name, style=WIDE, readout_format=".2f"
    )


def beside(*images: np.ndarray, gap: int = 12) -> np.ndarray:
    """Set images of any height side by side on white, centred; all become RGB."""
    height = max(len(image) for image in images)
    columns = []
    for image in images:
        above = (height - len(image)) // 2
        padding = ((above, height - len(image) - above), (0, gap), (0, 0))
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
        self.decode, self.labels = decode, np.asarray(labels)
        self._choose_axes(codes, axes)
        self.pad = Pad(names=self.names[:2])
        self._draw_plane()
        self.sliders = [
            _slider(name, 0, round(-reach, 1), round(reach, 1), 0.05)
            for name, reach in zip(self.names, self.reach, strict=True)
        ]
        for slider, trait in zip(self.sliders, "xy", strict=False):
            ipywidgets.link((slider, "value"), (self.pad, trait))
        self.image = ipywidgets.Image(width=224, height=224)
        side = ipywidgets.VBox([self.image, *self.sliders])
        super().__init__([ipywidgets.HBox([self.pad, side])], ["picture decoded at the point"])
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
        self.reach = np.maximum(np.quantile(np.abs(self.coordinates), 0.995, axis=0), 1.0)

    def _draw_plane(self) -> None:
        (x, y) = (round(float(reach), 1) for reach in self.reach[:2])
        plane, (axes,) = plots.figure("codes of test images, coloured by label", size=(4.4, 4))
        plots.scatter(axes, self.coordinates[:, :2], self.labels, size=5)
        axes.set(xlim=(-x, x), ylim=(-y, y), aspect="auto")
        axes.set(xlabel=self.names[0], ylabel=self.names[1])
        self.plane = plane.pixels()
        self.pad.x_range, self.pad.y_range = [-x, x], [-y, y]
        self.pad.frame = plots.frame(axes)
        self.pad.picture = plots.png(self.plane)

    @property
    def code(self) -> np.ndarray:
        """The chosen code, shape (latent,)."""
        return self.centre + np.array([slider.value for slider in self.sliders]) @ self.basis

    def _refresh(self, change=None) -> None:
        with self.lock:
            self.decoded = self.decode(self.code[np.newaxis].astype("float32"))[0]
            self.image.value = plots.png(self.decoded, scale=max(1, 224 // len(self.decoded)))
            here = np.array([slider.value for slider in self.sliders])
            nearest = np.argmin(np.sum((self.coordinates - here) ** 2, axis=1))
            place = ", ".join(f"{s.description} = {s.value:.2f}" for s in self.sliders)
            self.caption.text = f"{place}. The nearest test code has label {self.labels[nearest]}."

    def picture(self) -> np.ndarray:
        """The plane with the point on it, and the decoded picture."""
        plane = self.plane.copy()
        left, top, width, height = self.pad.frame
        across = (self.pad.x - self.pad.x_range[0]) / np.ptp(self.pad.x_range)
        up = (self.pad.y - self.pad.y_range[0]) / np.ptp(self.pad.y_range)
        row = round((top + (1 - up) * height) * len(plane))
        column = round((left + across * width) * plane.shape[1])
        for radius, shade in ((8, 0.0), (5, 1.0)):
            rows, columns = np.ogrid[: len(plane), : plane.shape[1]]
            plane[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = shade
        return beside(plane, enlarge(self.decoded, max(1, 224 // len(self.decoded))))


class Interpolator(Lab):
    """Walk between two codes, straight or along the arc.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels).
        codes: the codes to choose the two ends from, shape (n, latent).
        images: the pictures the codes belong to, shown at the ends; None shows decoded ends.
        steps: pictures in the strip.
    """

    title = "Interpolator: two pictures, the one between them, and the whole path"

    def __init__(self, decode: Callable, codes, images=None, steps: int = 11):
        self.decode, self.codes, self.steps = decode, np.asarray(codes), steps
        self.images = decode(self.codes.astype("float32")) if images is None else images
        last = len(self.codes) - 1
        self.first, self.second = (
            ipywidgets.IntSlider(start, min=0, max=last, description=name, style=WIDE)
            for name, start in (("first picture", 0), ("second picture", min(1, last)))
        )
        self.t = _slider("t", 0.5, 0, 1, 0.01)
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
            path = self.decode(self.at(np.linspace(0, 1, self.steps)).astype("float32"))
            self.path_image = plots.tile(path, self.steps, gap=2)
            self.strip.value = plots.png(self.path_image, scale=2)
            self._refresh()

    def _refresh(self, change=None) -> None:
        with self.lock:
            code = self.at(self.t.value)
            self.decoded = self.decode(code[np.newaxis].astype("float32"))[0]
            ends = self.images[self.first.value], self.images[self.second.value]
            self.ends_image = plots.tile(np.stack([ends[0], self.decoded, ends[1]]), 3, gap=2)
            self.ends.value = plots.png(self.ends_image, scale=4)
            self.caption.text = (
                f"t = {self.t.value:.2f}, norm of the code {np.linalg.norm(code):.2f}"
            )

    def picture(self) -> np.ndarray:
        """The ends with the picture between them, and the strip below."""
        strip = enlarge(self.path_image, 2)
        ends = beside(enlarge(self.ends_image, 3))
        room = np.ones((8 + len(ends), strip.shape[1], 3))
        start = (strip.shape[1] - ends.shape[1]) // 2
        room[: len(ends), start : start + ends.shape[1]] = ends
        return np.concatenate([room, np.broadcast_to(strip, (*strip.shape[:2], 3))])


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
        curves: names of the metrics to draw; those a model lacks are left out.
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
        curves: tuple[str, ...] = ("loss", "reconstruction", "kl"),
        unit: str = "nats per image",
        seed: int = 0,
    ):
        self.build, self.data, self.sample, self.measure = build, data, sample, measure
        self.curves, self.unit, self.seed = curves, unit, seed
        self.model, self.error, self.thread = None, None, None
        self.history, self.runs, self.samples = {}, [], np.ones((1, 1, 1, 1))
        self.controls = {name: self._control(name, *given) for name, given in controls.items()}
        self.learning_rate = ipywidgets.FloatLogSlider(
            learning_rate, min=-5, max=-1, step=0.1, description="learning rate", style=WIDE
        )
        self.batch_size = ipywidgets.SelectionSlider(
            options=self.BATCH_SIZES, value=batch_size, description="batch size", style=WIDE
        )
        self.epochs = self._control("epochs", epochs, 1, 100, 1)
        self._lay_out()
        self._draw()

    @staticmethod
    def _control(name: str, value, low, high, step):
        whole = all(isinstance(number, int) for number in (value, low, high, step))
        slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        text = name.replace("_", " ")
        return slider(value, min=low, max=high, step=step, description=text, style=WIDE)

    def _lay_out(self) -> None:
        self.train = ipywidgets.Button(description="Train", button_style="primary", icon="play")
        self.stop = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self.train.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.request_stop())
        self.progress = ipywidgets.FloatProgress(
            0, min=0, max=1, description="progress", style=WIDE
        )
        self.time_left = ipywidgets.Label("not started")
        self.curve_image, self.sample_image = ipywidgets.Image(), ipywidgets.Image()
        sliders = [*self.controls.values(), self.learning_rate, self.batch_size, self.epochs]
        buttons = ipywidgets.HBox([self.train, self.stop])
        left = ipywidgets.VBox([*sliders, buttons, self.progress, self.time_left])
        names = ["loss curves of this run", "samples of the model as it trains"]
        row = ipywidgets.HBox([left, self.curve_image, self.sample_image])
        super().__init__([row], names)
        row.layout.flex_flow = "row wrap"

    @property
    def settings(self) -> dict:
        """What the sliders say now, by name."""
        chosen = {name: control.value for name, control in self.controls.items()}
        common = ("learning_rate", "batch_size", "epochs")
        return {**chosen, **{name: getattr(self, name).value for name in common}}

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
        """Wait for the run to end.

        Raises:
            Exception: whatever ended the run, if an error did.
        """
        if self.thread is not None:
            self.thread.join()
        if self.error is not None:
            raise self.error

    def _busy(self, busy: bool) -> None:
        self.train.disabled, self.stop.disabled = busy, not busy

    def _run(self, settings: dict) -> None:
        start = time.perf_counter()
        try:
            self._fit(dict(settings))
            seconds = time.perf_counter() - start
            stopped = "stopped" if self.stop_asked.is_set() else "done"
            results = {**self._latest(), **self.measure(self.model)}
            self.runs.append({"settings": settings, "seconds": seconds, "results": results})
            self.caption.text = self._summary(stopped)
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
        watch = _Watch(self)
        self.model.fit(
            *self.data, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[watch]
        )
        self._draw()

    def _latest(self) -> dict[str, float]:
        return {name: values[-1][1] for name, values in self.history.items()}

    def _summary(self, state: str) -> str:
        lines = []
        for number, run in enumerate(self.runs, 1):
            settings = ", ".join(f"{key} {value:g}" for key, value in run["settings"].items())
            results = ", ".join(f"{key} {value:.1f}" for key, value in run["results"].items())
            lines.append(f"run {number}: {settings} → {results} ({run['seconds']:.0f} s)")
        return "\n".join([f"Training {state}.", *lines[-4:]])

    def _draw(self) -> None:
        """Curves and samples; takes about a tenth of a second, so not at every step."""
        figure, (axes,) = plots.figure("training loss", size=(4.4, 3.2))
        for name, points in self.history.items():
            axes.plot(*zip(*points, strict=True), label=name)
        axes.set(xlabel="epoch", ylabel=self.unit)
        if self.history:
            axes.legend(frameon=False)
        self.curves_drawn = figure.pixels()
        self.curve_image.value = plots.png(self.curves_drawn)
        if self.model is not None:
            self.samples = self.sample(self.model)
        columns = round(len(self.samples) ** 0.5)
        self.samples_drawn = enlarge(plots.tile(self.samples, columns), 2)
        self.sample_image.value = plots.png(self.samples_drawn)

    def picture(self) -> np.ndarray:
        """The loss curves and the samples beside them."""
        return beside(self.curves_drawn, self.samples_drawn)


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
        for name in set(self.panel.curves) & set(logs):
            count, mean = self.before.get(name, (0, 0.0))
            recent = (logs[name] * batch - mean * count) / (batch - count)
            self.panel.history.setdefault(name, []).append((where, recent))
            self.before[name] = batch, logs[name]

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

    def __init__(self, models: dict[float, keras.Model], images, labels):
        self.views = {beta: self._view(m, images, labels) for beta, m in models.items()}
        self.beta = ipywidgets.SelectionSlider(
            options=list(models), description="beta", style=WIDE, value=next(iter(models))
        )
        self.pictures, self.plane = ipywidgets.Image(), ipywidgets.Image()
        names = ["test images, their reconstructions, and samples", "codes of the test images"]
        super().__init__([self.beta, ipywidgets.HBox([self.pictures, self.plane])], names)
        self.beta.observe(self._refresh, "value")
        self._refresh()

    @staticmethod
    def _view(model, images, labels) -> dict:
        """Everything to show for one model, drawn once so that switching is instant."""
        z_mean, _ = model.encode(images)
        reconstructions = model.decode(z_mean[:10])
        samples = model.decode(latent.prior_codes(30, model.latent_dim))
        pictures = np.concatenate([images[:10], reconstructions, samples])
        figure, (axes,) = plots.figure("codes of test images, coloured by label", size=(4.6, 3.8))
        plots.scatter(axes, z_mean[:, :2], labels)
        drawn = enlarge(plots.tile(pictures, 10), 2), figure.pixels()
        rows = "Rows from the top: test images, reconstructions, three rows of samples."
        spread = ", ".join(f"{std:.2f}" for std in z_mean.std(axis=0))
        said = f"{rows} Standard deviation of the codes: {spread}."
        return {"drawn": drawn, "png": [plots.png(image) for image in drawn], "said": said}

    def _refresh(self, change=None) -> None:
        with self.lock:
            view = self.views[self.beta.value]
            self.pictures.value, self.plane.value = view["png"]
            self.caption.text = f"beta {self.beta.value:g}. {view['said']}"

    def picture(self) -> np.ndarray:
        """Pictures and plane of the chosen beta."""
        return beside(*self.views[self.beta.value]["drawn"])
