"""Are drawn pictures like real ones, and are all kinds of real ones among them?

    mode coverage   how many known clusters a generator reaches, and the share of its points in them
    CNN-FD          Frechet distance of two sets of pictures in the features of our own classifier:
                    |m - m'|^2 + tr( S + S' - 2 (S S')^(1/2) ), m and S mean and covariance
    precision       share of drawn pictures that lie among the real ones in those features
    recall          share of real pictures that lie among the drawn ones

CNN-FD is not FID: FID takes the features of a network trained on photographs. The distance between
two sets of real pictures is its floor, which shrinks as sets grow: compare sets of one size only,
and take the mean of several floors.
The classifiers, called judges, are trained in :mod:`helpers.training.judges`.

Heusel and others, arXiv:1706.08500 (Frechet distance); Kynkaanniemi and others, arXiv:1904.06991
(precision, recall).
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops
from scipy.stats import entropy
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from helpers.data import toys


def read_pictures(judge: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and class probabilities of pictures in [0, 1], by a convolutional judge."""
    parts = [[np.array(array) for array in part] for part in _in_parts(judge, images)]
    features, chances = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return features, chances


def read_features(judge: keras.Model, images: np.ndarray) -> np.ndarray:
    """The layer "features" of a judge of :mod:`helpers.training.judges`, shape (n, width)."""
    network = keras.Model(judge.input, judge.get_layer("features").output)
    return np.concatenate([np.array(part) for part in _in_parts(network, images)])


def read_attributes(judge: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """What a judge of attributes sees: name to values, int of shape (n,)."""
    parts = _in_parts(judge, images)
    return {n: np.concatenate([np.argmax(part[n], axis=1) for part in parts]) for n in parts[0]}


def _in_parts(network: keras.Model, images: np.ndarray) -> list:
    """What a network says of images that are too many for one pass, 500 at a time."""
    return [network(images[start : start + 500]) for start in range(0, len(images), 500)]


def confidence(judge: keras.Model, paths: np.ndarray) -> np.ndarray:
    """How sure a judge is along paths of pictures, averaged over the paths.

    Args:
        judge: from :func:`helpers.training.judges.train_judge`.
        paths: shape (paths, steps, height, width, channels).

    Returns:
        Mean of the largest probability at each step, shape (steps,).
    """
    probabilities = ops.convert_to_numpy(judge(paths.reshape(-1, *paths.shape[2:])))
    return probabilities.max(axis=1).reshape(paths.shape[:2]).mean(axis=0)


def attribute_effect(
    decode: Callable, judge: keras.Model, codes: np.ndarray, step: np.ndarray, name: str
) -> tuple[float, float]:
    """What a step in the space of codes does to the pictures, in a judge's eyes.

    Each code takes the step towards the end of the attribute's values that is further away.

    Args:
        decode: from codes to images.
        judge: from :func:`helpers.training.judges.train_attribute_judge`.
        codes: shape (n, latent).
        step: towards higher values of the attribute, shape (latent,), or (n, latent).
        name: of the attribute.

    Returns:
        The share of pictures whose attribute moved the right way, by one value or more, and the
        share of all other attributes that stayed what they were.
    """
    before = read_attributes(judge, decode(codes))
    largest = judge.output[name].shape[-1] - 1
    sign = np.where(2 * before[name] > largest, -1, 1)
    after = read_attributes(judge, decode(codes + sign[:, np.newaxis] * np.asarray(step)))
    moved = np.sign(after[name] - before[name]) == sign
    stayed = [after[other] == before[other] for other in after if other != name]
    return float(np.mean(moved)), float(np.mean(stayed))


def class_histogram(probabilities: np.ndarray) -> tuple[np.ndarray, float]:
    """How often each class was drawn, in a judge's eyes.

    Args:
        probabilities: from :func:`read_pictures`, shape (n, classes).

    Returns:
        Shares of the classes, shape (classes,), and their KL divergence from equal shares in nats:
        0 when all are drawn alike, log(classes) when only one is.
    """
    count = probabilities.shape[1]
    shares = np.bincount(probabilities.argmax(axis=1), minlength=count) / len(probabilities)
    return shares, float(entropy(shares, np.full(count, 1 / count)))


def mode_coverage(points: np.ndarray, toy: toys.Toy) -> tuple[int, float]:
    """How many modes of a toy cloud a generator reaches, and how many of its points hit one.

    Args:
        points: drawn by the generator, shape (n, 2).
        toy: a :class:`helpers.data.toys.Toy`.

    Returns:
        The number of modes that hold at least a fifth of their fair share of the points, and the
        share of points within 3 standard deviations of a centre, 0.989 for the cloud itself (1 -
        exp(-9/2)).

    Raises:
        ValueError: no points.
    """
    if not len(points):
        raise ValueError("There are no points to measure: draw some.")
    distances = np.linalg.norm(np.asarray(points)[:, np.newaxis] - toy.centres, axis=2)
    near = distances.min(axis=1) <= 3 * toy.std
    modes = len(toy.centres)
    held = np.bincount(distances.argmin(axis=1)[near], minlength=modes)
    return int(np.sum(held >= len(points) / (5 * modes))), float(np.mean(near))


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features.

    Args:
        features: shape (n, width), n well above the width.
        others: shape (m, width).

    Returns:
        0 or more, in squared units of the features (Heusel and others, arXiv:1706.08500).

    Raises:
        ValueError: fewer than two rows, or features that are not finite.
    """
    first, second = (_check_features(rows, 2) for rows in (features, others))
    difference = first.mean(axis=0) - second.mean(axis=0)
    covariances = [np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    traces = np.trace(covariances[0] + covariances[1])
    return max(0.0, float(difference @ difference + traces - 2 * shared))


def frechet_floor(features: np.ndarray, count: int = 5) -> np.ndarray:
    """Frechet distances of real pictures to real ones: between random halves of their features.

    No generator can be expected to come nearer. One pair of halves may be lucky, so there are more;
    halves in the order of a file need not even be alike.

    Args:
        features: of real pictures, shape (n, width), n / 2 well above the width.
        count: pairs of halves, drawn from the seeds 0, 1, ...

    Returns:
        Shape (count,).

    Raises:
        ValueError: a half has fewer than two rows, or features that are not finite.
    """
    orders = [np.random.default_rng(seed).permutation(len(features)) for seed in range(count)]
    halves = [np.array_split(np.asarray(features)[order], 2) for order in orders]
    return np.array([frechet_distance(one, other) for one, other in halves])


def _check_features(features: np.ndarray, least: int) -> np.ndarray:
    """Features as float64, at least so many rows of them, all finite."""
    features = np.asarray(features, "float64")
    if features.ndim != 2 or len(features) < least:
        raise ValueError(f"features have shape {features.shape}: use {least} rows or more.")
    if not np.isfinite(features).all():
        raise ValueError("Some features are not finite: look at the pictures they come from.")
    return features


def precision_recall(
    real: np.ndarray, drawn: np.ndarray, neighbours: int = 3
) -> tuple[float, float]:
    """Are the drawn pictures like real ones, and are all real ones among what is drawn?

    Around each point of a set stands a ball that reaches to its third neighbour; the set's region
    is the union of these balls.

    Args:
        real: features of real pictures, shape (n, width).
        drawn: features of drawn pictures, shape (m, width).
        neighbours: how far each ball reaches.

    Returns:
        The share of drawn points in the real region, and the share of real points in the drawn
        region (Kynkaanniemi and others, arXiv:1904.06991).

    Raises:
        ValueError: no more rows than neighbours, or features that are not finite.
    """
    real, drawn = (_check_features(rows, neighbours + 1) for rows in (real, drawn))
    precision = float(np.mean(inside_region(real, drawn, neighbours)))
    recall = float(np.mean(inside_region(drawn, real, neighbours)))
    return precision, recall


def inside_region(region: np.ndarray, points: np.ndarray, neighbours: int = 3) -> np.ndarray:
    """Which points fall among those of a set, as :func:`precision_recall` counts it.

    Args:
        region: the set, shape (n, width).
        points: shape (m, width).
        neighbours: how far the ball around each point of the set reaches.

    Returns:
        Truth values of shape (m,): nearer to a point of the set than its own third neighbour.
    """
    search = NearestNeighbors(n_neighbors=neighbours + 1, algorithm="brute").fit(region)
    reach = search.kneighbors(region)[0][:, -1]
    inside = [
        (pairwise_distances(part, region) <= reach).any(axis=1)
        for part in np.array_split(np.asarray(points), max(1, len(points) // 500))
    ]
    return np.concatenate(inside)


def score_features(real: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """`cnn_fd`, `precision` and `recall` of two sets of features, each of shape (n, width)."""
    precision, recall = precision_recall(real, drawn)
    return {"cnn_fd": frechet_distance(real, drawn), "precision": precision, "recall": recall}


def score_pictures(judge: keras.Model, real: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """What the card of a GAN holds; 5,000 pictures of each kind are customary here.

    Args:
        judge: from :func:`helpers.training.judges.train_cnn_judge`.
        real: pictures in [0, 1] that no network was trained on, shape (n, side, side, channels).
        drawn: G's pictures in [0, 1], as many.

    Returns:
        `cnn_fd`, `precision`, `recall`, `classes` (how many were drawn) and `class_kl` in nats.
    """
    (known, _), (features, chances) = (read_pictures(judge, images) for images in (real, drawn))
    shares, kl = class_histogram(chances)
    return {**score_features(known, features), "classes": float(np.sum(shares > 0)), "class_kl": kl}
