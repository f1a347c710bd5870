"""Which weights did somebody else, or a longer run, already train?

A lab trains for a minute; the full run of the same notebook (`make checkpoints LAB=07`) trains
for as long as it takes and keeps each model in `checkpoints/`:

    07_vae_2d.keras    architecture and weights, in Keras' own format
    07_vae_2d.json     its card: settings, seconds, metrics, package versions

A name begins with the number of the lab that makes it.
"""

import importlib
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint that is absent, damaged or of another shape; the message says what to do."""


def names() -> list[str]:
    """Names of the checkpoints that are there, in order."""
    return sorted(path.stem for path in CHECKPOINTS.glob("*.keras"))


def load(name: str, like: keras.Model | None = None) -> keras.Model:
    """Read a trained model.

    Args:
        name: for example ``"07_vae_2d"``; :func:`names` lists all.
        like: a model of your own; the checkpoint must have weights of the same shapes.

    Returns:
        The model, ready to use, not compiled.

    Raises:
        CheckpointError: no such checkpoint, a damaged file, or other shapes than `like`.
    """
    path = CHECKPOINTS / f"{name}.keras"
    if not path.is_file():
        there = ", ".join(names()) or "none yet"
        raise CheckpointError(
            f"There is no checkpoint {name!r}: make it with `make checkpoints LAB={name[:2]}`, or "
            f"choose one of: {there}."
        )
    importlib.import_module("helpers.vae")  # Keras must know a class before it reads its file
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is damaged or was made by another Keras: restore it with "
            f"`git checkout checkpoints`, or make it again ({type(error).__name__})."
        ) from error
    if like is not None and [w.shape for w in model.weights] != [w.shape for w in like.weights]:
        raise CheckpointError(
            f"Checkpoint {name!r} does not fit this model: build the model with the card's "
            f"settings, {card(name)['settings']}."
        )
    return model


def card(name: str) -> dict:
    """The card beside a checkpoint: `settings`, `seconds`, `metrics`, `versions`.

    Raises:
        CheckpointError: there is no such card.
    """
    path = CHECKPOINTS / f"{name}.json"
    if not path.is_file():
        raise CheckpointError(f"There is no card {path.name}: `make checkpoints LAB={name[:2]}`.")
    return json.loads(path.read_text())


def checkpoint(name: str, train: Callable | None, measure: Callable, **settings) -> keras.Model:
    """Load a checkpoint; where there is something to train it with, train and save it first.

    Args:
        name: begins with the lab's number, for example ``"07_vae_2d"``.
        train: called as `train(**settings)`, returns the trained model; None only loads. Give it
            as `runtime.budget(lab=None, full=train)`.
        measure: called with the model; returns the card's metrics, a dictionary of numbers.
        **settings: all that decides the result, the seed included; written to the card.

    Returns:
        The model as read back from its file.

    Raises:
        CheckpointError: nothing to load; says how to make it.
    """
    if train is not None:
        start = time.perf_counter()
        model = train(**settings)
        save(name, model, settings, time.perf_counter() - start, measure(model))
    return load(name)


def save(name: str, model: keras.Model, settings: dict, seconds: float, metrics: dict) -> None:
    """Write a model and its card; the optimizer's state is left out."""
    CHECKPOINTS.mkdir(exist_ok=True)
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(CHECKPOINTS / f"{name}.keras")
    content = {
        "settings": settings,
        "seconds": round(seconds, 1),
        "metrics": {key: round(float(value), 4) for key, value in metrics.items()},
        "versions": {package: version(package) for package in ("tensorflow", "keras", "numpy")},
    }
    (CHECKPOINTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
