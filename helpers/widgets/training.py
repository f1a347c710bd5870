"""Choose hyperparameters, train, watch, stop."""

import time
from collections.abc import Callable

import ipywidgets
import keras
import numpy as np

from helpers import plots, runtime
from helpers.training.callbacks import StepCounter
from helpers.widgets.base import WIDE, Worker, beside, enlarge, make_control, make_slider

REFRESH_SECONDS = 0.2


class TrainingPanel(Worker):
    """Choose hyperparameters, train, watch, stop; works for any model that Keras can `fit`.

    Args:
        build: called as `build(learning_rate=…, steps=…, **controls)`, where `steps` is the whole
            number of optimizer steps to come; returns a compiled model.
        data: what `fit` is given, for example `(images,)` or `(noisy, clean)`.
        sample: from the model to a grid's images (n, height, width, channels), drawn as it trains.
        controls: name to `(value, low, high, step)`, which becomes a slider, or to a list of words,
            which becomes a menu with the first chosen; what it says is passed to `build`.
        measure: from the model to a dictionary of numbers, printed when training ends.
        learning_rate: where that slider starts.
        batch_size: where that slider starts, one of `BATCH_SIZES`.
        epochs: where that slider starts.
        unit: of the curves; or, where they have several, unit to the names of its curves, which
            then get axes of their own.
        seed: set before every run, so that the same settings give the same numbers.

    Raises:
        ValueError: the learning rate is not above 0, or batch size or epochs are below 1.
    """

    title = "Training panel: sliders, loss curves and samples"
    BATCH_SIZES = (32, 64, 128, 256, 512)
    WINDOW = 50

    def __init__(
        self,
        build: Callable,
        data: tuple,
        sample: Callable,
        controls: dict[str, tuple | list[str]],
        measure: Callable = lambda model: {},
        learning_rate: float = 1e-3,
        batch_size: int = 128,
        epochs: int = 3,
        unit: str | dict[str, tuple[str, ...]] = "nats per image",
        seed: int = 0,
    ):
        runtime.check_count(batch_size=batch_size, epochs=epochs)
        runtime.check_positive(learning_rate=learning_rate)
        self.build, self.data, self.sample, self.measure = build, data, sample, measure
        self.unit, self.seed, self.model = unit, seed, None
        self.history, self.runs, self.samples = {}, [], np.ones((1, 1, 1, 1))
        self.controls = {name: make_control(name, given) for name, given in controls.items()}
        self.controls["learning_rate"] = ipywidgets.FloatLogSlider(
            learning_rate, min=-5, max=-1, step=0.1, description="learning rate", style=WIDE
        )
        self.controls["batch_size"] = ipywidgets.SelectionSlider(
            options=sorted({*self.BATCH_SIZES, batch_size}),
            value=batch_size,
            description="batch size",
            style=WIDE,
        )
        self.controls["epochs"] = make_slider("epochs", epochs, 1, 100, 1)
        begin = self.make_controls("Train", "play")
        self.train = self.go
        self.curve_image = ipywidgets.Image(width=440)
        self.sample_image = ipywidgets.Image()
        left = [*self.controls.values(), begin]
        row = ipywidgets.HBox([ipywidgets.VBox(left), self.curve_image, self.sample_image])
        row.layout.flex_flow = "row wrap"
        super().__init__([row], ["loss curves of this run", "samples of the model as it trains"])
        self._draw()

    def work(self, settings: dict) -> str:
        """Train one model and note it; the caption shows the last four runs."""
        begin, self.history = time.perf_counter(), {}
        self._fit(dict(settings))
        seconds = time.perf_counter() - begin
        results = {name: values[-1][1] for name, values in self.history.items()}
        chosen = ", ".join(f"{name} {_said(value)}" for name, value in settings.items())
        results |= self.measure(self.model)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in results.items())
        self.runs.append(f"run {len(self.runs) + 1}: {chosen} → {numbers} ({seconds:.0f} s)")
        return "\n".join(["", *self.runs[-4:]])

    def _fit(self, settings: dict) -> None:
        batch_size, epochs = settings.pop("batch_size"), settings.pop("epochs")
        keras.utils.set_random_seed(self.seed)
        self.epoch_steps = -(-len(self.data[0]) // batch_size)
        self.total_steps = self.epoch_steps * epochs
        self.window = min(self.WINDOW, max(1, self.epoch_steps // 8))
        self.model = self.build(**settings, steps=self.total_steps)
        options = {"batch_size": batch_size, "epochs": epochs, "callbacks": [_Watch(self)]}
        self.model.fit(*self.data, verbose=0, **options)
        self._draw()

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
        if isinstance(self.unit, str):
            return self.curves("training loss", "epoch", {self.unit: self.history})
        return self.curves("as it trains", "epoch", self.unit)

    def stacked(self, title: str, names: tuple[str, ...]) -> plots.Figure:
        """Curves of the last run stacked on one another, for names that add up to the loss."""
        figure, (axes,) = plots.figure(title, size=(6, 3.2))
        points = np.array([self.history[name] for name in names])
        axes.stackplot(points[0, :, 0], points[:, :, 1], labels=names, alpha=0.8)
        axes.set(xlabel="epoch", ylabel=self.unit, xlim=(0, points[0, -1, 0]))
        axes.legend(frameon=False)
        return figure

    def picture(self) -> np.ndarray:
        """The loss curves and the samples beside them."""
        return beside(*self.drawn)


def _said(value) -> str:
    """A word as it is, a number without needless digits."""
    return value if isinstance(value, str) else f"{value:g}"


class _Watch(StepCounter):
    """Reports a run to its panel: progress at every call, pictures every two seconds."""

    DRAW_SECONDS = 2.0

    def __init__(self, panel: TrainingPanel):
        super().__init__()
        self.panel, self.epoch = panel, 0
        self.start = self.drawn = self.shown = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch)
        self.epoch, self.before = epoch, {}

    def on_train_batch_end(self, batch, logs=None):
        new = self.count(batch)
        stopping = self.panel.stop_asked.is_set()
        whole = self.passed(self.panel.window, new, in_epoch=True)
        if whole or stopping or self.in_epoch == self.panel.epoch_steps:
            self._record(self.in_epoch, logs)
        now = time.perf_counter()
        if now - self.shown > REFRESH_SECONDS:
            self.panel.show_progress(self.done, self.panel.total_steps, self.start)
            self.shown = now
        if now - self.drawn > self.DRAW_SECONDS:
            self.panel._draw()
            self.drawn = time.perf_counter()
        if stopping:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.panel.show_progress(self.done, self.panel.total_steps, self.start)

    def _record(self, batch, logs):
        """Keras reports the mean since the epoch began; note the mean since the last note."""
        where = self.epoch + batch / self.panel.epoch_steps
        for name, mean in logs.items():
            count, earlier = self.before.get(name, (0, 0.0))
            recent = (mean * batch - earlier * count) / (batch - count)
            self.panel.history.setdefault(name, []).append((where, recent))
            self.before[name] = batch, mean
