"""Lab 12: one number that tells D how a batch varies, and a step of a buffer of older fakes."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake

SMALL = 1e-8  # under the root, where the slope would else be infinite
Pair = tuple[tf.Tensor, tf.Tensor]


def check_stddev(function: Callable) -> None:
    """Lab 12: features of shape (batch, ..., channels) with one channel more, how they vary."""
    print(STDDEV.check(function))


def check_replay(function: Callable) -> None:
    """Lab 12: the batch that D is shown, and the buffer afterwards."""
    print(REPLAY.check(function))


def swap_old(kept: tf.Tensor, fakes: tf.Tensor, places: tf.Tensor) -> Pair:
    """Put kept pictures in place of the first fakes, and those fakes in their place.

    Args:
        kept: the buffer, shape (capacity, ...).
        fakes: a batch, shape (batch, ...).
        places: whole numbers, where in the buffer, shape (count,), count at most the batch.

    Returns:
        The batch that D is shown, and the buffer afterwards (arXiv:1612.07828, section 2.3).
    """
    count = len(places)
    shown = tf.concat([tf.gather(kept, places), fakes[count:]], axis=0)
    return shown, tf.tensor_scatter_nd_update(kept, places[:, tf.newaxis], fakes[:count])


def _stddev(features: np.ndarray) -> np.ndarray:
    number = np.sqrt(np.var(features, axis=0) + SMALL).mean()
    return np.concatenate([features, np.full((*features.shape[:-1], 1), number)], axis=-1)


def _feature_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    return [
        Case("two rows of one feature", (np.array([[0.0], [2.0]]),)),
        Case("three rows of two features", (rng.normal(size=(3, 2)),), gradient=True),
        Case("three rows that are all alike", (np.tile([[1.0, 3.0]], (3, 1)),), gradient=True),
        Case("five pictures of 3 × 2 places, 4 channels", (rng.normal(1, 2, (5, 3, 2, 4)),)),
        Case("a batch of one", (rng.normal(size=(1, 2, 2, 3)),)),
    ]


def _with(features: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The features with one channel more."""
    return tf.concat([features, tf.zeros_like(features[..., :1]) + number], axis=-1)


def _stds(features: tf.Tensor, small: float = SMALL) -> tf.Tensor:
    return tf.sqrt(tf.math.reduce_variance(features, axis=0) + small)


def _number(features: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(_stds(features))


def _of_each(features: tf.Tensor) -> tf.Tensor:
    axes = tuple(range(1, len(features.shape)))
    variance = tf.math.reduce_variance(features, axis=axes, keepdims=True)
    return _with(features, tf.sqrt(variance + SMALL))


def _by_n_minus_1(features: tf.Tensor) -> tf.Tensor:
    count = float(features.shape[0])
    variance = tf.math.reduce_variance(features, axis=0) * count / tf.maximum(count - 1, 0.0)
    return _with(features, tf.reduce_mean(tf.sqrt(variance + SMALL)))


def _map(features: tf.Tensor) -> tf.Tensor:
    return _with(features, tf.reduce_mean(_stds(features), axis=-1, keepdims=True))


STDDEV = Exercise(
    lab="12",
    name="stddev",
    title="Minibatch standard deviation",
    oracle=_stddev,
    cases=_feature_cases,
    mistakes=(
        Mistake(
            "the variance, not the standard deviation",
            lambda x: _with(x, tf.reduce_mean(tf.math.reduce_variance(x, axis=0))),
            "it is in squared units, and next to nothing where a batch varies little. Take the "
            "root at each place.",
        ),
        Mistake(
            "the root of the mean variance",
            lambda x: _with(x, tf.sqrt(tf.reduce_mean(tf.math.reduce_variance(x, axis=0)) + SMALL)),
            "the places that vary most then drown the others. First the root at each place, then "
            "the mean.",
        ),
        Mistake(
            "the spread of all values",
            lambda x: _with(x, tf.sqrt(tf.math.reduce_variance(x) + SMALL)),
            "a G that draws one picture with black and white in it would pass for varied. Spread "
            "over axis 0, the batch, alone.",
        ),
        Mistake(
            "the spread within each picture",
            _of_each,
            "that is contrast, and a G that draws one picture keeps it. Spread over axis 0, the "
            "batch.",
        ),
        Mistake(
            "a map of the spread",
            _map,
            "each place tells its own spread, where one number for all is wanted. Average over "
            "all places and channels.",
        ),
        Mistake(
            "the spread divided by n - 1",
            _by_n_minus_1,
            "PyTorch's `std` does that, and a batch of one gives NaN. Divide by n.",
        ),
        Mistake(
            "the spread without a small number under the root",
            lambda x: _with(x, tf.reduce_mean(_stds(x, small=0.0))),
            "where G draws one thing the root's slope is infinite, and the gradient NaN, just "
            "when it is needed. Add 1e-8.",
        ),
        Mistake(
            "the number in front of the features",
            lambda x: tf.concat([_with(x, _number(x))[..., -1:], x], axis=-1),
            "the new channel stands last.",
        ),
        Mistake(
            "the new channel alone",
            lambda x: _with(x, _number(x))[..., -1:],
            "D would see nothing else. Join it to the features, along the last axis.",
        ),
        Mistake(
            "the features plus the number",
            lambda x: x + _number(x),
            "D can not tell it from brightness. Give it a channel of its own.",
        ),
    ),
)


def _replay(
    kept: np.ndarray, fakes: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is swapped is a permutation of the buffer and the batch in one row."""
    count, both = len(places), np.concatenate([kept, fakes])
    order = np.arange(len(both))
    first = len(kept) + np.arange(count)
    order[places], order[first] = first, places
    after, shown = np.split(both[order], [len(kept)])
    return shown, after


def _buffer_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    points = np.array([[1.0], [2.0], [3.0]]), np.array([[7.0], [8.0]])
    four = rng.random((10, 4, 3, 1)), rng.random((6, 4, 3, 1))
    return [
        Case("one of two fakes is swapped", (*points, np.array([1]))),
        Case(
            "two of three fakes are",
            (rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), np.array([4, 0])),
        ),
        Case("pictures, three of six", (*four, np.array([9, 2, 5]))),
        Case("the whole batch", (four[0], four[1][:2], np.array([3, 1]))),
        Case("none", (*points, np.array([], "int32"))),
    ]


def _written(kept: tf.Tensor, places: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(kept, places[:, tf.newaxis], new)


def _write_first(kept: tf.Tensor, fakes: tf.Tensor, places: tf.Tensor) -> Pair:
    after = swap_old(kept, fakes, places)[1]
    return swap_old(after, fakes, places)[0], after


def _from_the_front(kept: tf.Tensor, fakes: tf.Tensor, places: tf.Tensor) -> Pair:
    return swap_old(kept, fakes, tf.range(len(places)))


def _last_replaced(kept: tf.Tensor, fakes: tf.Tensor, places: tf.Tensor) -> Pair:
    rest = len(fakes) - len(places)
    shown = tf.concat([fakes[:rest], tf.gather(kept, places)], axis=0)
    return shown, _written(kept, places, fakes[rest:])


def _queue(kept: tf.Tensor, fakes: tf.Tensor, places: tf.Tensor) -> Pair:
    count = len(places)
    return swap_old(kept, fakes, places)[0], tf.concat([kept[count:], fakes[:count]], axis=0)


REPLAY = Exercise(
    lab="12",
    name="replay",
    title="One step of a replay buffer",
    oracle=_replay,
    cases=_buffer_cases,
    mistakes=(
        Mistake(
            "a buffer that is written before it is read",
            _write_first,
            "what D is shown is what was just written, and nothing old. Read `places` first.",
        ),
        Mistake(
            "a buffer that is never renewed",
            lambda kept, fakes, places: (swap_old(kept, fakes, places)[0], kept),
            "D would be shown the first fakes for ever. Write the new ones at `places`.",
        ),
        Mistake(
            "a buffer used from its front",
            _from_the_front,
            "the rest of it is never touched. Read and write at `places`.",
        ),
        Mistake(
            "a batch of old fakes alone",
            lambda kept, fakes, places: (tf.gather(kept, places), swap_old(kept, fakes, places)[1]),
            "those that are not swapped are lost. Join `fakes[count:]` behind.",
        ),
        Mistake(
            "a batch that grows",
            lambda kept, fakes, places: (
                tf.concat([tf.gather(kept, places), fakes], axis=0),
                swap_old(kept, fakes, places)[1],
            ),
            "old fakes come in place of new ones, not beside them, or D sees more fakes than real "
            "pictures. Leave the first `count` out.",
        ),
        Mistake(
            "a batch whose last fakes are swapped",
            _last_replaced,
            "that is as good, but the helper swaps the first ones, and so should you.",
        ),
        Mistake(
            "a queue",
            _queue,
            "the oldest leave, whatever `places` says, so nothing from long ago stays. Write at "
            "`places`, where you read.",
        ),
    ),
)

EXERCISES = (STDDEV, REPLAY)
