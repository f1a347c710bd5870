"""How many steps were taken, and is it time for a look?

Keras calls a callback after every step, unless a model is compiled with `steps_per_execution=20`:
then it takes twenty before it comes back to Python, and calls once. The weights are the same to the
last bit; where a step is short, the seconds are half. A callback that counts its calls would count
a twentieth.
"""

import keras

from helpers import saving


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
