"""Can a network learn from these numbers? If not, what is wrong with them?"""

import numpy as np


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


def check_real(real: np.ndarray, shape: tuple, least: int) -> None:
    """Refuse pictures or points that a GAN cannot learn from.

    Args:
        real: should be finite, of shape (n, *shape); pictures in [-1, 1], points of any range.
        shape: of one picture or point, as the discriminator takes it.
        least: how many a step needs.

    Raises:
        ValueError: one sentence that says what is wrong and how to mend it.
    """
    if real.shape[1:] != shape:
        hint = f"use (n, {', '.join(map(str, shape))}), as the discriminator takes"
        raise ValueError(f"The pictures have shape {real.shape}: {hint}.")
    if len(real) < least:
        hint = "use a smaller batch_size or more pictures"
        raise ValueError(f"A step needs {least} pictures and there are {len(real)}: {hint}.")
    low, high = float(np.min(real)), float(np.max(real))
    if not np.isfinite([low, high]).all():
        hint = "look for what is not a number, or infinite"
        raise ValueError(f"The pictures lie in [{low:g}, {high:g}]: {hint}.")
    if len(shape) == 3 and (low < -1.001 or high > 1.001):
        hint = "bring them to [-1, 1] with data.to_tanh_range"
        raise ValueError(f"The pictures lie in [{low:g}, {high:g}]: {hint}.")


def split_conditions(x, conditional: bool) -> list:
    """What `fit` was given, as a list: pictures, and as many conditions if networks take some.

    Args:
        x: one array of pictures, or `[pictures, conditions]`.
        conditional: which of the two it should be.

    Raises:
        ValueError: it is the other one, or the two are not equally many.
    """
    listed = isinstance(x, (list, tuple))
    if listed != conditional or (listed and len(x) != 2):
        wanted = "[pictures, conditions]" if conditional else "one array of pictures"
        raise ValueError(f"These networks learn from {wanted}: call fit({wanted}).")
    parts = list(x) if listed else [x]
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        hint = "give one row of conditions for each picture"
        raise ValueError(f"There are {lengths[0]} pictures and {lengths[1]} rows: {hint}.")
    return parts
