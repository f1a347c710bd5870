"""Lab 10: how far apart two sets of features lie, and a walk that keeps its distance from 0."""

from collections.abc import Callable

import numpy as np

from helpers import latent
from helpers.exercises.checks import Case, Exercise, Mistake


def check_frechet(function: Callable) -> None:
    """Lab 10: the Fréchet distance of the Gaussians fitted to two sets of features, a number."""
    print(FRECHET.check(function))


def check_slerp(function: Callable) -> None:
    """Lab 10: the point at t on the arc between two codes of shape (latent,)."""
    print(SLERP.check(function))


def _fitted(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of rows."""
    return features.mean(axis=0), np.cov(features, rowvar=False)


def _frechet(features: np.ndarray, others: np.ndarray) -> float:
    from scipy.linalg import sqrtm

    (mean, S), (other_mean, other_S) = _fitted(features), _fitted(others)
    return np.sum((mean - other_mean) ** 2) + np.trace(S + other_S - 2 * sqrtm(S @ other_S).real)


def _feature_cases() -> list[Case]:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    rng = np.random.default_rng(0)
    one = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3)) + [0, 5, -3]
    other = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3))
    wide = rng.normal(size=(2, 60, 8)) * np.geomspace(0.3, 3, 8)
    return [
        Case("three rows of two features", (square[:3], 2 * square[1:])),
        Case("a set with itself", (one, one)),
        Case("a set that was moved", (one, one + np.array([3.0, 0.0, 4.0]))),
        Case("50 rows of 3 features that go together", (one, other)),
        Case("60 rows of 8 features", tuple(wide)),
    ]


def _parts(features: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    """The three parts of a right answer: squared step of the means, both traces, trace of root."""
    (mean, S), (other_mean, other_S) = _fitted(features), _fitted(others)
    roots = np.sqrt(np.abs(np.linalg.eigvals(S @ other_S))).sum()
    return float(np.sum((mean - other_mean) ** 2)), float(np.trace(S + other_S)), float(roots)


def _combined(weigh: Callable) -> Callable:
    """A mistake in how the three parts are put together."""
    return lambda features, others: weigh(*_parts(features, others))


def _root_of_entries(features: np.ndarray, others: np.ndarray) -> float:
    means, traces, _ = _parts(features, others)
    product = _fitted(features)[1] @ _fitted(others)[1]
    return means + traces - 2 * float(np.trace(np.sqrt(product)))


def _roots_one_by_one(features: np.ndarray, others: np.ndarray) -> float:
    def root(rows: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(_fitted(rows)[1])
        return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T

    means, traces, _ = _parts(features, others)
    return means + traces - 2 * float(np.trace(root(features) @ root(others)))


def _of_rows(features: np.ndarray, others: np.ndarray) -> float:
    S, other_S = np.cov(features), np.cov(others)
    roots = np.sqrt(np.abs(np.linalg.eigvals(S @ other_S))).sum()
    return _parts(features, others)[0] + float(np.trace(S + other_S) - 2 * roots)


def _diagonals(features: np.ndarray, others: np.ndarray) -> float:
    stds = features.std(axis=0, ddof=1) - others.std(axis=0, ddof=1)
    return _parts(features, others)[0] + float(np.sum(stds**2))


def _divided_by_n(features: np.ndarray, others: np.ndarray) -> float:
    share = (len(features) - 1) / len(features)  # both sets of the cases have as many rows
    means, traces, roots = _parts(features, others)
    return means + share * (traces - 2 * roots)


FRECHET = Exercise(
    lab="10",
    name="frechet",
    title="Fréchet distance of two sets of features",
    oracle=_frechet,
    cases=_feature_cases,
    tensors=False,
    tolerance=1e-3,  # a root in 32 bits halves the digits
    mistakes=(
        Mistake(
            "a distance with the root of each entry",
            _root_of_entries,
            "`np.sqrt` of a matrix is not its root, whose square is the matrix. Take the roots of "
            "the eigenvalues.",
        ),
        Mistake(
            "a distance with a root of each covariance",
            _roots_one_by_one,
            "tr(√S √S') is tr √(S S') only where both spread along the same axes. Multiply first.",
        ),
        Mistake(
            "a distance with the means' distance not squared",
            _combined(lambda means, traces, roots: np.sqrt(means) + traces - 2 * roots),
            "it would be added to variances, in other units. Square it.",
        ),
        Mistake(
            "a distance without the factor of 2",
            _combined(lambda means, traces, roots: means + traces - roots),
            "a set would be far from itself. Subtract the trace of the root twice.",
        ),
        Mistake(
            "the squared distance of the means alone",
            _combined(lambda means, traces, roots: means),
            "a G that draws one mean picture and no other would score 0. Add the part of the "
            "covariances.",
        ),
        Mistake(
            "the covariances' part alone",
            _combined(lambda means, traces, roots: traces - 2 * roots),
            "a cloud may lie elsewhere at no cost. Add the squared distance of the means.",
        ),
        Mistake(
            "the root of the Fréchet distance",
            _combined(lambda means, traces, roots: np.sqrt(max(means + traces - 2 * roots, 0.0))),
            "what papers call FID is the squared distance. Leave the last root out.",
        ),
        Mistake(
            "a distance with covariances between rows",
            _of_rows,
            "`np.cov` takes rows for features, and here they are pictures. Say `rowvar=False`.",
        ),
        Mistake(
            "a distance of variances, without what lies beside the diagonal",
            _diagonals,
            "which features go together is then ignored. Use the whole matrices.",
        ),
        Mistake(
            "a distance of covariances divided by n",
            _divided_by_n,
            "as `np.cov` does, divide by n - 1: else small sets look too narrow.",
        ),
    ),
)


def _slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    from scipy.spatial import geometric_slerp

    length, other = np.linalg.norm(a), np.linalg.norm(b)
    direction = geometric_slerp(a / length, b / other, t).reshape(a.shape)
    return ((1 - t) * length + t * other) * direction


def _walk_cases() -> list[Case]:
    a, b = np.random.default_rng(0).normal(size=(2, 64))
    east, north = np.array([2.0, 0.0]), np.array([0.0, 2.0])
    return [
        Case("a right angle, half way", (east, north, 0.5)),
        Case("a right angle, a third of the way", (east, north, 1 / 3)),
        Case("the beginning", (a, b, 0.0)),
        Case("64 numbers", (8 * a / np.linalg.norm(a), 8 * b / np.linalg.norm(b), 0.7)),
        Case("ends of other lengths", (np.array([1.0, 0.0, 0.0]), np.array([2.0, 3.0, 1.0]), 0.25)),
        Case("an angle of 150°", (np.array([1.0, 0.0]), np.array([-(3**0.5), 1.0]) / 2, 0.8)),
        Case("twice the same code", (np.array([3.0, 4.0]), np.array([3.0, 4.0]), 0.5)),
    ]


def _arc(a: np.ndarray, b: np.ndarray, t: float, angle: float) -> np.ndarray:
    """The usual formula for an angle, right or wrong; a straight line where there is none."""
    if angle < 1e-3:
        return latent.lerp(a, b, t)
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.arccos(np.clip(cosine, -1, 1)))


def _resized(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    point = latent.lerp(a, b, t)
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    return length * point / np.linalg.norm(point)


def _of_first_length(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    point = latent.slerp(a, b, t)
    return np.linalg.norm(a) * point / np.linalg.norm(point)


def _without_a_way_out(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    angle = _angle(a, b)
    return latent.slerp(a, b, t) * (np.sin(angle) / np.sin(angle))


def _through_the_sine(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return latent.slerp(a, b, t) * max(np.sin(_angle(a, b)), 1e-3)


SLERP = Exercise(
    lab="10",
    name="slerp",
    title="Slerp",
    oracle=_slerp,
    cases=_walk_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "lerp",
            latent.lerp,
            "this slerp is lerp: its midpoint has 0.71 of the norm. Weigh the ends by sines.",
        ),
        Mistake(
            "lerp, made as long as it should be",
            _resized,
            "it keeps to the arc, but runs in its middle and dawdles at its ends. Weigh the ends "
            "by sines of the angle.",
        ),
        Mistake(
            "slerp from b to a",
            lambda a, b, t: latent.slerp(b, a, t),
            "t = 0 is a. Its weight is sin((1 - t) ω).",
        ),
        Mistake(
            "slerp with an angle from the product of the codes as they are",
            lambda a, b, t: _arc(a, b, t, float(np.arccos(np.clip(a @ b, -1, 1)))),
            "a @ b is a cosine only where both have length 1. Divide by both lengths.",
        ),
        Mistake(
            "slerp with its angle in degrees",
            lambda a, b, t: _arc(a, b, t, float(np.degrees(_angle(a, b)))),
            "`np.sin` takes radians, as `np.arccos` gives them.",
        ),
        Mistake(
            "slerp without the division by sin ω",
            _through_the_sine,
            "it does not even begin at a unless the angle is a right one. Divide.",
        ),
        Mistake(
            "slerp for ends of equal length",
            lambda a, b, t: _arc(a, b, t, _angle(a, b)),
            "where one end is longer, its direction comes too soon. Turn the directions, and let "
            "the length go evenly from |a| to |b|.",
        ),
        Mistake(
            "slerp with the length of a throughout",
            _of_first_length,
            "it does not arrive at b. Let the length go evenly from |a| to |b|.",
        ),
        Mistake(
            "slerp without a way out where the codes are alike",
            _without_a_way_out,
            "the angle is 0, and 0 / 0 is NaN. Where the angle is next to nothing, a straight line "
            "is the arc.",
        ),
    ),
)

EXERCISES = (FRECHET, SLERP)
