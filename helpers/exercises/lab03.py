"""Lab 03, a first autoencoder: the best linear decoder, and the angle between two planes."""

from collections.abc import Callable

import numpy as np

from helpers.exercises.checks import Case, Exercise, Mistake

Pair = tuple[np.ndarray, np.ndarray]


def check_decoder(function: Callable) -> None:
    """Lab 03: weights (k, d) and bias (d,) that lead from codes (n, k) to points (n, d)."""
    print(DECODER.check(function))


def check_angle(function: Callable) -> None:
    """Lab 03: the largest angle, in degrees, between the planes of two sets of k rows (k, d)."""
    print(ANGLE.check(function))


def _decoder(codes: np.ndarray, points: np.ndarray) -> Pair:
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(codes, points)
    return fitted.coef_.T, fitted.intercept_


def _decoder_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(30, 2)) @ [[1.0, 0.7], [0.0, 0.5]]
    points = codes @ rng.normal(size=(2, 3)) + [3.0, -1.0, 0.5] + 0.3 * rng.normal(size=(30, 3))
    line = np.array([[1.0, 0.0], [3.0, 1.0], [5.0, 2.0]])
    dead = np.column_stack([codes[:, 0], np.zeros(30), codes[:, 1]])
    return [
        Case("three points on a line", (np.array([[0.0], [1.0], [2.0]]), line)),
        Case("thirty points, two codes", (codes, points)),
        Case("a code that is always 0", (dead, points)),
        Case("codes far from 0, in other units", (10.0 + codes * [5.0, 0.5], points)),
        Case("as many codes as coordinates", (codes, points[:, :2])),
    ]


def _solve(design: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(design, wanted, rcond=None)[0]


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=0)


def _fit(codes: np.ndarray, points: np.ndarray) -> Pair:
    weights = _solve(_centred(codes), _centred(points))
    return weights, points.mean(axis=0) - codes.mean(axis=0) @ weights


def _with_bias(codes: np.ndarray, points: np.ndarray, weights: np.ndarray) -> Pair:
    return weights, points.mean(axis=0) - codes.mean(axis=0) @ weights


def _through_zero(codes: np.ndarray, points: np.ndarray) -> Pair:
    return _solve(codes, points), np.zeros(points.shape[1])


def _covariance(codes: np.ndarray, points: np.ndarray) -> np.ndarray:
    return _centred(codes).T @ _centred(points) / len(codes)


def _one_by_one(codes: np.ndarray, points: np.ndarray) -> Pair:
    spread = codes.var(axis=0)[:, np.newaxis]
    return _with_bias(codes, points, _covariance(codes, points) / np.where(spread > 0, spread, 1))


DECODER = Exercise(
    lab="03",
    name="decoder",
    title="Best linear decoder",
    oracle=_decoder,
    cases=_decoder_cases,
    tolerance=1e-3,
    tensors=False,
    mistakes=(
        Mistake(
            "a decoder without a bias",
            _through_zero,
            "code 0 would have to be decoded to 0, wherever the points lie. Add a column of ones "
            "to the codes: its row is the bias.",
        ),
        Mistake(
            "a decoder whose bias is the mean of the points",
            lambda codes, points: (_fit(codes, points)[0], points.mean(axis=0)),
            "that is right where the codes have mean 0. Take their mean times the weights away.",
        ),
        Mistake(
            "the map from points to codes",
            lambda codes, points: _fit(points, codes),
            "this is an encoder: codes and points have changed places.",
        ),
        Mistake(
            "a decoder whose weights lie the other way round",
            lambda codes, points: (_fit(codes, points)[0].T, _fit(codes, points)[1]),
            "Keras multiplies codes by weights, so these have shape (codes, coordinates). "
            "Transpose.",
        ),
        Mistake(
            "the covariance of codes and points",
            lambda codes, points: _with_bias(codes, points, _covariance(codes, points)),
            "it would do for codes of variance 1 that are uncorrelated, and the loss gives you "
            "neither. Solve the least squares.",
        ),
        Mistake(
            "a slope for each code by itself",
            _one_by_one,
            "codes that are correlated are then counted twice. Solve for all of them together.",
        ),
        Mistake(
            "the bias before the weights",
            lambda codes, points: _fit(codes, points)[::-1],
            "a dense layer keeps weights first, bias second.",
        ),
    ),
)


def _angle(rows: np.ndarray, others: np.ndarray) -> float:
    from scipy.linalg import subspace_angles

    return float(np.degrees(subspace_angles(rows.T, others.T).max()))


def _angle_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    flat, tilted = np.eye(3)[:2], np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    sheared = np.array([[2.0, 1.0], [3.0, -0.5]])
    return [
        Case("two planes in space, 45 degrees apart", (flat, tilted)),
        Case("the same with other axes in each", (sheared @ flat, sheared.T @ tilted)),
        Case("two lines", (np.array([[3.0, 0.0]]), np.array([[-1.0, 0.5]]))),
        Case("planes at right angles", (flat, np.array([[0.0, 0.0, 2.0], [1.0, 1.0, 0.0]]))),
        Case("two planes in 50 dimensions", (rng.normal(size=(2, 50)), rng.normal(size=(2, 50)))),
        Case("three directions of eight", (rng.normal(size=(3, 8)), rng.normal(size=(3, 8)))),
    ]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _axes(rows: np.ndarray) -> np.ndarray:
    """Rows at right angles, of length 1, in the same plane."""
    return np.linalg.qr(rows.T)[0].T


def _cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Largest first."""
    return np.linalg.svd(rows @ others.T, compute_uv=False).clip(0, 1)


def _degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(cosine)))


def _all_angles(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(_cosines(_axes(rows), _axes(others))))


ANGLE = Exercise(
    lab="03",
    name="angle",
    title="Angle between two planes",
    oracle=_angle,
    cases=_angle_cases,
    tolerance=1e-3,
    tensors=False,
    mistakes=(
        Mistake(
            "the angle from rows as they are",
            lambda rows, others: _degrees(_cosines(rows, others).min()),
            "a network's rows are neither of length 1 nor at right angles, so these are no "
            "cosines. Make them so first, with QR or an SVD.",
        ),
        Mistake(
            "the angle from rows of length 1",
            lambda rows, others: _degrees(_cosines(_unit(rows), _unit(others)).min()),
            "a network's rows are not at right angles to each other either. QR or an SVD makes "
            "them so and stays in their plane.",
        ),
        Mistake(
            "the arccos of more than 1",
            lambda rows, others: float(
                np.degrees(np.arccos(np.linalg.svd(rows @ others.T, compute_uv=False).min()))
            ),
            "rows of any length give cosines of any size. Make them perpendicular and of length 1, "
            "with QR or an SVD.",
        ),
        Mistake(
            "the smallest angle",
            lambda rows, others: float(_all_angles(rows, others).min()),
            "two planes in space always share a line, so it is 0 there whatever they do. The "
            "largest angle has the smallest cosine.",
        ),
        Mistake(
            "the angle in radians",
            lambda rows, others: float(np.radians(_all_angles(rows, others).max())),
            "`np.arccos` counts a right angle as 1.57. Convert with `np.degrees`.",
        ),
        Mistake(
            "the cosine",
            lambda rows, others: float(np.cos(np.radians(_all_angles(rows, others).max()))),
            "singular values of the product are cosines. `np.arccos` makes an angle of one.",
        ),
        Mistake(
            "the angle between the first rows",
            lambda rows, others: _degrees(np.abs(_unit(rows)[0] @ _unit(others)[0]).clip(0, 1)),
            "a plane has many axes, and chance picks them. Compare planes: all rows against all.",
        ),
        Mistake(
            "the list of all angles",
            _all_angles,
            "one number says how far two planes are apart: the largest of them.",
        ),
        Mistake(
            "the mean of the angles",
            lambda rows, others: float(_all_angles(rows, others).mean()),
            "a plane that is off by 40 degrees would pass for 20. Take the largest.",
        ),
    ),
)

EXERCISES = (DECODER, ANGLE)
