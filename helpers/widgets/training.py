"""Choose hyperparameters, train, watch, stop; keep the model, and go on with it."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ipywidgets
import keras
import numpy as np

from helpers import plots, pretrained, runtime, saving
from helpers.divergence import Diverged
from helpers.training import seeds
from helpers.training.callbacks import KeepOnTheWay
from helpers.widgets.controls import (
    WIDE,
    as_text,
    make_choice,
    make_control,
    make_log_slider,
    make_slider,
)
from helpers.widgets.jobs import Refused
from helpers.widgets.pictures import beside, enlarge
from helpers.widgets.watching import OtherSteps, Watch, check_goes_on, learning_rates
from helpers.widgets.worker import Worker

ONLY_TWO = "of the sliders only batch size and epochs have an effect on it"


class TrainingPanel(Worker):
    """Choose hyperparameters, train, watch, stop; works for any model that Keras can `fit`.

    A run that diverges stops at its first number that is not finite; the model before it stays.

    *Save model* writes the model with its optimizer (:mod:`helpers.saving`) to the file named
    beside it, next to the notebook; where there is one already, to the first free number. *Load
    model* reads that file. *Go on* trains the last or the loaded model for `epochs` more with its
    own optimizer, where that stands; of the sliders only batch size and epochs have an effect. At
    constant learning rates 2 epochs and 2 more are the 4 of one run. A schedule goes on as well:
    after *Stop* it has a rest to go; one that has ended at 0 would change nothing, so the caption
    says that and nothing is trained. Where *each epoch to* names a file, a run keeps its model
    there after each epoch, in case the kernel dies; without a name it writes no file.

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
        sample_shows: the grid in words, for example what its rows are.

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
        sample_shows: str = "samples of the model as it trains",
    ) -> None:
        runtime.check_count(batch_size=batch_size, epochs=epochs)
        runtime.check_positive(learning_rate=learning_rate)
        seed = runtime.check_seed(seed)
        self.build, self.data, self.sample, self.measure = build, data, sample, measure
        self.rows = _rows_of(data)
        self.unit, self.seed, self.model = unit, seed, None
        self.runs, self.samples = [], np.ones((1, 1, 1, 1))
        self.model_history, self.source, self.made_with = {}, "", ""
        self._make_settings(controls, learning_rate, batch_size, epochs)
        begin = self.make_controls("Train", "play")
        self.train = self.go
        self.curve_image, self.sample_image = ipywidgets.Image(width=440), ipywidgets.Image()
        left = ipywidgets.VBox([*self.controls.values(), begin])
        row = ipywidgets.HBox([left, self.curve_image, self.sample_image])
        super().__init__(
            [row, self._make_model_row()],
            ["loss curves of this run", sample_shows],
        )
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

    def _make_model_row(self) -> ipywidgets.HBox:
        """The file of a model, and what can be done with it."""

        def field(name: str, value: str, hint: str) -> ipywidgets.Text:
            options = {"placeholder": hint, "style": WIDE, "layout": {"width": "230px"}}
            return ipywidgets.Text(value, description=name, **options)

        self.file = field("model file", "my_model.keras", "a name that ends in .keras")
        self.each_epoch = field("each epoch to", "", "no file")
        actions = {
            ("Save model", "save"): self.save_model,
            ("Load model", "folder-open"): self.load_model,
            ("Go on", "forward"): self.go_on,
        }
        self.model_buttons = []
        for (text, icon), action in actions.items():
            button = ipywidgets.Button(description=text, icon=icon, layout={"width": "130px"})
            button.on_click(lambda _, action=action: action())
            self.model_buttons.append(button)
        return ipywidgets.HBox([self.file, *self.model_buttons, self.each_epoch])

    def _busy(self, busy: bool) -> None:
        super()._busy(busy)
        for button in self.model_buttons:
            button.disabled = busy

    def work(self, settings: dict) -> str:
        """Train one model and note it; the caption shows the last four runs."""
        chosen = ", ".join(f"{name} {as_text(v)}" for name, v in settings.items())
        plan = settings.pop("batch_size"), settings.pop("epochs"), self._file_on_the_way()
        self.history, undo = {}, partial(setattr, self, "model", self.model)
        return self._run_noted(chosen, plan, partial(self.build, **settings), undo)

    def go_on(self) -> None:
        """Train the last or the loaded model further; the button does the same."""
        settings = self.settings
        self.begin(lambda: self._go_on(settings["batch_size"], settings["epochs"]))

    def _go_on(self, batch_size: int, epochs: int) -> str:
        model, source, kept_in = self.model, self.source, self._file_on_the_way()
        check_goes_on(model)
        self.caption.text = f"Working … {source} goes on; {ONLY_TWO}."
        before, undo = learning_rates(model), partial(saving.put_back, model, saving.learned(model))
        self.history = {name: [*points] for name, points in self.model_history.items()}
        chosen = f"{source} goes on, batch_size {batch_size}, epochs {epochs}"
        plan = batch_size, epochs, kept_in
        runs = self._run_noted(chosen, plan, lambda steps: model, undo)
        rates = " to ".join(dict.fromkeys([before, learning_rates(model)]))
        stood = f"its optimizer went on where it stood (learning rate {rates})"
        return f"{source} went on: {ONLY_TWO}, and {stood}. {runs}"

    def save_model(self) -> None:
        """Write the model to the file that is named, or its next free number; a button does too."""
        self.begin(lambda: self._save_model(self.file.value))

    def _save_model(self, name: str) -> str:
        if self.model is None:
            raise Refused("Nothing is saved: there is no model yet, so press Train first.")
        try:
            path = saving.write_new(self.model, name)
        except (ValueError, saving.NotWritten) as error:
            raise Refused(f"Nothing is saved: {error}") from error
        said = f"The model is saved as {path}."
        if path != saving.check_path(name):
            said = f"The model is saved as {path}, as {name} was there; to load it, name it."
        return "\n".join([said, *self.runs[-4:]])

    def load_model(self) -> None:
        """Read the model of the file that is named and show its samples; a button does the same."""
        self.begin(lambda: self._load_model(Path(self.file.value)))

    def _load_model(self, path: Path) -> str:
        try:
            with runtime.layers_draw_from(self.seed):
                model = pretrained.load(path)
        except pretrained.CheckpointError as error:
            raise Refused(str(error)) from error
        try:
            self.sample(model)
        except Exception as error:  # a function of the notebook, given a model of anybody's
            reason = f"holds a {type(model).__name__} that this panel cannot show"
            hint = "name a file that this panel saved"
            raise Refused(f"{path} {reason} ({type(error).__name__}): {hint}.") from error
        self.model, self.history, self.model_history = model, {}, {}
        self.source, self.made_with = path.name, f"the model of {path.name}"
        self._draw()
        return "\n".join([f"The model of {path} is loaded.", *self.runs[-4:]])

    def _run_noted(self, chosen: str, plan: tuple, make: Callable, undo: Callable) -> str:
        """Train what `make(steps=…)` returns and note it; where that fails, undo it."""
        begin, (_, _, kept_in) = time.perf_counter(), plan
        try:
            self._train(plan, make)
        except saving.NotWritten as error:
            self._accept(chosen, "stopped")
            raise Refused("\n".join([f"Stopped. {error}", *self.runs[-4:]])) from error
        except Diverged as error:
            undo()
            self._draw()
            self._note(chosen, "diverged")
            raise Diverged("\n".join([str(error), *self.runs[-4:]])) from None
        except Exception:
            undo()
            raise
        seconds = time.perf_counter() - begin
        results = {name: values[-1][1] for name, values in self.history.items()}
        results |= self.measure(self.model)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in results.items())
        self._accept(chosen, f"{numbers} ({seconds:.0f} s)")
        said = f"Each epoch was kept in {kept_in}." if kept_in else ""
        return "\n".join([said, *self.runs[-4:]])

    def _file_on_the_way(self) -> Path | None:
        """Where a run keeps its epochs, no file that is there; None where nobody named one."""
        name = self.each_epoch.value.strip()
        try:
            return saving.free_path(name) if name else None
        except ValueError as error:
            raise Refused(f"Nothing is trained: {error}") from error

    def _note(self, chosen: str, outcome: str) -> None:
        self.made_with = f"run {len(self.runs) + 1}: {chosen} → {outcome}"
        self.runs.append(self.made_with)

    def _accept(self, chosen: str, outcome: str) -> None:
        """Note a run whose model stays, with its curves."""
        self._note(chosen, outcome)
        self.model_history, self.source = self.history, f"run {len(self.runs)}"

    def _train(self, plan: tuple, make: Callable) -> None:
        """Make and fit; where `fit` counts other steps than expected, once more with those."""
        try:
            self._fit(*plan, make, -(-self.rows // plan[0]))
        except OtherSteps as counted:
            self._fit(*plan, make, counted.steps)
        self._draw()

    def _fit(
        self, batch_size: int, epochs: int, kept_in: Path | None, make: Callable, steps: int
    ) -> None:
        options = {"batch_size": batch_size, "epochs": epochs, "shuffle": False, "verbose": 0}
        watchers = [Watch(self, batch_size, epochs, steps)]
        if kept_in:
            watchers.append(KeepOnTheWay(kept_in))
        with runtime.layers_draw_from(self.seed):
            self.model = make(steps=steps * epochs)
            self.model.fit(*self._shuffled(steps * batch_size), **options, callbacks=watchers)

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

    @property
    def empty(self) -> bool:
        """Whether there are neither curves nor a model."""
        return super().empty and self.model is None

    def settings_in_words(self) -> str:
        """What the last run was made with; before its end, what the controls say."""
        return (
            self.made_with if self.made_with and not self.working else super().settings_in_words()
        )


def _rows_of(data: tuple) -> int:
    """How many rows each array has that `fit` is given."""
    parts = keras.tree.flatten(data)
    counts = {len(part) if np.ndim(part) else 0 for part in parts if hasattr(part, "shape")}
    if len(counts) != 1 or not all(hasattr(part, "shape") for part in parts) or counts == {0}:
        kinds = ", ".join(f"{type(part).__name__} {np.shape(part)}" for part in parts)
        raise ValueError(f"data hold {kinds}: give arrays of equally many rows, one or more.")
    return counts.pop()
