"""Where are the pictures in a copy of CelebA, and what is known of them?

    pictures    img_align_celeba/000001.jpg, 178 x 218
    labels      list_attr_celeba.txt or .csv

Its own folders are Anno, Eval and Img, and its pictures are a .zip inside Img; copies elsewhere are
flat, hold a folder in a folder, or hold the pictures in another format. So files are found by their
names, wherever :mod:`helpers.data.files` finds them, and a picture belongs to a row of the list by
its name without the ending.

The list of attributes has a row per picture: its name, then 40 values of 1 (yes) or -1 (no); some
copies have 0 for no. As .txt a line with the number of pictures and a line with the names come
first; as .csv a line with the names does.

Liu, Luo, Wang and Tang, ICCV 2015 (CelebA).
"""

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from helpers.data import limits
from helpers.data.files import PICTURES, Files

ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
ALIGNED = "img_align_celeba"


class Listed(NamedTuple):
    """Rows of CelebA's list: names, attribute to values of shape (n,), and what was left out."""

    names: list[str]
    attributes: dict[str, np.ndarray]
    left_out: dict[str, str]


def aligned(files: Iterable[str]) -> dict[str, str]:
    """CelebA's pictures, by their names with and without the ending, to their places.

    Args:
        files: places; only those in `img_align_celeba` count where other sets lie beside it.
    """
    pictures = [place for place in files if place.lower().endswith(PICTURES)]
    own = [place for place in pictures if ALIGNED in place] or pictures
    by_name = {PurePosixPath(place).name: place for place in own}
    return {PurePosixPath(place).stem: place for place in own} | by_name


def parse_attributes(lines: Iterable[str], is_there: Callable[[str], bool], count: int) -> Listed:
    """Read CelebA's list of attributes as far as needed.

    Args:
        lines: of `list_attr_celeba.txt` or `list_attr_celeba.csv`.
        is_there: whether there is a picture of a name; rows without one are left out.
        count: how many rows are wanted; the first ones are taken.

    Returns:
        The names of the pictures, attribute to int32 of shape (n,), 1 for yes and 0 for no, and
        the rows left out. All are empty where no picture is there.

    Raises:
        ValueError: a row has another number of values than there are attributes, one of them is
            neither 1 nor -1 (or 0, in a list that has no -1), or there is no row.
    """
    rows, left_out, attributes = {}, {}, None
    for row in _words(lines):
        if attributes is None:
            attributes = row[1:] if row[0] == "image_id" else row
            continue
        name, *values = row
        if len(values) != len(attributes):
            raise _damaged(f"row {limits.printable(name)}")
        if name in rows or not is_there(name):
            left_out[name] = "is listed twice" if name in rows else "is listed and not there"
        else:
            rows[name] = " ".join(values)
        if len(rows) == count:
            break
    if attributes is None or not (rows or left_out):
        raise _damaged("a value")
    return Listed(list(rows), _columns(attributes, list(rows.values())), left_out)


def _words(lines: Iterable[str]) -> Iterator[list[str]]:
    """Each line's words, without empty lines and the number of pictures in the first."""
    rows = filter(None, (line.replace(",", " ").split() for line in lines))
    first = next(rows, [])
    if len(first) > 1:
        yield first
    yield from rows


def _columns(attributes: list[str], rows: list[str]) -> dict[str, np.ndarray]:
    """Attribute to values, from lines of numbers."""
    if not rows:
        return {name: np.empty(0, "int32") for name in attributes}
    try:
        values = np.loadtxt(rows, "int8", ndmin=2)
    except ValueError as error:
        raise _damaged("a value") from error
    if not {*np.unique(values)} <= {1, -1} and not {*np.unique(values)} <= {1, 0}:
        raise _damaged("a value")
    return dict(zip(attributes, (values == 1).astype("int32").T, strict=True))


def _damaged(where: str) -> ValueError:
    hint = "each row needs a picture's name and a 1 or -1 for every attribute"
    return ValueError(f"The list of attributes is damaged at {where}: {hint}.")


def celeba(files: Files, place: str | Path, count: int) -> tuple[Files, dict[str, np.ndarray]]:
    """CelebA among the files of somebody.

    Args:
        files: from :func:`helpers.data.files.find`.
        place: where they lie, for messages.
        count: at most how many pictures, the first of the list.

    Returns:
        The pictures, by their names in the list and in its order; and attribute to int32 of shape
        (n,), 1 for yes and 0 for no.

    Raises:
        ValueError: there is no list, it is damaged, or none of its pictures is there.
    """
    pictures = aligned(files.found)

    def place_of(name: str) -> str:
        return pictures.get(name) or pictures.get(PurePosixPath(name).stem, "")

    with _list_of_attributes(files) as lines:
        listed = parse_attributes(lines, lambda name: place_of(name) != "", count)
    left_out = files.left_out | listed.left_out
    if not listed.names:
        hint = "put them beside the list, and unpack archives inside an archive"
        said = f"None of the pictures that the list names is in {limits.printable(place)}"
        raise ValueError(f"{said} ({limits.named(left_out)}): {hint}.")
    places = {name: place_of(name) for name in listed.names}
    if len(places) < count:
        spare = set(pictures.values()) - set(places.values())
        left_out |= dict.fromkeys(sorted(spare), "is not listed")
    found = {name: files.found[place] for name, place in places.items()}
    return Files(found, left_out), listed.attributes


def _list_of_attributes(files: Files) -> io.TextIOWrapper:
    """The lines of CelebA's list."""
    for place, file in files.found.items():
        if PurePosixPath(place).name in ATTRIBUTES:
            return io.TextIOWrapper(io.BytesIO(file.read()), "utf-8-sig", errors="replace")
    why = f" (left out: {limits.named(files.left_out)})" if files.left_out else ""
    hint = "put it beside the pictures, as its authors publish it"
    raise ValueError(f"There is no {' or '.join(ATTRIBUTES)}{why}: {hint}.")
