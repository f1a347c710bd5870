"""Where are the files in a folder or archive of somebody else?

Wherever they lie: in folders below, behind links, in a .zip, and in a .zip inside a folder. Nothing
is unpacked to the disk. Each folder is entered once, and what is hidden is not looked at.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from helpers.data import limits

PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".jp2", ".ppm", ".pgm"),
)
BROKEN_ZIP = (
    OSError, ValueError, RuntimeError, EOFError, LookupError, OverflowError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


class File(NamedTuple):
    """A file to read: what gives its bytes, and a stamp that changes when they do.

    The stamp is its size in bytes and the nanosecond of its last change; inside an archive those of
    the archive, then the size in bytes and the checksum (CRC-32) of the member.
    """

    read: Callable[[], bytes]
    stamp: tuple[int, ...]


class Files(NamedTuple):
    """Files to read, by their places, and why others were left out, place to reason."""

    found: dict[str, File]
    left_out: dict[str, str]


def expanded(path: str | Path) -> Path:
    """A path as a learner writes it, with their home folder in place of ``~``.

    Raises:
        ValueError: it is no path at all.
    """
    if not isinstance(path, (str, os.PathLike)):
        hint = "write where the file or folder is, in quotation marks"
        raise ValueError(f"A {type(path).__name__} is no path: {hint}.")
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
    if os.path.isfile(path):
        return _members(path, path.name)
    if not os.path.isdir(path):
        raise FileNotFoundError(f"There is nothing at {limits.printable(path)}: check the path.")
    outside = below(path)
    found, left_out = {}, dict(outside.left_out)
    for place, file in outside.found.items():
        if not place.lower().endswith(".zip"):
            found[place] = file
            continue
        try:
            inside = _members(path / place, place)
            found |= {f"{place}/{name}": member for name, member in inside.found.items()}
            left_out |= {f"{place}/{name}": why for name, why in inside.left_out.items()}
        except limits.NotRead as error:
            left_out[place] = error.reason
    return Files(found, left_out)


def below(folder: Path) -> Files:
    """Every file below a folder that is not hidden; links are followed, each folder entered once.

    Raises:
        ValueError: there are over a million.
    """
    paths: dict[tuple[str, ...], str] = {}
    left_out, entered = {}, set()

    def closed(error: OSError) -> None:
        left_out[Path(error.filename).relative_to(folder).as_posix()] = "cannot be opened"

    for current, folders, names in os.walk(folder, onerror=closed, followlinks=True):
        real = os.path.realpath(current)
        folders[:] = sorted(filter(_visible, folders)) if real not in entered else []
        if real not in entered:
            inner = Path(current).relative_to(folder).parts
            seen = filter(_visible, names)
            paths |= {(*inner, name): os.path.join(current, name) for name in seen}
        entered.add(real)
        if len(paths) > limits.MOST_FILES:
            hint = "give the folder of the pictures itself"
            said = f"{limits.printable(folder)} holds over {limits.MOST_FILES:,} files"
            raise ValueError(f"{said}: {hint}.")
    found = {}
    for parts in sorted(paths):
        path, place = paths[parts], "/".join(parts)
        if stamp := _stamp(path):
            found[place] = File(partial(_read_file, path, place), stamp)
        else:
            left_out[place] = "is a broken link, or no file"
    return Files(found, left_out)


def _stamp(path: str | Path) -> tuple[int, ...] | None:
    """A file's bytes and the time of its last change; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _visible(name: str) -> bool:
    return not name.startswith((".", "__MACOSX"))


def _read_file(path: str, name: str) -> bytes:
    try:
        limits.check_bytes(name, os.stat(path).st_size)
        return Path(path).read_bytes()
    except OSError as error:
        raise limits.NotRead(name, "cannot be opened", "check who may read it") from error


def _members(path: Path, name: str) -> Files:
    """What is inside an archive; what is hidden, locked or too large is not read."""
    outside = _stamp(path) or ()
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN_ZIP as error:
        hint = "give a folder or a whole .zip; unpack other archives first"
        raise limits.NotRead(name, "is no .zip, or is damaged", hint) from error
    found, left_out = {}, {}
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        if member.is_dir() or not all(map(_visible, member.filename.split("/"))):
            continue
        if reason := _obstacle(member):
            left_out[member.filename] = reason
        else:
            if member.filename in found:
                left_out[member.filename] = "is there again in its archive, and the last is taken"
            stamp = (*outside, member.file_size, member.CRC)
            found[member.filename] = File(partial(_read_member, archive, member), stamp)
    return Files(found, left_out)


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
