"""Which exercises did I solve?

They stand in `my_exercises.json` beside the notebooks, which git ignores. Deleting it harms
nothing. The variable `GDL_EXERCISES=off` leaves it alone: so do runs whose outputs are compared.
"""

import json
import os
from pathlib import Path

FILE, DAMAGED = "my_exercises.json", "my_exercises.damaged.json"


def is_kept() -> bool:
    """Whether solved exercises are read and written at all."""
    return os.environ.get("GDL_EXERCISES") != "off"


def solved() -> tuple[set[str], str]:
    """The solved exercises, and a sentence where the file could not be used; it is set aside."""
    if not is_kept() or not os.path.lexists(FILE):
        return set(), ""
    try:
        return set(_names(Path(FILE).read_text("utf-8"))), ""
    except OSError as error:
        return set(), f"{FILE} could not be read: {error.strerror}."
    except ValueError:
        return set(), _set_aside()


def _names(text: str) -> list[str]:
    """The names in the text of a file; ValueError where it holds something else."""
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{FILE} holds no list of names.")
    return names


def _set_aside() -> str:
    try:
        os.replace(FILE, DAMAGED)
    except OSError as error:
        return f"{FILE} is damaged and could not be set aside: {error.strerror}."
    return f"{FILE} was damaged: it is {DAMAGED} now, and a new one begins."


def note(name: str) -> str:
    """Add a solved exercise to the file, whole or not at all; a sentence where that failed."""
    names, sentence = solved()
    unusable = sentence and os.path.lexists(FILE)
    if not is_kept() or name in names or unusable:
        return sentence
    part = Path(f"{FILE}.{os.getpid()}")
    try:
        part.write_text(json.dumps(sorted({*names, name}), indent=1) + "\n", "utf-8")
        os.replace(part, FILE)
    except OSError as error:
        part.unlink(missing_ok=True)
        return f"{sentence} It could not be noted in {FILE}: {error.strerror}.".strip()
    return sentence
