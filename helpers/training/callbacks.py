"""What looks on while a model trains: it takes snapshots, anneals, keeps the model, warns."""

from pathlib import Path

import keras
import numpy as np

from helpers import losses, runtime, saving
from helpers.divergence import StepCounter
from helpers.gan import METERS

ADVICE = {
    "D wins": "try one-sided labels, noise on D's inputs, a penalty, or a smaller D",
    "steep": "try a smaller learning rate, a penalty, or spectral normalisation",
    "collapse": "try MinibatchStdDev, a penalty, or a smaller learning rate for G",
}


def _check_interval(steps: int) -> None:
    if not runtime.is_count(steps):
        raise ValueError(f"{steps} steps are no interval: use a whole number of 1 or more.")


class Snapshots(StepCounter):
    """Draws the same z again and again while a GAN trains.

    Args:
        z: noise, shape (n, latent).
        every: steps from one look to the next; the first is before training.
        conditions: what G is told, shape (n, ...), or None.

    After training `steps` holds when, and `pictures` what, shape (n, height, width, channels) each.
    """

    def __init__(self, z: np.ndarray, every: int, conditions: np.ndarray | None = None) -> None:
        super().__init__()
        _check_interval(every)
        self.z, self.every, self.conditions = z, every, () if conditions is None else (conditions,)
        self.steps: list[int] = []
        self.pictures: list[np.ndarray] = []

    def take(self) -> None:
        """Keep what G draws now."""
        self.steps.append(self.done)
        self.pictures.append(self.model.sample(self.z, *self.conditions))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """The first look; a second `fit` goes on from the last one."""
        if not self.steps:
            self.take()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """A look, when it is time."""
        if self.passed(self.every, self.count(batch)):
            self.take()


class Anneal(StepCounter):
    """Lets a weight fall from where it starts to 0 in a straight line, for example of noise.

    Args:
        weight: for example `InstanceNoise(0.5).std` of a built layer.
        steps: of training until it is 0.
    """

    def __init__(self, weight: keras.Variable, steps: int) -> None:
        super().__init__()
        _check_interval(steps)
        self.weight, self.steps, self.start = weight, steps, float(weight)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """One step further down, or as many as were taken."""
        self.count(batch)
        self.weight.assign(self.start * max(0.0, 1 - self.done / self.steps))


class KeepOnTheWay(keras.callbacks.Callback):
    """Writes the model to one file after each epoch, so that a killed kernel loses one at most.

    The file of the epoch before stays until the new one is whole. Read it by `pretrained.load`;
    `fit` then goes on (:mod:`helpers.saving`). Keras has two callbacks that come near. Its
    `ModelCheckpoint` writes over the file itself: killed meanwhile, it leaves half a file, and the
    old one is gone; with `{epoch}` in the name old files stay, one for each epoch. Its
    `BackupAndRestore` keeps weights for a `fit` that runs again from its first line, writes over
    them too, and when training ends it removes them; neither shape nor settings of the model are
    in it.

    Args:
        path: ends in `.keras`; a file that is there is replaced after the first epoch.

    Raises:
        ValueError: the name ends otherwise, or there is no such folder.
        NotWritten: from `fit`: the file cannot be written; the model is as the epoch left it.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = saving.check_path(path)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write it."""
        saving.write(self.model, self.path)


class FailureWatch(StepCounter):
    """Looks for the signs of a game that is lost, says what it saw and what to try.

    It looks at means over `every` steps, or since the epoch began if that is later. "D wins" is
    looked for under every objective but Wasserstein, whose loss has no lower end. Each sign is
    reported once, in `warnings` by name, and in print if wanted.

    Args:
        real: some real pictures or points, 2 or more, to know how much they vary, shape (n, ...).
        every: steps from one look to the next.
        conditions: what G is told, n rows, or None.
        stop: whether to end training at the first sign.
        verbose: whether to print.
    """

    LOW_LOSS, STEEP, ALIKE = 0.02, 100.0, 0.1

    def __init__(
        self, real: np.ndarray, every: int = 50, conditions: np.ndarray | None = None,
        stop: bool = False, verbose: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_interval(every)
        self.spread = float(np.std(real, axis=0).mean())
        if not self.spread > 0:
            raise ValueError("The real pictures do not vary: give two or more that differ.")
        self.conditions = () if conditions is None else (conditions[:64],)
        self.every, self.stop, self.verbose = every, stop, verbose
        self.warnings: dict[str, str] = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Choose the noise whose pictures are compared."""
        count = len(self.conditions[0]) if self.conditions else 64
        self.z = np.random.default_rng(0).normal(size=(count, self.model.latent_dim))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Keras' means begin anew with every epoch."""
        super().on_epoch_begin(epoch)
        self.before = dict.fromkeys(METERS, (0.0, 0.0))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """A look, when it is time."""
        if not self.passed(self.every, self.count(batch)):
            return
        meters = self.model.meters.items()
        now = {name: (float(meter.total), float(meter.count)) for name, meter in meters}
        changes = {name: np.subtract(now[name], self.before[name]) for name in METERS}
        recent = {name: total / count for name, (total, count) in changes.items()}
        self.before = now
        for sign, reason in self.signs(recent).items():
            self.report(sign, reason)

    def signs(self, recent: dict) -> dict[str, str]:
        """What is wrong in the means over the last steps and in what G draws now."""
        reasons, settings = {}, self.model.settings
        least = losses.least_discriminator_loss(settings["objective"], *self.model.mean_labels)
        if recent["d_loss"] < least + self.LOW_LOSS:
            reasons["D wins"] = (
                f"D's loss is {recent['d_loss']:.3g} and cannot fall below {least:.3g}"
            )
        steepest = float(np.max([recent["d_gradient"], recent["g_gradient"]]))
        if not steepest <= self.STEEP:
            reasons["steep"] = f"a gradient has length {steepest:.3g}"
        varied = float(np.std(self.model.sample(self.z, *self.conditions), axis=0).mean())
        if not varied >= self.ALIKE * self.spread:
            reasons["collapse"] = (
                f"G's pictures vary by {varied:.3g}, real ones by {self.spread:.3g}"
            )
        return reasons

    def report(self, sign: str, reason: str) -> None:
        """Say it, the first time."""
        if sign in self.warnings:
            return
        self.warnings[sign] = f"step {self.done}: {reason}; {ADVICE[sign]}."
        if self.verbose:
            print(self.warnings[sign])
        if self.stop:
            self.model.stop_training = True
