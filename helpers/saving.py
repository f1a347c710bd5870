"""What must a file hold, so that training can go on as if it had never stopped?

    model.save("mine.keras")                    when you stop
    model = pretrained.load("mine.keras")       in another kernel, after `runtime.prepare`
    model.fit(...)                              goes on

    in the file                        kept by
    both networks and every setting    Keras
    weights and batch statistics       Keras
    optimizers with their steps        Keras
    where each noise stands            :class:`Resumable`, here, for a compiled model

Where a layer draws noise (z, the draws of a posterior, dropout), a counter says how often it drew;
without it the noise of the first epoch would come again. With the same global seed, batch size and
data, `fit` also takes the pictures in the same order. What is not kept belongs to `fit`, not to the
model: callbacks and the number of the epoch begin anew, and a dataset or generator of your own
begins where it always begins.

:func:`write` and :func:`write_new` put such a file in its place when it is whole, so that a kernel
killed at any moment leaves no half of one.
"""

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

FILE = "random_states.json"
OPTIMIZERS = ("optimizer", "generator_optimizer", "discriminator_optimizer")


class Resumable(keras.Model):
    """A model whose file, saved while compiled, also says where its random numbers stand."""

    def _random_states(self) -> list[keras.Variable]:
        """The counters of all `keras.random.SeedGenerator`s in the model, in order."""
        return [part for part in self.variables if part.name == "seed_generator_state"]

    def save(self, filepath: str | Path, *args: Any, **kwargs: Any) -> None:
        """Keras' `save`, to a `.keras` file; other formats leave out what is needed to read it.

        Raises:
            ValueError: see :func:`check_path`.
        """
        super().save(check_path(filepath), *args, **kwargs)

    def save_assets(self, folder: str) -> None:
        """Keras' hook for files inside a `.keras` file; a bare model has none."""
        if self.compiled:
            states = [state.numpy().tolist() for state in self._random_states()]
            Path(folder, FILE).write_text(json.dumps(states))

    def load_assets(self, folder: str | None) -> None:
        """Keras' hook: the opposite of :meth:`save_assets`."""
        if folder is not None and Path(folder, FILE).is_file():
            kept = json.loads(Path(folder, FILE).read_text())
            for state, value in zip(self._random_states(), kept, strict=True):
                state.assign(value)


class NotWritten(OSError):
    """A model that is in memory, but in no file; the message says why, and what to do."""


def check_path(path: str | Path) -> Path:
    """Where a model can be written; `~` is the home folder.

    Raises:
        ValueError: the name does not end in `.keras`, or there is no such folder.
    """
    named = isinstance(path, (str, os.PathLike))
    path = Path(os.path.expanduser(path) if named else repr(path))
    if path.suffix != ".keras" or "\0" in str(path):
        raise ValueError(f"{str(path)!r} is no name for a model: give one that ends in .keras.")
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent}: make it, or name another file.")
    return path


def write(model: keras.Model, path: str | Path) -> None:
    """Save a model in place of the file that is there, which stays until the new one is whole.

    Raises:
        ValueError: see :func:`check_path`.
        NotWritten: the file cannot be written; what was there is untouched.
    """
    path = check_path(path)
    with _written_whole(model, path) as whole:
        os.replace(whole, path)


def write_new(model: keras.Model, path: str | Path) -> Path:
    """Save a model where no file is yet: at the path, else at its first free number.

    Returns:
        Where it is now, for example `my_model_2.keras`.

    Raises:
        ValueError: see :func:`check_path`.
        NotWritten: the file cannot be written.
    """
    path = check_path(path)
    with _written_whole(model, path) as whole:
        for name in _names(path):
            with contextlib.suppress(FileExistsError):
                name.open("xb").close()  # from here on it is taken, whoever else saves
                os.replace(whole, name)
                return name
    raise AssertionError("There is always another number.")


def free_path(path: str | Path) -> Path:
    """The path, or its first free number where there is a file already."""
    return next(name for name in _names(check_path(path)) if not os.path.exists(name))


def _names(path: Path) -> Iterator[Path]:
    """The path, then with 2, 3, … behind its name."""
    yield path
    for number in itertools.count(2):
        yield path.with_stem(f"{path.stem}_{number}")


@contextlib.contextmanager
def _written_whole(model: keras.Model, path: Path) -> Iterator[Path]:
    """A whole file, on the disk, in a hidden folder beside the path that is removed at the end.

    A process killed while it writes leaves that folder.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}_") as folder:
            whole = Path(folder, path.name)
            model.save(whole)
            with whole.open("rb+") as stream:
                os.fsync(stream)
            yield whole
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise NotWritten(
            f"{path} cannot be written ({reason}): make room or name a file elsewhere; the model "
            "is still in memory."
        ) from error


def optimizers(model: keras.Model) -> list[keras.optimizers.Optimizer]:
    """The optimizer of a compiled model; of a GAN G's, then D's."""
    own = (getattr(model, name, None) for name in OPTIMIZERS)
    return [optimizer for optimizer in own if optimizer is not None]


def learned(model: keras.Model) -> list[np.ndarray]:
    """All that training moves: weights, statistics, random numbers, optimizers."""
    return [variable.numpy() for variable in _variables(model)]


def put_back(model: keras.Model, values: list[np.ndarray]) -> None:
    """Give a model what :func:`learned` said of it."""
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *(v for part in optimizers(model) for v in part.variables)]
