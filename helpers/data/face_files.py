"""Where are the pictures in a folder or archive of somebody else, and what is known of them?

    data set    pictures                                      labels
    CelebA      img_align_celeba/000001.jpg, 178 x 218        list_attr_celeba.txt or .csv
    anime       any folder of pictures, 64 x 64               none

CelebA's own folders are Anno, Eval and Img, and its pictures are a .zip inside Img; copies
elsewhere are flat, hold a folder in a folder, or hold the pictures in another format. So files are
found by their names, wherever they lie, in folders, in a .zip, and in a .zip inside a folder, and a
picture belongs to a row of the list by its name without the ending. Nothing is unpacked to the
disk. Links are followed, each folder is entered once, and what is hidden is not looked at.

The list of attributes has a row per picture: its name, then 40 values of 1 (yes) or -1 (no); some
copies have 0 for no. As .txt a line with the number of pictures and a line with the names come
first; as .csv a line with the names does.

Liu, Luo, Wang and Tang, ICCV 2015 (CelebA).
"""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from helpers.data import limits

PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".jp2", ".ppm", ".pgm"),
)
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
ALIGNED = "img_align_celeba"
BROKEN_ZIP = (
    OSError, ValueError, RuntimeError, EOFError, LookupError, OverflowError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
Readers = dict[str, Callable[[], bytes]]


class Files(NamedTuple):
    """Files to read, place to function that gives the bytes, and why others were left out."""

    readers: Readers
    left_out: dict[str, str]


class Listed(NamedTuple):
    """Rows of CelebA's list: names, attribute to values of shape (n,), and what was left out."""

    names: list[str]
    attributes: dict[str, np.ndarray]
    left_out: dict[str, str]


def expanded(path: str | Path) -> Path:
    """A path as a learner writes it, with their home folder in place of ``~``."""
    return Path(os.path.expanduser(path))


def find(path: str | Path) -> Files:
    """Every file below a folder or inside a .zip, hidden ones left out.

    Args:
        path: the folder or the archive; archives inside the folder are looked into.

    Returns:
        The files in the order of their places, and those that cannot be read.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: the path is a file and no .zip, or there are too many files.
    """
    path = expanded(path)
    if not path.exists():
        raise FileNotFoundError(f"There is nothing at {path}: check the path.")
    if path.is_file():
        return _members(path, path.name)
    outside = below(path)
    readers, left_out = {}, dict(outside.left_out)
    for place, read in outside.readers.items():
        if not place.lower().endswith(".zip"):
            readers[place] = read
            continue
        try:
            inside = _members(path / place, place)
            readers |= {f"{place}/{name}": member for name, member in inside.readers.items()}
            left_out |= {f"{place}/{name}": why for name, why in inside.left_out.items()}
        except limits.NotRead as error:
            left_out[place] = error.reason
    return Files(readers, left_out)


def below(folder: Path) -> Files:
    """Every file below a folder that is not hidden; links are followed, each folder entered once.

    Raises:
        ValueError: there are over a million.
    """
    paths, left_out, entered = [], {}, set()

    def closed(error: OSError) -> None:
        left_out[Path(error.filename).relative_to(folder).as_posix()] = "cannot be opened"

    for current, folders, names in os.walk(folder, onerror=closed, followlinks=True):
        real = os.path.realpath(current)
        folders[:] = sorted(filter(_visible, folders)) if real not in entered else []
        if real not in entered:
            paths += [Path(current, name) for name in filter(_visible, names)]
        entered.add(real)
        if len(paths) > limits.MOST_FILES:
            hint = "give the folder of the pictures itself"
            raise ValueError(f"{folder} holds over {limits.MOST_FILES:,} files: {hint}.")
    readers: Readers = {}
    for path in sorted(paths):
        place = path.relative_to(folder).as_posix()
        if path.is_file():
            readers[place] = partial(_read_file, path, place)
        else:
            left_out[place] = "is a broken link, or no file"
    return Files(readers, left_out)


def _visible(place: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(place).parts)


def _read_file(path: Path, name: str) -> bytes:
    try:
        limits.check_bytes(name, path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise limits.NotRead(name, "cannot be opened", "check who may read it") from error


def _members(path: Path, name: str) -> Files:
    """What is inside an archive; what is hidden, locked or too large is not read."""
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN_ZIP as error:
        hint = "give a folder or a whole .zip; unpack other archives first"
        raise limits.NotRead(name, "is no .zip, or is damaged", hint) from error
    readers: Readers = {}
    left_out = {}
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        if member.is_dir() or not _visible(member.filename):
            continue
        if reason := _obstacle(member):
            left_out[member.filename] = reason
        else:
            readers[member.filename] = partial(_read_member, archive, member)
    return Files(readers, left_out)


def _obstacle(member: zipfile.ZipInfo) -> str | None:
    """Why a member of an archive cannot be read; None where nothing speaks against it."""
    if member.flag_bits & 1:
        return "is locked by a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not read"
    try:
        limits.check_bytes(member.filename, member.file_size)
    except limits.NotRead as error:
        return error.reason
    return None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Its bytes, never more than it claims to have."""
    try:
        with archive.open(member) as stream:
            return stream.read(member.file_size + 1)
    except BROKEN_ZIP as error:
        hint = "copy or download the archive again"
        raise limits.NotRead(member.filename, "is damaged in its archive", hint) from error


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
            raise _damaged(f"row {name}")
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
        files: from :func:`find`.
        place: where they lie, for messages.
        count: at most how many pictures, the first of the list.

    Returns:
        The pictures, by their names in the list and in its order; and attribute to int32 of shape
        (n,), 1 for yes and 0 for no.

    Raises:
        ValueError: there is no list, it is damaged, or none of its pictures is there.
    """
    pictures = aligned(files.readers)

    def place_of(name: str) -> str:
        return pictures.get(name) or pictures.get(PurePosixPath(name).stem, "")

    with _list_of_attributes(files) as lines:
        listed = parse_attributes(lines, lambda name: place_of(name) != "", count)
    left_out = files.left_out | listed.left_out
    if not listed.names:
        hint = "put them beside the list, and unpack archives inside an archive"
        said = f"None of the pictures that the list names is in {place}"
        raise ValueError(f"{said} ({limits.named(left_out)}): {hint}.")
    places = {name: place_of(name) for name in listed.names}
    if len(places) < count:
        spare = set(pictures.values()) - set(places.values())
        left_out |= dict.fromkeys(sorted(spare), "is not listed")
    readers = {name: files.readers[place] for name, place in places.items()}
    return Files(readers, left_out), listed.attributes


def _list_of_attributes(files: Files) -> io.TextIOWrapper:
    """The lines of CelebA's list."""
    for place, read in files.readers.items():
        if PurePosixPath(place).name in ATTRIBUTES:
            return io.TextIOWrapper(io.BytesIO(read()), "utf-8-sig", errors="replace")
    why = f" (left out: {limits.named(files.left_out)})" if files.left_out else ""
    hint = "put it beside the pictures, as its authors publish it"
    raise ValueError(f"There is no {' or '.join(ATTRIBUTES)}{why}: {hint}.")
