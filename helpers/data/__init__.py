"""Which pictures can a lab learn from?

    mnist(), fashion_mnist(), cifar10()    fetched and verified, see :mod:`helpers.data.sources`
    avatars()                              faces drawn by :mod:`helpers.data.faces`
    pictures(path, size)                   your own folder or .zip, see :mod:`helpers.data.folders`,
                                           and your table of them, see :mod:`helpers.data.tables`
    own_splits(path, size)                 the same for a lab: training, test and clusters; or as
    own_faces(path, size)                  faces, with attributes; see :mod:`helpers.data.own`
    celeba(path)                           your copy of it, see :mod:`helpers.data.face_files`
    load_image, photographs, style_images  one picture, or a few, see :mod:`helpers.data.images`
    check_images                           what an encoder refuses, see :mod:`helpers.data.checks`

Images leave this package as float32 in [0, 1], with the channel last. Clouds of points on the plane
are in :mod:`helpers.data.toys`.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import runtime
from helpers.data import (
    cache,
    decoding,
    face_files,
    faces,
    files,
    folders,
    limits,
    own,
    sources,
    tables,
)
from helpers.data.checks import as_codes, check_images
from helpers.data.images import (
    STARRY_NIGHT,
    load_image,
    photographs,
    style_images,
    to_tanh_range,
    to_unit_range,
)
from helpers.data.own import in_shape

__all__ = [
    "STARRY_NIGHT", "Faces", "Pictures", "Split", "avatars", "celeba", "check_images", "cifar10",
    "fashion_mnist", "in_shape", "load_image", "mnist", "one_hot", "own_faces", "own_splits",
    "photographs", "pictures", "style_images", "style_weights", "to_tanh_range", "to_unit_range",
]  # fmt: skip
CELEBA_MARGIN = 15 / 178  # on each side of an aligned picture; what is left is the face


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


class Pictures(NamedTuple):
    """Images, float32 in [0, 1] of shape (n, size, size, 3), and what a table says about them.

    `attributes` maps each column of the table to its values, int32 of shape (n,); `words` maps each
    column of words to the words that the values stand for: value 0 for the first. Both are empty
    where there is no table.
    """

    images: np.ndarray
    attributes: dict[str, np.ndarray]
    words: dict[str, tuple[str, ...]]


def _as_shares(levels: np.ndarray) -> np.ndarray:
    """Levels from 0 to 255 as float32 in [0, 1]."""
    return np.divide(levels, 255, dtype="float32")


def _load(name: str, dataset: cache.Dataset) -> tuple[Split, Split]:
    arrays = cache.load(name, dataset)
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
    return _load("mnist", sources.DATASETS["mnist"])


def fashion_mnist() -> tuple[Split, Split]:
    """Clothes in ten classes; sizes, shapes and errors as :func:`mnist`."""
    return _load("fashion_mnist", sources.DATASETS["fashion_mnist"])


def cifar10() -> tuple[Split, Split]:
    """Small colour photographs in ten classes, 50,000 to train on and 10,000 to test on.

    Fetched when first asked for, 170 MB; no package carries them.

    Returns:
        `(train, test)`, each with `images`, float32 in [0, 1] of shape (n, 32, 32, 3), and
        `labels`, int32 from 0 to 9 of shape (n,).

    Raises:
        DataError: the host did not answer with the right bytes.
    """
    return _load("cifar10", sources.CIFAR10)


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
    return cache.load("style_weights", sources.DATASETS["style_weights"])


def _checked(size: int, count: int) -> tuple[int, int]:
    """Size and count as whole numbers, if they are some that faces can have."""
    if not all(map(runtime.is_count, (size, count))) or size not in range(16, 513):
        hint = "use a size from 16 to 512 and a count of 1 or more"
        raise ValueError(f"size is {size} and count {count}: {hint}.")
    return int(size), int(count)


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
        ValueError: a size or count outside its range, or more faces than the memory holds.
        DataError: they are not in the cache, and it cannot be written.
    """
    size, count = _checked(size, count)
    seed = runtime.check_seed(seed)
    limits.check_memory(count, size)
    name = f"avatars_{size}px_{faces.recipe(size, count, seed)}"
    arrays = cache.compute(name, lambda: faces.draw(size, count, seed))
    return Faces(_as_shares(arrays.pop("images")), arrays)


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
        ValueError: no list of attributes, a damaged one, none of its pictures is there, a size or
            count outside its range, or more pictures than the memory holds.
    """
    size, count = _checked(size, count)
    found, attributes = face_files.celeba(files.find(path), path, count)
    limits.check_memory(len(found.found), size)
    decoded = folders.decode_all(found, path, size, len(found.found), margin=CELEBA_MARGIN)
    folders.warn_of_left_out(found, decoded)
    is_kept = np.isin(list(found.found), decoded.places)
    attributes = {name: values[is_kept] for name, values in attributes.items()}
    return Faces(_as_shares(decoded.levels), attributes)


def pictures(
    path: str | Path,
    size: int,
    count: int | None = None,
    fit: str = "crop",
    table: str | Path | None = None,
) -> Pictures:
    """Pictures of your own, from a folder or a .zip, to train a lab on.

    All formats of :func:`load_image` are read; what cannot be read is left out, counted and named
    in a warning. A picture takes some milliseconds the first time. Then the array comes from the
    cache, until a file changes; :mod:`helpers.data.folders` says what is kept there.

    Args:
        path: the folder, or the .zip. Folders and archives below it are read too, linked ones
            included; what is hidden is not.
        size: side in pixels, from 1 to 4,000.
        count: at most how many, the first by name that can be read; None for all.
        fit: how a picture becomes square: ``"crop"`` cuts the largest square from its middle,
            ``"pad"`` keeps all of it, on white.
        table: path of a CSV with a row per picture, see :mod:`helpers.data.tables`; pictures that
            are not in it are left out. None where nothing is known of them.

    Returns:
        `images` in the order of their names, in 256 levels a channel; `attributes` and `words`,
        see :class:`Pictures`.

    Raises:
        FileNotFoundError: there is nothing at the path, or no table.
        ValueError: no picture can be read, the table is damaged, an argument is out of its range,
            or the memory does not hold so many.
        DataError: the cache cannot be written.
    """
    size, fit = decoding.checked_side(size), decoding.checked_fit(fit)
    if count is not None:
        runtime.check_count(count=count)
    found, rows, listed = files.find(path), {}, tables.Table([], {}, {})
    if table is not None:
        listed = tables.read(table)
        found, rows = tables.choose(found, listed.names, path, table)
    count = min(int(count or len(found.found)), len(found.found))
    limits.check_memory(count, size)
    decoded = folders.cached(found, path, size, count, fit)
    folders.warn_of_left_out(found, decoded)
    kept = [rows[place] for place in decoded.places if place in rows]
    attributes = {name: values[kept] for name, values in listed.attributes.items()}
    return Pictures(_as_shares(decoded.levels), attributes, listed.words)


def _checked_side(size: int) -> int:
    if not runtime.is_count(size) or size not in (32, 64, 128):
        raise ValueError(f"SIZE is {size}: use 32, 64 or 128.")
    return int(size)


def own_splits(
    path: str | Path, size: int, share: float = 0.2, seed: int = 0
) -> tuple[Split, Split]:
    """Training and test pictures of your own, in place of a lab's data set.

    Labels are ten clusters that k-means finds, see :mod:`helpers.data.own`: they stand where a lab
    has classes.

    Args:
        path: a folder or a .zip, as for :func:`pictures`.
        size: side in pixels: 32, 64 or 128, which the labs' networks can halve and double.
        share: of the pictures to hold out for testing.
        seed: which ones.

    Returns:
        Training and test split, both in an order drawn by the seed.

    Raises:
        ValueError: another size, fewer than 100 pictures, or as for :func:`pictures`.
        FileNotFoundError: there is nothing at the path.
        DataError: the cache cannot be written.
    """
    images = pictures(path, _checked_side(size)).images
    train, test = (images[places] for places in own.held_out(len(images), share, seed))
    labels, test_labels = own.cluster(train, test, seed)
    return Split(train, labels), Split(test, test_labels)


def own_faces(
    path: str | Path, size: int, table: str | Path | None = None, count: int | None = None
) -> Faces:
    """Pictures of your own in place of :func:`avatars`, with five attributes or more.

    Columns of a table are attributes; others are measured from the pixels and named in print, see
    :mod:`helpers.data.own`.

    Args:
        path: a folder or a .zip, as for :func:`pictures`.
        size: side in pixels: 32, 64 or 128.
        table: path of a CSV with a row per picture, see :mod:`helpers.data.tables`, or None.
        count: at most how many, the first by name that can be read; None for all.

    Returns:
        `images` in a drawn order, always the same, and `attributes`, columns of the table first.

    Raises:
        ValueError: another size, fewer than 100 pictures, fewer than five attributes, or as for
            :func:`pictures`.
        FileNotFoundError: there is nothing at the path, or no table.
        DataError: the cache cannot be written.
    """
    found = pictures(path, _checked_side(size), count, table=table)
    order, _ = own.held_out(len(found.images), share=0, seed=0)
    listed = {name: values[order] for name, values in found.attributes.items()}
    images = found.images[order]
    return Faces(images, own.attributes(listed, images))


def one_hot(attributes: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Some attributes as the conditions that a network is told: one column per value.

    Args:
        attributes: name to whole numbers from 0 on, shape (n,), each value taken at least once.
        names: which, in the order of the columns.

    Returns:
        float32 of shape (n, total number of values); in each row, one 1 per attribute.

    Raises:
        ValueError: no name, an unknown one, or values that are no whole numbers from 0 on.
    """
    if isinstance(names, str) or not names:
        raise ValueError(f'names are {names!r}: give several in brackets, as ("smile",).')
    unknown = [name for name in names if name not in attributes]
    if unknown:
        raise ValueError(f"There is no {', '.join(unknown)}: choose from {', '.join(attributes)}.")
    columns = [as_codes(name, attributes[name]) for name in names]
    parts = [codes[:, np.newaxis] == np.arange(codes.max() + 1) for codes in columns]
    return np.concatenate(parts, axis=1).astype("float32")
