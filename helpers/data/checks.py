"""Can a network learn from these numbers? If not, what is wrong with them?"""

import numpy as np

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
