"""How do pictures of one's own take the place of a lab's data?

A lab has training pictures, test pictures that no training sees, a label for each, and sometimes
strangers: pictures of another kind. A folder has none of this. So here

    a share is held out     drawn by a seed, since names are often in an order that means something
    labels are clusters     ten, found by k-means (scikit-learn) in the pictures at 8 x 8 pixels:
                            they group by colour and layout, and nobody named them
    strangers are resized   to the side of one's own, grey repeated in three channels
"""

import numpy as np
from skimage.transform import resize_local_mean
from sklearn.cluster import KMeans

FEWEST = 100  # pictures: 80 to train, 20 to test
CLUSTERS = 10  # as many as MNIST and Fashion-MNIST have classes
CLUSTER_SIDE = 8  # in pixels, of the pictures that are compared


def cluster(train: np.ndarray, test: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Which of ten clusters of the training pictures each picture is nearest to.

    Args:
        train: in [0, 1], shape (n, side, side, channels), n of 10 or more.
        test: shape (m, side, side, channels).
        seed: of the first centres.

    Returns:
        int32 of shapes (n,) and (m,).
    """
    rows = [_resized(images, CLUSTER_SIDE).reshape(len(images), -1) for images in (train, test)]
    found = KMeans(CLUSTERS, n_init=1, random_state=seed).fit(rows[0])
    return found.labels_.astype("int32"), found.predict(rows[1]).astype("int32")


def held_out(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of training and of test pictures among `count`, both in an order drawn by the seed.

    Raises:
        ValueError: fewer than 100 pictures.
    """
    if count < FEWEST:
        hint = f"a lab needs {FEWEST} or more to train on some and test on others"
        raise ValueError(f"{count} pictures could be read: {hint}.")
    order = np.random.default_rng(seed).permutation(count)
    known = count - round(share * count)
    return order[:known], order[known:]


def in_shape(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Pictures brought to the shape of others: resized, grey repeated in three channels.

    Args:
        images: in [0, 1], shape (n, side, side, 1 or 3).
        shape: (side, side, channels) of the others; 3 channels where `images` have 3.
    """
    resized = _resized(images, shape[0])
    return np.broadcast_to(resized, (len(images), *shape)).copy()


def _resized(images: np.ndarray, side: int) -> np.ndarray:
    """Squares of another side, each pixel the mean of what it covers; in parts, to spare memory."""
    parts = [images[start : start + 100] for start in range(0, len(images), 100)]
    shape = side, side, images.shape[-1]
    resized = [resize_local_mean(part, (len(part), *shape)) for part in parts]
    return np.concatenate(resized).astype("float32")
