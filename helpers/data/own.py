"""How do pictures of one's own take the place of a lab's data?

A lab has training pictures, test pictures that no training sees, a label for each, and sometimes
strangers: pictures of another kind. A folder has none of this. So here

    a share is held out     drawn by a seed, since names are often in an order that means something
    labels are clusters     ten, found by k-means (scikit-learn) in the pictures at 8 x 8 pixels:
                            they group by colour and layout, and nobody named them
    strangers are resized   to the side of one's own, grey repeated in three channels
    attributes are columns  of a table, where there is one; others are measured from the pixels, yes
                            for the half of the pictures that has more of it
"""

import warnings

import numpy as np
from skimage.transform import resize_local_mean
from sklearn.cluster import KMeans

from helpers import runtime

FEWEST = 100  # pictures: 80 to train, 20 to test
CLUSTERS = 10  # as many as MNIST and Fashion-MNIST have classes
CLUSTER_SIDE = 8  # in pixels, of the pictures that are compared
FEWEST_ATTRIBUTES = 5  # as many as labs 08 and 11 have sliders for
MOST_VALUES, FEWEST_OF_A_VALUE = 10, 10  # of an attribute; pictures that share one value of it
MEASURES = {
    "bright": "mean of all values",
    "warm": "red minus blue",
    "colourful": "largest minus smallest channel",
    "contrast": "standard deviation of the grey values",
    "light_above": "upper half minus lower half",
    "light_left": "left half minus right half",
    "light_middle": "middle quarter minus the whole",
}


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
        ValueError: fewer than 100 pictures, or no share or seed.
    """
    runtime.check_share(share=share)
    if count < FEWEST:
        hint = f"a lab needs {FEWEST} or more to train on some and test on others"
        raise ValueError(f"{count} pictures could be read: {hint}.")
    order = np.random.default_rng(runtime.check_seed(seed)).permutation(count)
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


def amounts(images: np.ndarray) -> dict[str, np.ndarray]:
    """How much each picture has of each of `MEASURES`.

    Args:
        images: in [0, 1], shape (n, side, side, 3), side divisible by 4.

    Returns:
        Name to numbers of shape (n,).
    """
    grey, half, quarter = images.mean(axis=3), images.shape[1] // 2, images.shape[1] // 4
    middle = slice(quarter, 3 * quarter)
    over_places = {"axis": (1, 2)}
    return {
        "bright": grey.mean(**over_places),
        "warm": (images[..., 0] - images[..., 2]).mean(**over_places),
        "colourful": np.ptp(images, axis=3).mean(**over_places),
        "contrast": grey.std(**over_places),
        "light_above": (grey[:, :half] - grey[:, half:]).mean(**over_places),
        "light_left": (grey[:, :, :half] - grey[:, :, half:]).mean(**over_places),
        "light_middle": grey[:, middle, middle].mean(**over_places) - grey.mean(**over_places),
    }


def attributes(listed: dict[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
    """What a lab can learn of its pictures: columns of a table, and what is measured; says which.

    Args:
        listed: column to values, whole numbers of shape (n,); empty where there is no table.
        images: in [0, 1], shape (n, side, side, 3).

    Returns:
        Attribute to whole numbers from 0 on, in the order of a column's values, int32 of shape
        (n,); columns first.

    Raises:
        ValueError: there are fewer than five.
    """
    found = {name: values for name, values in listed.items() if _tells_apart(values)}
    if left_out := [name for name in listed if name not in found]:
        rule = f"an attribute has 2 to {MOST_VALUES} values, {FEWEST_OF_A_VALUE} pictures each"
        said = f"Left out {len(left_out)} of {len(listed)} columns, as {rule}"
        warnings.warn(f"{said}: {', '.join(left_out)}.", stacklevel=3)
    halves = {name: values > np.median(values) for name, values in amounts(images).items()}
    measured = [n for n, values in halves.items() if n not in listed and _tells_apart(values)]
    found |= {name: halves[name] for name in measured}
    if len(found) < FEWEST_ATTRIBUTES:
        hint = f"give a table with more columns, so that there are {FEWEST_ATTRIBUTES}"
        raise ValueError(f"The pictures differ in {', '.join(found) or 'nothing'}: {hint}.")
    said = ", ".join(f"{name} ({MEASURES[name]})" for name in measured)
    print(f"Measured from the pixels, 1 where above the median: {said}.")
    return {n: np.unique(v, return_inverse=True)[1].astype("int32") for n, v in found.items()}


def _tells_apart(values: np.ndarray) -> bool:
    counts = np.unique(values, return_counts=True)[1]
    return 2 <= len(counts) <= MOST_VALUES and counts.min() >= FEWEST_OF_A_VALUE
