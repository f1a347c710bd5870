"""Lab 04, MNIST autoencoders: nearest neighbours in code space, and top-k sparsity."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake


def check_neighbours(function: Callable) -> None:
    """Lab 04: places (m, k) of the k codes (n, d) that are nearest to each query (m, d)."""
    print(NEIGHBOURS.check(function))


def check_top_k(function: Callable) -> None:
    """Lab 04: codes (n, d) of which the k largest values of each row are kept, the others 0."""
    print(TOP_K.check(function))


def _neighbours(codes: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(codes)
    return search.kneighbors(queries, return_distance=False)


def _neighbour_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    line, plane = np.array([[4.0], [1.0], [2.5]]), rng.normal(size=(6, 2))
    uneven = rng.normal(size=(40, 5)) * np.linspace(0.5, 4, 40)[:, np.newaxis]
    far = 5 + rng.normal(size=(400, 3))
    return [
        Case("three codes on a line, one query", (line, np.array([[1.2]]), 2)),
        Case("all of six codes, in order", (plane, rng.normal(size=(3, 2)), 6)),
        Case("one neighbour each", (uneven, rng.normal(size=(7, 5)), 1)),
        Case("codes of very different lengths", (uneven, rng.normal(size=(4, 5)), 5)),
        Case("400 codes far from 0", (far, 5 + rng.normal(size=(5, 3)), 20)),
    ]


def _squares(codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Squared distances, a row per query."""
    return np.sum((queries[:, np.newaxis] - codes) ** 2, axis=2)


def _nearest(distances: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(distances, axis=1)[:, :k]


def _unit(codes: np.ndarray) -> np.ndarray:
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)


NEIGHBOURS = Exercise(
    lab="04",
    name="neighbours",
    title="Nearest neighbours",
    oracle=_neighbours,
    cases=_neighbour_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "the codes that are farthest",
            lambda codes, queries, k: _nearest(-_squares(codes, queries), k),
            "sorting puts the smallest first. Take the beginning, and turn nothing round.",
        ),
        Mistake(
            "the codes with the largest product",
            lambda codes, queries, k: _nearest(-(queries @ codes.T), k),
            "a long code has a large product with everything. Take distances.",
        ),
        Mistake(
            "the codes of the most similar direction",
            lambda codes, queries, k: _nearest(-(_unit(queries) @ _unit(codes).T), k),
            "the cosine forgets how long a code is, and no loss here did. Take distances.",
        ),
        Mistake(
            "the order by absolute differences",
            lambda codes, queries, k: _nearest(
                np.abs(queries[:, np.newaxis] - codes).sum(axis=2), k
            ),
            "that is the way round the blocks. Square the differences before you add them.",
        ),
        Mistake(
            "the order by one difference after adding",
            lambda codes, queries, k: _nearest(
                np.abs(np.sum(queries[:, np.newaxis] - codes, axis=2)), k
            ),
            "what is more in one unit and less in another cancels. Square first, then add.",
        ),
        Mistake(
            "the distances",
            lambda codes, queries, k: np.sqrt(np.sort(_squares(codes, queries), axis=1)[:, :k]),
            "pictures are looked up by their places. `np.argsort` says where, `np.sort` how far.",
        ),
        Mistake(
            "the k nearest in the order of the list",
            lambda codes, queries, k: np.sort(_nearest(_squares(codes, queries), k), axis=1),
            "they are the right ones, and the nearest is to come first. Sort them by distance.",
        ),
        Mistake(
            "the neighbours without the first",
            lambda codes, queries, k: np.argsort(_squares(codes, queries), axis=1)[:, 1 : k + 1],
            "the first one would be the query itself if it were among the codes. It is not.",
        ),
        Mistake(
            "the queries that are nearest to each code",
            lambda codes, queries, k: _nearest(_squares(queries, codes), k),
            "rows and columns have changed places. There is one row per query.",
        ),
    ),
)


def _top_k(codes: np.ndarray, k: int) -> np.ndarray:
    from scipy.stats import rankdata

    return np.where(rankdata(-codes, "ordinal", axis=1) <= k, codes, 0.0)


def _code_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    signs = rng.permuted(np.tile([4.0, -5.0, 3.0, -6.0, 1.0, 2.0], (3, 1)), axis=1)
    four = np.array([[0.5, -1.0, 2.0, 1.5], [3.0, 2.0, -4.0, 0.5]])
    relu = np.maximum(rng.normal(size=(5, 8)), 0)
    return [
        Case("the two largest of three", (np.array([[1.0, 3.0, 2.0]]), 2)),
        Case("one of three, in two rows", (np.array([[1.0, 3.0, 2.0], [9.0, 7.0, 8.0]]), 1)),
        Case("large numbers below 0", (signs, 2)),
        Case("more than are above 0", (relu * [[1.0], [0.0], [1.0], [1.0], [1.0]], 6)),
        Case("all of them", (rng.normal(size=(2, 4)), 4)),
        Case("two of four, twice", (four, 2), gradient=True),
    ]


def _where(kept: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    return tf.where(kept, codes, tf.zeros_like(codes))


def _least_kept(codes: tf.Tensor, k: int) -> tf.Tensor:
    """The k-th largest value of each row, shape (n, 1)."""
    return tf.math.top_k(codes, k).values[:, -1:]


def _of_all_rows(codes: tf.Tensor, k: int) -> tf.Tensor:
    flat = tf.reshape(codes, (1, -1))
    return _where(codes >= _least_kept(flat, k * len(codes))[0, 0], codes)


def _of_each_unit(codes: tf.Tensor, k: int) -> tf.Tensor:
    columns = tf.transpose(codes)
    kept = columns >= _least_kept(columns, min(k, len(codes)))
    return _where(tf.transpose(kept), codes)


TOP_K = Exercise(
    lab="04",
    name="top_k",
    title="Top-k sparsity",
    oracle=_top_k,
    cases=_code_cases,
    mistakes=(
        Mistake(
            "the largest of the whole batch",
            _of_all_rows,
            "a bold digit would take its neighbours' units away. Each row keeps k of its own.",
        ),
        Mistake(
            "the k largest of each unit",
            _of_each_unit,
            "this chooses digits for a unit, along the first axis. Choose units for a digit, "
            "along the last.",
        ),
        Mistake(
            "the k largest in absolute value",
            lambda codes, k: _where(tf.abs(codes) >= _least_kept(tf.abs(codes), k), codes),
            "a number far below 0 is a unit that says no. Compare the values themselves.",
        ),
        Mistake(
            "the k smallest",
            lambda codes, k: _where(-codes >= _least_kept(-codes, k), codes),
            "the order is turned round: sorting begins with the smallest.",
        ),
        Mistake(
            "the k largest values, side by side",
            lambda codes, k: tf.math.top_k(codes, k).values,
            "the decoder must know which units they belong to. Leave each in its place, and "
            "zeros in between.",
        ),
        Mistake(
            "the mask",
            lambda codes, k: tf.cast(codes >= _least_kept(codes, k), codes.dtype),
            "it says which units are kept. Multiply the codes by it.",
        ),
        Mistake(
            "the k - 1 largest",
            lambda codes, k: _where(codes > _least_kept(codes, k), codes),
            "the k-th is not larger than itself. Compare with `>=`.",
        ),
        Mistake(
            "the excess over the k-th largest",
            lambda codes, k: tf.nn.relu(codes - _least_kept(codes, k)),
            "what is kept gets smaller, which is L1's way. Keep the values as they are.",
        ),
    ),
)

EXERCISES = (NEIGHBOURS, TOP_K)
