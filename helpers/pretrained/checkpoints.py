"""Which models did a longer run of our own train?

A lab trains for a minute; the full run of the same notebook (`make checkpoints LAB=07`) trains
for as long as it takes and keeps each model in `checkpoints/`:

    07_vae_2d.keras    architecture and weights, in Keras' own format
    07_vae_2d.json     its card: settings, seconds, metrics, package versions, and the SHA-256 of
                       the other file, so that the two cannot come apart unseen

A name begins with the number of the lab that makes it. Lab 12 keeps cards alone: what its
experiments measured, without weights. Both files are written elsewhere and moved when they are
whole, so a run that is stopped leaves what there was. On own pictures: see :mod:`.anew`.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

import keras
import numpy as np
from PIL import Image

from helpers import autoencoder, flow, gan, runtime, vae  # noqa: F401  (Keras must know classes)
from helpers.pretrained import anew, keras_files

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint that is absent, damaged or of other settings; the message says what to do."""


def names() -> list[str]:
    """Names of the checkpoints that are there, in order."""
    return sorted(path.stem for path in CHECKPOINTS.glob("*.keras"))


def load(name: str | Path) -> keras.Model:
    """Read a trained model: one of ours by its name, one of your own by its path.

    Ours are bare: architecture and weights. Your own comes back as you saved it; saved compiled,
    `fit` goes on where it stopped (:mod:`helpers.saving` says what that takes).

    Args:
        name: for example ``"07_vae_16d"``, one of :func:`names`; or a path that ends in `.keras`.

    Raises:
        CheckpointError: no such file, a damaged one, or one with a class that is not known here.
    """
    if isinstance(name, Path) or str(name).endswith(".keras"):
        return _load_own(Path(os.path.expanduser(name)))
    path = CHECKPOINTS / f"{name}.keras"
    if not os.path.isfile(path):
        there = ", ".join(names()) or "none yet"
        raise CheckpointError(
            f"There is no checkpoint {path.stem!r}: make it with `make checkpoints "
            f"LAB={path.stem[:2]}`, or choose one of: {there}."
        )
    try:
        model = keras_files.read(path, compile=False)
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is damaged or was made by another Keras: restore it with "
            f"`git checkout checkpoints`, or make it again ({type(error).__name__})."
        ) from error
    _check_pair(path)
    return model


def _load_own(path: Path) -> keras.Model:
    if not os.path.isfile(path):
        raise CheckpointError(f"There is no file {path}: give the path of a .keras file.")
    try:
        return keras_files.read(path)
    except Exception as error:
        unknown = re.search(r"Could not locate (\w+ '\w+')", str(error))
        hint = "save it again, with the Keras that is installed here"
        said = f"cannot be read ({type(error).__name__}: {str(error).splitlines()[0][:200]})"
        if unknown:
            hint = "run the cell that defines it, with @keras.saving.register_keras_serializable()"
            said = f"holds {unknown[1]}, which this kernel does not know"
        raise CheckpointError(f"{path} {said}: {hint}.") from error


def card(name: str) -> dict:
    """The card beside a checkpoint: `settings`, `seconds`, `metrics`, `versions`.

    Raises:
        CheckpointError: there is no such card, or it is damaged.
    """
    path = CHECKPOINTS / f"{name}.json"
    if not path.is_file():
        raise CheckpointError(f"There is no card {path.name}: `make checkpoints LAB={name[:2]}`.")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise CheckpointError(
            f"{path.name} is damaged: restore it with `git checkout checkpoints`, or make it "
            f"again with `make checkpoints LAB={name[:2]}`."
        ) from error


def checkpoint(
    name: str, train: Callable | None, measure: Callable, **settings: Any
) -> keras.Model:
    """Load a checkpoint; in a full run (`make checkpoints`) train and save it first.

    Args:
        name: begins with the lab's number, for example ``"07_vae_2d"``.
        train: called as `train(**settings)` in a full run; returns the model. None only loads.
        measure: called with the model; returns the card's metrics, a dictionary of numbers.
        **settings: all that decides the result, the seed included; written to the card.

    Returns:
        The model as read back from its file; on pictures of the learner's own, as trained.

    Raises:
        CheckpointError: nothing to load, or it was made with other settings; says how to make it.
    """
    if runtime.on_own_pictures():
        return anew.made(name, train, settings)
    asked = json.loads(json.dumps(settings))
    if _to_be_made(train):
        start = time.perf_counter()
        model = train(**settings)
        save(name, model, settings, time.perf_counter() - start, measure(model))
    model = load(name)
    _card_of(name, asked)
    return model


def _to_be_made(make: Callable | None) -> TypeGuard[Callable]:  # in a full run only
    return make is not None and runtime.is_full_run()


def save(name: str, model: keras.Model, settings: dict, seconds: float, metrics: dict) -> None:
    """Write a model and its card; the optimizer's state is left out."""
    with runtime.layers_draw_from(0), _written_together() as folder:
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
        bare.save(folder / f"{name}.keras")
        _write_card(folder, name, settings, seconds, metrics)


def recorded(name: str, measure: Callable | None, **settings: Any) -> dict:
    """Load the card of a measurement too long to repeat at every reading; it has no weights.

    Args:
        name: begins with the lab's number, for example ``"12_03"``.
        measure: called as `measure(**settings)` in a full run; returns numbers by name, which may
            be in lists and dictionaries. None only loads.
        **settings: all that decides the result, of kinds that JSON knows.

    Returns:
        What was measured, to six digits.

    Raises:
        CheckpointError: there is no card, or it was measured with other settings.
    """
    if runtime.on_own_pictures():
        return _six_digits(anew.made(name, measure, settings))
    asked = json.loads(json.dumps(settings))  # before the work: some kinds cannot be written
    if _to_be_made(measure):
        start = time.perf_counter()
        metrics = measure(**settings)
        with _written_together() as folder:
            _write_card(folder, name, settings, time.perf_counter() - start, metrics)
    return _card_of(name, asked)["metrics"]


def picture(name: str, paint: Callable | None, **settings: Any) -> np.ndarray:
    """Load a picture that takes too long to paint while one reads; it is kept as a JPEG.

    Args:
        name: begins with the lab's number, for example ``"01_cat_rings"``.
        paint: called as `paint(**settings)` in a full run; RGB in [0, 1], (height, width, 3).
        **settings: all that decides the result, of kinds that JSON knows.

    Returns:
        The picture as read back from its file, float32, same shape and range.

    Raises:
        CheckpointError: there is no picture or card, it is damaged, or has other settings.
    """
    if runtime.on_own_pictures():
        return np.asarray(anew.made(name, paint, settings), "float32")
    path, asked = CHECKPOINTS / f"{name}.jpg", json.loads(json.dumps(settings))
    if _to_be_made(paint):
        start = time.perf_counter()
        painted = Image.fromarray(np.round(255 * paint(**settings)).astype("uint8"))
        seconds = time.perf_counter() - start
        size = {"width": painted.width, "height": painted.height}
        with _written_together() as folder:
            painted.save(folder / path.name, quality=90)
            _write_card(folder, name, settings, seconds, size)
    promised = _card_of(name, asked)["metrics"]
    try:
        kept = Image.open(path, formats=["JPEG"])
        pixels = np.asarray(kept.convert("RGB"), "float32") / 255
    except OSError as error:
        raise _unreadable(path) from error
    if pixels.shape != (promised["height"], promised["width"], 3):
        said = f"{path.name} has shape {pixels.shape}, and its card says otherwise"
        raise CheckpointError(f"{said}: restore both with `git checkout checkpoints`.")
    _check_pair(path)
    return pixels


def recorded_arms(
    name: str, run: Callable | None, arms: list[str], **settings: Any
) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """Load what the arms of a long comparison gave; each is kept as soon as it ends.

    A comparison that was stopped goes on with the arms that are missing when it is called again
    with the same settings. Numbers are in the card, rows of pictures below each other in a PNG.

    Args:
        name: begins with the lab's number, for example ``"11_arms"``.
        run: called as `run(arm, **settings)` in a full run; returns numbers by name, and a row of
            pictures as RGB in [0, 1], (height, width, 3), of one shape for all arms.
        arms: their names, in the order in which they run.
        **settings: all else that decides the result, of kinds that JSON knows.

    Returns:
        Numbers and row of pictures of each arm.

    Raises:
        CheckpointError: an arm is missing, the picture is damaged, or the settings are others.
    """
    if runtime.on_own_pictures():
        made = {arm: anew.made(arm, partial(run, arm) if run else None, settings) for arm in arms}
        return {arm: m for arm, (m, _) in made.items()}, {arm: r for arm, (_, r) in made.items()}
    asked = json.loads(json.dumps(settings))
    if _to_be_made(run):
        _run_missing(name, run, arms, settings)
    metrics, rows = _arms_so_far(name, asked)
    if missing := [arm for arm in arms if arm not in metrics]:
        raise CheckpointError(
            f"{name} lacks {len(missing)} of {len(arms)} arms, {missing[0]} first: "
            f"go on with `make checkpoints LAB={name[:2]}`."
        )
    return {a: metrics[a] for a in arms}, {a: rows[a].astype("float32") / 255 for a in arms}


def _run_missing(name: str, run: Callable, arms: list[str], settings: dict) -> None:
    """Run the arms that were not kept yet, each kept as it ends; other settings begin anew."""
    metrics: dict[str, dict] = {}
    rows: dict[str, np.ndarray] = {}
    with contextlib.suppress(CheckpointError):
        metrics, rows = _arms_so_far(name, json.loads(json.dumps(settings)))
    for arm in [arm for arm in arms if arm not in metrics]:
        start = time.perf_counter()
        numbers, row = run(arm, **settings)
        metrics[arm] = {**numbers, "seconds": time.perf_counter() - start}
        rows[arm] = np.round(255 * row).astype("uint8")
        with _written_together() as folder:
            Image.fromarray(np.concatenate(list(rows.values()))).save(folder / f"{name}.png")
            seconds = sum(numbers["seconds"] for numbers in metrics.values())
            _write_card(folder, name, settings, seconds, metrics)
        print(f"{len(metrics)} of {len(arms)}: {arm}, {metrics[arm]['seconds']:.0f} s", flush=True)


def _arms_so_far(name: str, asked: dict) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """Numbers and pictures, as bytes, of the arms that have ended."""
    metrics, path = _card_of(name, asked)["metrics"], CHECKPOINTS / f"{name}.png"
    try:
        _check_pair(path)
        sheet = np.asarray(Image.open(path, formats=["PNG"]).convert("RGB"))
        return metrics, dict(zip(metrics, np.split(sheet, len(metrics)), strict=True))
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is missing or damaged: restore it with `git checkout checkpoints`, or "
        f"make it again with `make checkpoints LAB={path.name[:2]}`."
    )


def _card_of(name: str, asked: dict) -> dict:
    """A card, if it was made with these settings."""
    kept = card(name)
    if kept["settings"] != asked:
        raise CheckpointError(
            f"Card {name}.json was made with {kept['settings']} and this asks for {asked}: "
            f"ask for the same, or make it again with `make checkpoints LAB={name[:2]}`."
        )
    return kept


@contextlib.contextmanager
def _written_together() -> Iterator[Path]:
    """A folder whose files become checkpoints at the end, all of them; after an error none.

    Moving two files takes two moments. The card goes first: if the second never comes, the card's
    SHA-256 is not that of the model beside it, and :func:`load` says so.
    """
    CHECKPOINTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CHECKPOINTS, prefix=".") as folder:
        yield Path(folder)
        for path in sorted(Path(folder).iterdir(), key=lambda path: path.suffix != ".json"):
            os.replace(path, CHECKPOINTS / path.name)


def _write_card(folder: Path, name: str, settings: dict, seconds: float, metrics: dict) -> None:
    """Write the card of the file that is already in the folder, if there is one."""
    content = {
        "settings": settings,
        "seconds": round(seconds, 1),
        "metrics": _six_digits(metrics),
        "versions": {package: version(package) for package in ("tensorflow", "keras", "numpy")},
    }
    for described in folder.iterdir():
        content["sha256"] = _sha256(described)
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_pair(path: Path) -> None:
    """Refuse a file that is not the one its card describes; a card without a hash passes."""
    if path.with_suffix(".json").is_file():
        kept = card(path.stem).get("sha256")
        if kept is not None and kept != _sha256(path):
            raise CheckpointError(
                f"{path.name} is not the file that its card describes: restore both with "
                f"`git checkout checkpoints`, or make them with `make checkpoints "
                f"LAB={path.stem[:2]}`."
            )


def _six_digits(value: Any) -> Any:
    """Numbers in lists, arrays and dictionaries, rounded."""
    if isinstance(value, dict):
        return {key: _six_digits(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_six_digits(item) for item in value]
    return float(f"{value:.6g}")
