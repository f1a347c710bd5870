"""How do all the pictures of a folder become one array?

    found      wherever they lie, see :mod:`helpers.data.files`
    decoded    by several threads, see :mod:`helpers.data.decoding`; in the order of their places
    kept       in the cache, under a name that changes with whatever would change the pictures

Pictures are held as they come from a screen, in 256 levels a channel, until the last step makes
floats of them: so the cache is a quarter of their size. Of one folder the cache keeps the `KEPT`
arrays that were made last (of several sizes, say) and deletes older ones.
"""

import contextlib
import hashlib
import inspect
import io
import json
import os
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import runtime
from helpers.data import cache, decoding, limits
from helpers.data.files import File, Files, expanded

THREADS = min(runtime.CORES, 4)  # each may take `limits.DECODING_BYTES`
FEW = 100  # pictures that are read so soon that no progress is shown
KEPT = 4
PACKAGES = ("pillow", "numpy")


class Decoded(NamedTuple):
    """Pictures, their places in the same order, and why files were left out, place to reason.

    `levels` is uint8, from 0 to 255, of shape (n, size, size, 3).
    """

    levels: np.ndarray
    places: list[str]
    left_out: dict[str, str]


def decode_all(
    files: Files, path: str | Path, size: int, count: int, fit: str = "crop", margin: float = 0.0
) -> Decoded:
    """The first pictures among some files that can be read.

    Args:
        files: those to read, and those left out already.
        path: where they lie, for messages.
        size: side of the squares in pixels.
        count: at most how many; no more than there are files.
        fit: how a picture becomes square, one of :data:`helpers.data.decoding.FITS`.
        margin: the share of width and height cut off every side before a crop.

    Raises:
        ValueError: none can be read.
    """
    levels = np.empty((count, size, size, 3), "uint8")
    places: list[str] = []
    left_out, show = {}, _progress_bar(count)
    decode = partial(_decode, size, fit, margin)
    results = contextlib.closing(_in_order(decode, files.found.items()))
    with decoding.complaints_as_errors(), results as decoded:
        for place, pixels in decoded:
            if isinstance(pixels, str):
                left_out[place] = pixels
                continue
            levels[len(places)] = pixels
            places.append(place)
            show(len(places), finalize=False)
            if len(places) == count:
                break
    show(len(places), finalize=True)
    if not places:
        raise _no_picture(files, path, left_out)
    return Decoded(levels[: len(places)], places, left_out)


def _decode(
    size: int, fit: str, margin: float, named: tuple[str, File]
) -> tuple[str, np.ndarray | str]:
    """A file's place, and its picture as levels, or else the reason why there is none."""
    place, file = named
    try:
        pixels = decoding.read_pixels(io.BytesIO(file.read()), place, size, fit, margin)
    except limits.NotRead as error:
        return place, error.reason
    return place, np.rint(255 * pixels).astype("uint8")


def _in_order(function: Callable, items: Iterable) -> Generator:
    """A function's results in the order of the items, from threads that run a little ahead."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _progress_bar(count: int) -> Callable:
    """What shows how many are done; nothing where they are few."""
    if count < FEW:
        return lambda done, finalize: None
    from keras.utils import Progbar  # brings TensorFlow

    return Progbar(count, unit_name="picture").update


def _no_picture(files: Files, path: str | Path, left_out: dict[str, str]) -> ValueError:
    total, left_out = len(files.found) + len(files.left_out), files.left_out | left_out
    why = f" ({limits.named(left_out)})" if left_out else ""
    said = f"{limits.printable(path)} holds no picture"
    return ValueError(f"{said}: of {total} files none can be read{why}.")


def warn_of_left_out(files: Files, decoded: Decoded) -> None:
    """Count and name the files that became no picture, in a warning where the learner called."""
    total, left_out = len(files.found) + len(files.left_out), files.left_out | decoded.left_out
    if left_out:
        said = f"Left out {len(left_out):,} of {total:,} files: {limits.named(left_out)}."
        warnings.warn(said, stacklevel=3)


def recipe(files: Files, size: int, count: int, fit: str) -> str:
    """Twelve hexadecimal digits that change with anything that would change the pictures.

    That is the place and the stamp of every file, the arguments, the code that decodes, and the
    packages that it calls.
    """
    stamps = {place: file.stamp for place, file in files.found.items()}
    code = [inspect.getsource(part) for part in (decoding, limits, decode_all, _decode)]
    versions = [version(package) for package in PACKAGES]
    decides = [stamps, size, count, fit, code, versions]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


def cached(files: Files, path: str | Path, size: int, count: int, fit: str) -> Decoded:
    """As :func:`decode_all`, from the cache while nothing has changed.

    Raises:
        ValueError: none can be read.
        DataError: the cache cannot be written.
    """
    folder = hashlib.sha256(os.fsencode(os.path.realpath(expanded(path))))
    prefix = f"pictures_{folder.hexdigest()[:12]}_"

    def make() -> cache.Arrays:
        cache.keep_newest(prefix, KEPT - 1)
        decoded = decode_all(files, path, size, count, fit)
        named = json.dumps([decoded.places, decoded.left_out]).encode()
        return {"levels": decoded.levels, "files": np.frombuffer(named, "uint8")}

    arrays = cache.compute(f"{prefix}{size}px_{recipe(files, size, count, fit)}", make)
    places, left_out = json.loads(arrays["files"].tobytes())
    return Decoded(arrays["levels"], places, left_out)
