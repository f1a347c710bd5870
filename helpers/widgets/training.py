"""Choose hyperparameters, train, watch, stop."""

import time
from collections.abc import Callable
from typing import Any

import ipywidgets
import keras
import numpy as np

from helpers import plots, runtime
from helpers.training import seeds, thread_seeds
from helpers.training.callbacks import StepCounter
from helpers.widgets.controls import (
    as_text,
    make_choice,
    make_control,
    make_log_slider,
    make_slider,
)
from helpers.widgets.jobs import Diverged, check_finite
from helpers.widgets.pictures import beside, enlarge
from helpers.widgets.worker import Worker

REFRESH_SECONDS = 0.2


class TrainingPanel(Worker):
    """Choose hyperparameters, train, watch, stop; works for any model that Keras can `fit`.

    A run that diverges stops at its first number that is not finite; the model before it stays.

    Args:
        build: called as `build(learning_rate=…, steps=…, **controls)`, where `steps` is how many
            `fit` will take in all; returns a compiled model. (A GAN's step is one of G; where D
            takes five for it, D's optimizer takes five times as many.) Layers without a seed of
            their own draw it from `seed`. It is called again if `fit` counts other steps.
        data: what `fit` is given: arrays, or lists of arrays, of equally many rows, for example
            `(images,)`, `(noisy, clean)` or `([images, conditions],)`.
        sample: from the model to a grid's images (n, height, width, channels), drawn as it trains.
        controls: name to `(value, low, high, step)`, which becomes a slider, or to a list of words,
            which becomes a menu with the first chosen; what it says is passed to `build`.
        measure: from the model to a dictionary of numbers, printed when training ends.
        learning_rate: where that slider starts.
        batch_size: where that slider starts, one of `BATCH_SIZES`.
        epochs: where that slider starts.
        unit: of the curves; or, where they have several, unit to the names of its curves, which
            then get axes of their own.
        seed: of the weights and the order of the rows, anew for every run, so that the same
            settings give the same numbers; no global generator is touched or asked.

    Raises:
        ValueError: the learning rate is not above 0, batch size or epochs are below 1, or the data
            are no arrays of equally many rows.
    """

    title = "Training panel: sliders, loss curves and samples"
    BATCH_SIZES = (32, 64, 128, 256, 512)
    WINDOW = 50

    def __init__(
        self,
        build: Callable[..., keras.Model],
        data: tuple,
        sample: Callable[[keras.Model], np.ndarray],
        controls: dict[str, tuple | list[str]],
        measure: Callable[[keras.Model], dict[str, float]] = lambda model: {},
        learning_rate: float = 1e-3,
        batch_size: int = 128,
        epochs: int = 3,
        unit: str | dict[str, tuple[str, ...]] = "nats per image",
        seed: int = 0,
    ) -> None:
        runtime.check_count(batch_size=batch_size, epochs=epochs)
        runtime.check_positive(learning_rate=learning_rate)
        self.build, self.data, self.sample, self.measure = build, data, sample, measure
        self.rows = _rows_of(data)
        self.unit, self.seed, self.model = unit, seed, None
        self.runs, self.samples = [], np.ones((1, 1, 1, 1))
        self._make_settings(controls, learning_rate, batch_size, epochs)
        begin = self.make_controls("Train", "play")
        self.train = self.go
        self.curve_image, self.sample_image = ipywidgets.Image(width=440), ipywidgets.Image()
        left = ipywidgets.VBox([*self.controls.values(), begin])
        row = ipywidgets.HBox([left, self.curve_image, self.sample_image])
        super().__init__([row], ["loss curves of this run", "samples of the model as it trains"])
        self._draw()

    def _make_settings(
        self,
        given: dict[str, tuple | list[str]],
        learning_rate: float,
        batch_size: int,
        epochs: int,
    ) -> None:
        sizes = sorted({*self.BATCH_SIZES, batch_size})
        self.controls = {
            **{name: make_control(name, choice) for name, choice in given.items()},
            "learning_rate": make_log_slider("learning_rate", learning_rate, -5, -1),
            "batch_size": make_choice("batch_size", sizes, batch_size),
            "epochs": make_slider("epochs", epochs, 1, 100, 1),
        }

    def work(self, settings: dict) -> str:
        """Train one model and note it; the caption shows the last four runs."""
        begin, self.history, kept = time.perf_counter(), {}, self.model
        chosen = ", ".join(f"{name} {as_text(v)}" for name, v in settings.items())
        try:
            self._train(dict(settings))
        except Diverged as error:
            self.model = kept
            self._draw()
            self._note(chosen, "diverged")
            raise Diverged("\n".join([str(error), *self.runs[-4:]])) from None
        seconds = time.perf_counter() - begin
        results = {name: values[-1][1] for name, values in self.history.items()}
        results |= self.measure(self.model)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in results.items())
        self._note(chosen, f"{numbers} ({seconds:.0f} s)")
        return "\n".join(["", *self.runs[-4:]])

    def _note(self, chosen: str, outcome: str) -> None:
        self.runs.append(f"run {len(self.runs) + 1}: {chosen} → {outcome}")

    def _train(self, settings: dict) -> None:
        """Build and fit; where `fit` counts other steps than expected, once more with those."""
        batch_size, epochs = settings.pop("batch_size"), settings.pop("epochs")
        expected = -(-self.rows // batch_size)
        try:
            self._fit(settings, batch_size, epochs, expected)
        except _OtherSteps as counted:
            self._fit(settings, batch_size, epochs, counted.steps)
        self._draw()

    def _fit(self, settings: dict, batch_size: int, epochs: int, steps: int) -> None:
        options = {"batch_size": batch_size, "epochs": epochs, "shuffle": False, "verbose": 0}
        watch = _Watch(self, batch_size, epochs, steps)
        with thread_seeds.layers_draw_from(self.seed):
            self.model = self.build(**settings, steps=steps * epochs)
            self.model.fit(*self._shuffled(steps * batch_size), **options, callbacks=[watch])

    def _shuffled(self, taken: int) -> tuple:
        """The data in the order of the seed; rows that make no whole step of a GAN stay last."""
        used = self.rows - self.rows % min(taken, self.rows)
        order = np.append(seeds.shuffled(used, self.seed), np.arange(used, self.rows))
        return keras.tree.map_structure(lambda part: part[order], self.data)

    def _draw(self) -> None:
        """Curves and samples; takes about a tenth of a second, so not at every step."""
        with self.lock:
            if self.model is not None:
                self.samples = self.sample(self.model)
            grid = plots.tile(self.samples, round(len(self.samples) ** 0.5))
            self.drawn = [self._curves().pixels(), enlarge(grid, 2)]
            self.curve_image.value, self.sample_image.value = map(plots.png, self.drawn)

    def _curves(self) -> plots.Figure:
        if isinstance(self.unit, str):
            return self.curves("training loss", "epoch", {self.unit: tuple(self.history)})
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

    def full_size(self) -> dict[str, np.ndarray]:
        """The loss curves, and the samples at their own pixels."""
        samples = plots.tile(self.samples, round(len(self.samples) ** 0.5))
        return {"curves": self.drawn[0], "samples": samples}

    def settings_in_words(self) -> str:
        """What the last run was made with; before its end, what the controls say."""
        return self.runs[-1] if self.runs and not self.working else super().settings_in_words()


def _rows_of(data: tuple) -> int:
    """How many rows each array has that `fit` is given."""
    parts = keras.tree.flatten(data)
    counts = {len(part) if np.ndim(part) else 0 for part in parts if hasattr(part, "shape")}
    if len(counts) != 1 or not all(hasattr(part, "shape") for part in parts) or counts == {0}:
        kinds = ", ".join(f"{type(part).__name__} {np.shape(part)}" for part in parts)
        raise ValueError(f"data hold {kinds}: give arrays of equally many rows, one or more.")
    return counts.pop()


class _OtherSteps(Exception):
    """`fit` is about to take another number of steps in each epoch than the model was told."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.steps = steps


class _Watch(StepCounter):
    """Reports a run to its panel: progress at every call, pictures every two seconds."""

    DRAW_SECONDS = 2.0

    def __init__(self, panel: TrainingPanel, batch_size: int, epochs: int, expected: int) -> None:
        super().__init__()
        self.panel, self.batch_size, self.epochs, self.expected = (
            panel,
            batch_size,
            epochs,
            expected,
        )
        self.epoch, self.start = 0, time.perf_counter()
        self.drawn = self.shown = self.start

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Keras has counted the steps; a first guess that was wrong ends here."""
        self.steps = self.params["steps"]
        if self.steps != self.expected:
            raise _OtherSteps(self.steps)
        self.window = min(self.panel.WINDOW, max(1, self.steps // 8))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Keras' means begin anew with every epoch."""
        super().on_epoch_begin(epoch)
        self.epoch, self.before = epoch, {}

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the numbers, note them where a window ends, and stop when asked."""
        new = self.count(batch)
        means = {name: float(mean) for name, mean in logs.items()}
        self._check(means, new)
        stopping = self.panel.job.stop_asked.is_set()
        whole = self.passed(self.window, new, in_epoch=True)
        if whole or stopping or self.in_epoch == self.steps:
            self._record(means)
        now = time.perf_counter()
        if now - self.shown > REFRESH_SECONDS:
            self._show_progress()
            self.shown = now
        if now - self.drawn > self.DRAW_SECONDS:
            self.panel._draw()
            self.drawn = time.perf_counter()
        if stopping:
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        """The last state of the bar."""
        self._show_progress()

    def _show_progress(self) -> None:
        self.panel.show_progress(self.done, self.steps * self.epochs, self.start)

    def _check(self, means: dict[str, float], new: int) -> None:
        total = self.steps * self.epochs
        first = f"s {self.done - new + 1} to" if new > 1 else ""
        hint = (
            "try a smaller learning rate, and look whether the data are scaled as the model expects"
        )
        check_finite(means, f"at step{first} {self.done} of {total}", hint)

    def _record(self, means: dict[str, float]) -> None:
        """Keras reports the mean since the epoch began; note the mean since the last note.

        A batch counts by its rows, as the last of an epoch may have fewer.
        """
        seen = min(self.in_epoch * self.batch_size, self.panel.rows)
        where = self.epoch + self.in_epoch / self.steps
        for name, mean in means.items():
            count, earlier = self.before.get(name, (0, 0.0))
            recent = (mean * seen - earlier * count) / (seen - count)
            self.panel.history.setdefault(name, []).append((where, recent))
            self.before[name] = seen, mean
