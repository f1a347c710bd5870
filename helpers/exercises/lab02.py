"""Lab 02, fast style transfer: AdaIN, and a mixture of styles."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake

EPSILON = 1e-5  # added to both variances
PLACES = (1, 2)  # the axes of height and width


def check_adain(function: Callable) -> None:
    """Lab 02: features in the channel statistics of others, both (batch, height, width, channels).

    The heights and widths may differ.
    """
    print(ADAIN.check(function))


def check_mix(function: Callable) -> None:
    """Lab 02: features in a mixture of styles: a list of features, and a share for each."""
    print(MIX.check(function))


def _adain(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """TensorFlow's batch normalisation, handed the statistics of single pictures."""
    mean, variance = (f(content, PLACES, keepdims=True) for f in (np.mean, np.var))
    shift, spread = (f(style, PLACES, keepdims=True) for f in (np.mean, np.var))
    scale = np.sqrt(spread + EPSILON)
    return tf.nn.batch_normalization(content, mean, variance, shift, scale, EPSILON).numpy()


def _adain_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(1, 2, 3, 2))
    flat[..., 1] = 0.5
    pair, many = rng.normal(size=(2, 3, 4, 3)), rng.normal(2.0, 3.0, (2, 2, 5, 3))
    high = rng.uniform(1e3, 2e3, (1, 4, 3, 2))
    return [
        Case("1 × 2 positions, 1 channel", tuple(np.reshape(x, (1, 1, 2, 1)) for x in _PAIR)),
        Case("a channel that is flat", (flat, rng.normal(size=(1, 3, 2, 2)))),
        Case("two pictures and two paintings of another size", (pair, many)),
        Case("one position", (rng.normal(size=(1, 1, 1, 3)), rng.normal(size=(1, 4, 2, 3)))),
        Case("activations of 1,000 and more", (high, rng.uniform(0, 2e3, (1, 3, 3, 2)))),
    ]


_PAIR = np.array([0.0, 2.0]), np.array([10.0, 30.0])


def _moments(features: tf.Tensor, axes: tuple = PLACES) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation."""
    mean, variance = tf.nn.moments(features, axes, keepdims=True)
    return mean, tf.sqrt(variance + EPSILON)


def _aligned(content: tf.Tensor, style: tf.Tensor, axes: tuple = PLACES) -> tf.Tensor:
    (mean, std), (style_mean, style_std) = _moments(content, axes), _moments(style, axes)
    return style_std * (content - mean) / std + style_mean


def _by_variances(content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    (mean, std), (style_mean, style_std) = _moments(content), _moments(style)
    return style_std**2 * (content - mean) / std**2 + style_mean


def _without_epsilon(content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(content, PLACES, keepdims=True)
    style_mean, style_variance = tf.nn.moments(style, PLACES, keepdims=True)
    return tf.sqrt(style_variance) * (content - mean) / tf.sqrt(variance) + style_mean


def _off_centre(content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    (_, std), (style_mean, style_std) = _moments(content), _moments(style)
    return style_std * content / std + style_mean


ADAIN = Exercise(
    lab="02",
    name="adain",
    title="AdaIN",
    oracle=_adain,
    cases=_adain_cases,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "a division by variances",
            _by_variances,
            "a variance is in squared units, so contrast is squared as well. Take the square root "
            "of both.",
        ),
        Mistake(
            "a division by the bare deviation",
            _without_epsilon,
            "a channel that is flat gives 0 / 0. Add 0.00001 to the variance before the root.",
        ),
        Mistake(
            "one mean and deviation for all channels",
            lambda content, style: _aligned(content, style, (1, 2, 3)),
            "which channel fires much and which little is the style, and it is lost. Leave the "
            "last axis out of the mean.",
        ),
        Mistake(
            "batch normalisation",
            lambda content, style: _aligned(content, style, (0, 1, 2)),
            "the statistics are those of all pictures together. Leave the first axis out: each "
            "picture has a style of its own.",
        ),
        Mistake(
            "the painting in the photograph's style",
            lambda content, style: _aligned(style, content),
            "the two have changed places. What is normalised is the content.",
        ),
        Mistake(
            "features with the painting's deviation, and mean 0",
            lambda content, style: _aligned(content, style) - _moments(style)[0],
            "a style is two numbers per channel. Add the painting's mean at the end.",
        ),
        Mistake(
            "features with the painting's mean, and their own deviation",
            lambda content, style: content - _moments(content)[0] + _moments(style)[0],
            "only the mean was exchanged. Divide by the content's deviation, and multiply by the "
            "painting's.",
        ),
        Mistake(
            "a scale about 0",
            _off_centre,
            "the content's own mean is still there, stretched. Take it away before you divide.",
        ),
        Mistake(
            "the normalised content",
            lambda content, style: (content - _moments(content)[0]) / _moments(content)[1],
            "this is instance normalisation: no style yet. Multiply by the painting's deviation "
            "and add its mean.",
        ),
    ),
)


def _mixture(content: np.ndarray, styles: list[np.ndarray], shares: np.ndarray) -> np.ndarray:
    return np.average([_adain(content, style) for style in styles], axis=0, weights=shares)


def _mix_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    first, second = (np.reshape(x, (1, 1, 2, 1)) for x in ([10.0, 30.0], [0.0, 1.0]))
    content = np.reshape(_PAIR[0], (1, 1, 2, 1))
    three = [rng.normal(k, 1.0 + k, (1, 4, 3, 2)) for k in range(3)]
    return [
        Case("two styles, half of each", (content, [first, second], np.array([0.5, 0.5]))),
        Case("shares of 3 and 1", (content, [first, second], np.array([3.0, 1.0]))),
        Case("one style with a share of 2", (content, [second], np.array([2.0]))),
        Case(
            "three styles, the last with no share",
            (rng.normal(size=(1, 2, 5, 2)), three, np.array([0.2, 0.6, 0.0])),
        ),
        Case(
            "four styles, all of which count",
            (rng.normal(size=(1, 3, 3, 2)), [*three, -three[0]], np.array([1.0, 2.0, 3.0, 4.0])),
        ),
    ]


def _weighted(parts: list[tf.Tensor], shares: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(shares, tf.stack(parts), axes=1)


def _mixed(content: tf.Tensor, styles: list[tf.Tensor], shares: tf.Tensor) -> tf.Tensor:
    """A mixture with these weights as they are, whatever their sum."""
    return _weighted([_aligned(content, style) for style in styles], shares)


def _fractions(shares: tf.Tensor) -> tf.Tensor:
    return shares / tf.reduce_sum(shares)


def _from_mixed_features(
    content: tf.Tensor, styles: list[tf.Tensor], shares: tf.Tensor
) -> tf.Tensor:
    return _aligned(content, _weighted(styles, _fractions(shares)))


def _from_mixed_variances(
    content: tf.Tensor, styles: list[tf.Tensor], shares: tf.Tensor
) -> tf.Tensor:
    means, deviations = zip(*map(_moments, styles), strict=True)
    fractions, (mean, std) = _fractions(shares), _moments(content)
    spread = tf.sqrt(_weighted([tf.square(d) for d in deviations], fractions))
    return spread * (content - mean) / std + _weighted(list(means), fractions)


MIX = Exercise(
    lab="02",
    name="mix",
    title="Mixture of styles",
    oracle=_mixture,
    cases=_mix_cases,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "a sum whose shares do not add up to 1",
            _mixed,
            "shares of 3 and 1 would paint four times as strongly as a whole. Divide by the sum "
            "of the shares.",
        ),
        Mistake(
            "AdaIN with mixed features",
            _from_mixed_features,
            "laid over each other, paintings cancel where they differ, and the deviation gets too "
            "small. Align with each painting, then mix.",
        ),
        Mistake(
            "AdaIN with mixed variances",
            _from_mixed_variances,
            "between deviations of 1 and 3 lies 2, and between their squares lies 2.2. Mix what "
            "was aligned, or the deviations.",
        ),
        Mistake(
            "the last style alone",
            lambda content, styles, shares: _aligned(content, styles[-1]),
            "AdaIN after AdaIN forgets the first: each sets mean and deviation anew. Align the "
            "content with each painting, then add.",
        ),
        Mistake(
            "the same share for every style",
            lambda content, styles, shares: _mixed(
                content, styles, _fractions(tf.ones_like(shares))
            ),
            "the shares are not used. Weigh each aligned picture by its own.",
        ),
        Mistake(
            "shares through a softmax",
            lambda content, styles, shares: _mixed(content, styles, tf.nn.softmax(shares)),
            "a painting without a share would still be seen. Divide by the sum instead.",
        ),
        Mistake(
            "the shares in reverse order",
            lambda content, styles, shares: _mixed(content, styles, _fractions(shares[::-1])),
            "the first share belongs to the first painting.",
        ),
        Mistake(
            "the painting with the largest share",
            lambda content, styles, shares: _aligned(content, styles[int(tf.argmax(shares))]),
            "the others are not heard. Add them all, each weighed by its share.",
        ),
    ),
)

EXERCISES = (ADAIN, MIX)
