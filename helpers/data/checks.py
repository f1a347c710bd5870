"""Can a network learn from these numbers, or a widget show them? If not, what is wrong?"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import ArrayLike

MOST_CODES = 1000  # of one attribute: each takes a column


def check_images(images: np.ndarray) -> None:
    """Refuse arrays that are not a batch of images in [0, 1].

    Args:
        images: should be floats of shape (n, height, width, channels) with n of 1 or more.

    Raises:
        ValueError: one sentence that says what is wrong and how to mend it.
    """
    images = np.asarray(images)
    if images.dtype.kind not in "fiub":
        raise ValueError(f"images hold {images.dtype}: give an array of numbers, without text.")
    if images.ndim != 4 or not images.size:
        hint = "use (n, height, width, channels), for example images[:, :, :, np.newaxis]"
        raise ValueError(f"images have shape {images.shape}: {hint}.")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):
        hint = "scale them to [0, 1], for example images / 255"
        raise ValueError(f"images reach from {low:g} to {high:g}: {hint}.")


def check_rows(arrays: Mapping[str, ArrayLike]) -> None:
    """Refuse arrays that hold no finite numbers, or not a row for each row of the first.

    Args:
        arrays: what each is called, to numbers of shape (n, ...), n of 1 or more.

    Raises:
        ValueError: one sentence that names the array and what is wrong with it.
    """
    first, count = "", None
    for name, given in arrays.items():
        values = np.asarray(given)
        if values.dtype.kind not in "fiub" or not (values.ndim and values.size):
            said = f"There are no numbers in {name} ({values.dtype} of shape {values.shape})"
            raise ValueError(f"{said}: give one row or more.")
        if not np.isfinite(values).all():
            hint = "look for what is NaN or infinite, and for what made it"
            raise ValueError(f"Some numbers of {name} are not finite: {hint}.")
        if count is None:
            first, count = name, len(values)
        if len(values) != count:
            said = f"There are {len(values)} rows of {name} and {count} of {first}"
            raise ValueError(f"{said}: give one for each.")


def check_each(name: str, arrays: Collection[ArrayLike], fewest: int = 1) -> None:
    """Refuse too few arrays, and among them one without finite numbers; their shapes may differ.

    Args:
        name: what they are called, in the plural.
        arrays: of any shapes.
        fewest: how many there have to be.

    Raises:
        ValueError: one sentence that says what is wrong.
    """
    if len(arrays) < fewest:
        raise ValueError(f"There are {len(arrays)} {name}: give {fewest} or more.")
    for array in arrays:
        check_rows({name: array})


def as_codes(name: str, values: np.ndarray) -> np.ndarray:
    """Values of an attribute as an array, refused where they are no codes from 0 on.

    Raises:
        ValueError: one sentence that names the attribute and what is wrong with its values.
    """
    values = np.asarray(values)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iu":
        said = f"{name} holds {values.dtype} of shape {values.shape}"
        raise ValueError(f"{said}: use whole numbers of shape (n,), n of 1 or more.")
    if values.min() < 0 or values.max() >= MOST_CODES:
        wrong = values.min() if values.min() < 0 else values.max()
        hint = f"use whole numbers from 0 on and below {MOST_CODES:,}, for example 0, 1"
        raise ValueError(f"{name} holds {wrong}: {hint}.")
    return values
