"""What remains of a training whose numbers are no longer finite?

Keras' `TerminateOnNaN` ends such a training and leaves the weights spoilt; its `BackupAndRestore`
is for a process that was killed, by way of files. :class:`KeepFinite` ends it, says at which step
and what is the likely cause, and gives back the weights of the last whole epoch.

To name a step takes counting, which is what :class:`StepCounter` does. Keras calls a callback after
every step, unless a model is compiled with `steps_per_execution=20`: then it takes twenty before it
comes back to Python, and calls once. The weights are the same to the last bit; where a step is
short, the seconds are half. A callback that counts its calls would count a twentieth.
"""

import math
from typing import Any

import keras
import numpy as np

from helpers import saving

RISEN = 10.0  # times what it was at first: it grew before it broke


class Diverged(ArithmeticError):
    """A number of the training is no longer finite: which, at which step, and what to try."""


def not_finite(values: dict[str, float]) -> str:
    """Which number is infinite or no number, the first of them; empty where all are finite."""
    spoilt = (f"{name} is {value:g}" for name, value in values.items() if not math.isfinite(value))
    return next(spoilt, "")


def check_finite(values: dict[str, float], where: str, hint: str) -> None:
    """Refuse to go on where a number of the training is infinite or no number.

    Raises:
        Diverged: one sentence that names the number, where it was seen, and what to try.
    """
    if spoilt := not_finite(values):
        raise Diverged(f"{spoilt} {where}: {hint}.")


def spoilt_weights(model: keras.Model) -> str:
    """Whether a weight is infinite or no number, in the words of :func:`not_finite`."""
    finite = all(np.isfinite(values).all() for values in saving.learned(model))
    return "" if finite else "a weight is nan or infinite"


def likely_cause(first: float | None, last: float | None, kind: str) -> str:
    """What to look at first, in a few words.

    Args:
        first: the largest number that `fit` showed when it began; None where it was not finite.
        last: the largest of those seen last before the end, or None.
        kind: of the numbers that the model computes with, for example ``"float32"``.
    """
    if kind == "float16":
        return "float16 ends at 65,504, so train in float32 or mixed_bfloat16"
    if first is None:
        return "is a number in the data not finite? If none is, lower the learning rate"
    if last is not None and last > RISEN * first:
        return "the numbers rose before, so lower the learning rate, to a tenth for example"
    return "lower the learning rate, or look for a number in the data that is not finite"


class StepCounter(keras.callbacks.Callback):
    """Counts optimizer steps, however many Keras takes between two calls.

    After each :meth:`count`, `done` holds the steps since training began (a second `fit` counts on)
    and `in_epoch` those since the epoch began.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done = self.in_epoch = self.taken_before = 0

    def _taken(self) -> int:
        """Steps of the model's optimizer, of a GAN's those of G, in its whole life."""
        first, *_ = saving.optimizers(self.model)
        return int(first.iterations)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Keras numbers its batches anew with every epoch."""
        self.in_epoch, self.taken_before = 0, self._taken()

    def count(self, batch: int) -> int:
        """Count up to a batch, as `on_train_batch_end` is given it; return how many are new.

        The last call of an epoch may name a batch beyond its end, as if none were missing; where
        Keras does not know how many there are, as with a generator, the optimizer does.
        """
        steps = (self.params or {}).get("steps")
        reached = min(batch + 1, steps) if steps else self._taken() - self.taken_before
        new = reached - self.in_epoch
        self.in_epoch += new
        self.done += new
        return new

    def passed(self, every: int, new: int, in_epoch: bool = False) -> bool:
        """Whether a multiple of `every` steps lies among the last `new` ones.

        Multiples are counted from the beginning of training, or with `in_epoch` of the epoch.
        """
        reached = self.in_epoch if in_epoch else self.done
        return reached // every > (reached - new) // every


class KeepFinite(StepCounter):
    """Ends a training at its first loss that is not finite, with the weights of before.

    The model is then as at the end of its last whole epoch, or as when `fit` began; so are its
    optimizers. One line is printed; `stopped` holds it, and is empty where all went well. Keeping
    copies the weights once an epoch, in memory. The models of the course have one without being
    asked, see :class:`FiniteModel`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopped = ""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """What can be given back at first."""
        self.stopped = ""
        self.first: float | None = None
        self.last: float | None = None
        self.good, self.good_at = saving.learned(self.model), self.done

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Look at the losses; they are means since the epoch began."""
        self.count(batch)
        losses = {name: float(value) for name, value in (logs or {}).items()}
        if spoilt := not_finite(losses):
            self._give_back(spoilt)
            return
        self.last = max(map(abs, losses.values()), default=0.0)
        self.first = self.last if self.first is None else self.first
        if self.in_epoch == (self.params or {}).get("steps"):
            self._keep()  # before another callback writes a file

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep what is good, where Keras did not know which step would be the last."""
        if not self.stopped and self.good_at != self.done:
            self._keep()

    def _keep(self) -> None:
        """Keep the weights, unless the last step has spoilt them: no loss has seen that yet."""
        if spoilt := spoilt_weights(self.model):
            self._give_back(spoilt)
        else:
            self.good, self.good_at = saving.learned(self.model), self.done

    def _give_back(self, spoilt: str) -> None:
        saving.put_back(self.model, self.good)
        cause = likely_cause(self.first, self.last, self.model.compute_dtype)
        said = f"{spoilt} at step {self.done}: {cause}; the weights of step {self.good_at} are back"
        self.model.stop_training, self.stopped = True, f"Training stopped: {said}."
        print(self.stopped)


class FiniteModel(saving.Resumable):
    """A model whose `fit` has a :class:`KeepFinite`, its own where it is given none."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Keras' `fit`, where one callback more looks at each loss."""
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.tree.flatten(callbacks or [])
            if not any(isinstance(given, KeepFinite) for given in callbacks):
                callbacks = [*callbacks, KeepFinite()]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, *args, **kwargs)
