"""What does somebody's table say about their pictures?

    file,smile,hair
    in/ann.jpg,1,red
    bob.png,0,black

A row per picture, below a row with the names of the columns. The picture's name stands in the first
column, or in one that is called as in `NAME_COLUMNS`, with or without its folder. Every other
column is an attribute, of whole numbers or of words; words become codes, 0 for the first in sorted
order. Cells are divided by commas, semicolons or tabs, as spreadsheets write them.
"""

import csv
import io
import os
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from helpers.data import limits
from helpers.data.files import PICTURES, Files, expanded

NAME_COLUMNS = ("name", "file", "filename", "image")
DELIMITERS = ",;\t"
LARGEST = np.iinfo("int32").max
Rows = dict[int, list[str]]  # the number of a row, as a spreadsheet counts, to its cells


class Table(NamedTuple):
    """Names of pictures; attribute to int32 of shape (n,); attribute to the words of its codes."""

    names: list[str]
    attributes: dict[str, np.ndarray]
    words: dict[str, tuple[str, ...]]


class Listed(NamedTuple):
    """The files that a table names, and the row of each, from 0, by its place."""

    files: Files
    rows: dict[str, int]


def read(path: str | Path) -> Table:
    """Read a whole table.

    Raises:
        FileNotFoundError: there is no file at the path.
        ValueError: it is damaged; says in which row.
    """
    path = expanded(path)
    rows = _rows(path)
    header = _checked_header(path, rows)
    columns = dict(zip(header, zip(*rows.values(), strict=True), strict=True))
    named = next((title for title in header if title.lower() in NAME_COLUMNS), header[0])
    names = [PurePosixPath(cell.replace("\\", "/")).as_posix() for cell in columns.pop(named)]
    table = Table(names, {}, {})
    for title, cells in columns.items():
        if all(_number(cell) is None for cell in cells):
            table.words[title] = tuple(sorted(set(cells)))
            codes = {word: code for code, word in enumerate(table.words[title])}
            values = [codes[cell] for cell in cells]
        else:
            values = [_whole(path, *row, title) for row in zip(rows, cells, strict=True)]
        table.attributes[title] = np.array(values, "int32")
    return table


def _rows(path: Path) -> Rows:
    """The cells, without blanks around them, of every row that is not empty."""
    text, rows, number = _text(path), {}, 0
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, ""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, 1):
            if any(cells):
                rows[number] = [cell.strip() for cell in cells]
    except csv.Error as error:
        raise _damaged(path, number + 1, f"cannot be read ({error})", "mend it") from error
    return rows


def _text(path: Path) -> str:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no table at {limits.printable(path)}: check the path.")
    try:
        limits.check_bytes(path.name, path.stat().st_size or 1)
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise limits.NotRead(path.name, "cannot be opened", "check who may read it") from error
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise _damaged(path, row, "is not in UTF-8", "save the table as CSV in UTF-8") from error


def _checked_header(path: Path, rows: Rows) -> list[str]:
    """Take the names of the columns from the rows; what does not fit them is refused."""
    number, header = next(iter(rows.items()), (1, []))
    if len(rows) < 2:
        raise _damaged(
            path, number, "is the last", "write the columns' names, then a row a picture"
        )
    del rows[number]
    if any(title.lower().endswith(PICTURES) for title in header):
        raise _damaged(path, number, "names a picture", "begin with the columns' names")
    if len(set(header)) < len(header) or "" in header:
        raise _damaged(path, number, "has an empty or a double name", "give each column its own")
    for row, cells in rows.items():
        if len(cells) != len(header):
            said = f"has {len(cells)} cells and the first row {len(header)}"
            raise _damaged(path, row, said, "give each column one cell")
        if "" in cells:
            empty = header[cells.index("")]
            raise _damaged(path, row, f"has no {empty}", "fill it, or delete the row")
    return header


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _whole(path: Path, row: int, cell: str, title: str) -> int:
    number = _number(cell)
    if number is None or not (number.is_integer() and abs(number) <= LARGEST):
        hint = "fill this column with whole numbers alone, or with words alone"
        raise _damaged(path, row, f"has {cell} as {title}", hint)
    return int(number)


def _damaged(path: Path, row: int, said: str, hint: str) -> ValueError:
    name, said = limits.printable(path.name), limits.printable(said)
    return ValueError(f"{name} is damaged: row {row} {said}: {hint}.")


def choose(found: Files, names: list[str], folder: str | Path, table: str | Path) -> Listed:
    """The pictures that a table names, in the order of their places; others are left out.

    Args:
        found: all files, from :func:`helpers.data.files.find`.
        names: from the table.
        folder: where the files lie.
        table: the table's own path; it is no picture, should it lie among them.

    Raises:
        ValueError: none of the names belongs to a file.
    """
    folder, own = expanded(folder), os.path.realpath(expanded(table))
    places = [place for place in found.found if os.path.realpath(folder / place) != own]
    rows, left_out = _match(names, places, Path(os.path.abspath(folder)))
    if not rows:
        name, place = limits.printable(Path(table).name), limits.printable(folder)
        said = f"None of the pictures that {name} names is in {place}"
        hint = "write each name as the file's own, with its ending"
        raise ValueError(f"{said} ({limits.named(left_out)}): {hint}.")
    left_out |= {place: "is not in the table" for place in places if place not in rows}
    chosen = {place: found.found[place] for place in places if place in rows}
    return Listed(Files(chosen, found.left_out | left_out), rows)


def _match(
    names: list[str], places: list[str], folder: Path
) -> tuple[dict[str, int], dict[str, str]]:
    """Place to row, and the names that belong to no picture or not to one alone, with reasons.

    A name with folders belongs to the pictures whose whole path ends so.
    """
    by_name: dict[str, list[str]] = {}
    for place in places:
        by_name.setdefault(PurePosixPath(place).name, []).append(place)
    rows, left_out = {}, {}
    for row, name in enumerate(names):
        same = by_name.get(PurePosixPath(name).name, [])
        ending = f"/{name.lstrip('/')}"
        fitting = [place for place in same if f"{folder.as_posix()}/{place}".endswith(ending)]
        fitting = [name] if name in same else fitting
        if len(fitting) != 1:
            why = "is the name of several pictures" if fitting else "is listed and not there"
            left_out[name] = why
        elif fitting[0] in rows:
            left_out[name] = "is listed twice"
        else:
            rows[fitting[0]] = row
    return rows, left_out
