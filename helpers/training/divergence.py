"""What remains of a training whose numbers are no longer finite?

Keras' `TerminateOnNaN` ends such a training and leaves the weights spoilt; its `BackupAndRestore`
is for a process that was killed, by way of files. :class:`KeepFinite` ends it, says at which step
and what is the likely cause, and gives back the weights of the last whole epoch.
"""

import math

from helpers import saving
from helpers.training.callbacks import StepCounter

RISEN = 10.0  # times what it was at first: it grew before it broke


class Diverged(ArithmeticError):
    """A number of the training is no longer finite: which, at which step, and what to try."""


def check_finite(values: dict[str, float], where: str, hint: str) -> None:
    """Refuse to go on where a number of the training is infinite or no number.

    Raises:
        Diverged: one sentence that names the number, where it was seen, and what to try.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value:g} {where}: {hint}.")


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


class KeepFinite(StepCounter):
    """Ends a training at its first loss that is not finite, with the weights of before.

    The model is then as at the end of its last whole epoch, or as when `fit` began; so are its
    optimizers. One line is printed; `stopped` holds it, and is empty where all went well. Keeping
    copies the weights once an epoch, in memory.
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
        try:
            check_finite(logs or {}, f"at step {self.done}", self._hint())
        except Diverged as error:
            self._give_back(str(error))
        else:
            self.last = max((abs(value) for value in (logs or {}).values()), default=0.0)
            self.first = self.last if self.first is None else self.first

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep what is good."""
        if not self.stopped:
            self.good, self.good_at = saving.learned(self.model), self.done

    def _hint(self) -> str:
        kept = f"the weights of step {self.good_at} are back"
        return f"{likely_cause(self.first, self.last, self.model.compute_dtype)}; {kept}"

    def _give_back(self, said: str) -> None:
        saving.put_back(self.model, self.good)
        self.model.stop_training, self.stopped = True, f"Training stopped: {said}"
        print(self.stopped)
