"""How far has a training come, is it well, and what should its panel show now?"""

import time
from typing import TYPE_CHECKING, Any

import keras

from helpers import saving
from helpers.divergence import Diverged, StepCounter, check_finite, spoilt_weights
from helpers.widgets.jobs import Refused

if TYPE_CHECKING:
    from helpers.widgets.training import TrainingPanel

REFRESH_SECONDS = 0.2


def learning_rates(model: keras.Model) -> str:
    """Those of its optimizers now, each once."""
    rates = [f"{float(part.learning_rate):.3g}" for part in saving.optimizers(model)]
    return " and ".join(dict.fromkeys(rates))


def check_goes_on(model: keras.Model | None) -> None:
    """Refuse to train further what would not change.

    Raises:
        Refused: there is no model, it has no optimizer, or all rates are 0.
    """
    if model is None:
        raise Refused("There is no model yet to go on with: press Train, or Load model.")
    if not model.compiled:
        raise Refused("This model was saved without its optimizer: compile it, or press Train.")
    if not any(float(part.learning_rate) > 1e-9 for part in saving.optimizers(model)):
        reason = "Its optimizer's schedule has ended at a learning rate of 0"
        raise Refused(f"{reason}, so to go on would change nothing: press Train with more epochs.")


class OtherSteps(Exception):
    """`fit` is about to take another number of steps in each epoch than the model was told."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.steps = steps


class Watch(StepCounter):
    """Reports a run to its panel: progress at every call, pictures every two seconds."""

    DRAW_SECONDS = 2.0

    def __init__(self, panel: "TrainingPanel", batch_size: int, epochs: int, expected: int) -> None:
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
        """Keras has counted the steps; a first guess that was wrong ends here.

        Curves go on where they end; a model without curves has as many epochs behind it as its
        optimizer's steps make.
        """
        self.steps = self.params["steps"]
        if self.steps != self.expected:
            raise OtherSteps(self.steps)
        self.window = min(self.panel.WINDOW, max(1, self.steps // 8))
        seen = [points[-1][0] for points in self.panel.history.values()]
        self.before_it = max(seen, default=self._taken() / self.steps)

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
        where = f"at step{first} {self.done} of {total}"
        check_finite(means, where, hint)
        if self.in_epoch == self.steps and (spoilt := spoilt_weights(self.model)):
            raise Diverged(f"{spoilt} {where}: {hint}.")

    def _record(self, means: dict[str, float]) -> None:
        """Keras reports the mean since the epoch began; note the mean since the last note.

        A batch counts by its rows, as the last of an epoch may have fewer.
        """
        seen = min(self.in_epoch * self.batch_size, self.panel.rows)
        where = self.before_it + self.epoch + self.in_epoch / self.steps
        for name, mean in means.items():
            count, earlier = self.before.get(name, (0, 0.0))
            recent = (mean * seen - earlier * count) / (seen - count)
            self.panel.history.setdefault(name, []).append((where, recent))
            self.before[name] = seen, mean
