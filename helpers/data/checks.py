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
