"""Lab 05, convolutional autoencoder: a transposed convolution's cost; anomaly scores, their AUC."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake


def check_transposed(function: Callable) -> None:
    """Lab 05: output side and multiply-adds of a transposed convolution of a square picture."""
    print(TRANSPOSED.check(function))


def check_area(function: Callable) -> None:
    """Lab 05: the AUC of anomaly scores, from the differences of two sets of pictures."""
    print(AREA.check(function))


def _transposed(
    side: int, kernel: int, stride: int, padding: str, channels_in: int, channels_out: int
) -> tuple[int, float]:
    """Keras's output side; and products counted by ones: each adds 1 to what comes out."""
    import keras

    layer = keras.layers.Conv2DTranspose(
        channels_out, kernel, stride, padding, kernel_initializer="zeros"
    )
    grown = layer.compute_output_shape((1, side, side, channels_in))[1]
    whole = (side - 1) * stride + kernel  # with nothing cut off at the rim
    ones = tf.ones((1, side, side, channels_in)), tf.ones((kernel, kernel, 1, channels_in))
    answer = tf.nn.conv2d_transpose(*ones, (1, whole, whole, 1), stride, "VALID")
    return grown, float(tf.reduce_sum(tf.cast(answer, "float64"))) * channels_out


def _layer_cases() -> list[Case]:
    return [
        Case("1 pixel, a 2 × 2 kernel", (1, 2, 2, "same", 1, 1)),
        Case("7 to 14, as in this lab", (7, 4, 2, "same", 32, 16)),
        Case("nothing cut off", (7, 5, 2, "valid", 8, 3)),
        Case("a stride of 1", (5, 3, 1, "same", 2, 4)),
        Case("a kernel smaller than the stride", (4, 2, 3, "valid", 3, 2)),
        Case("a large stride", (3, 4, 4, "same", 1, 5)),
    ]


def _side(side: int, kernel: int, stride: int, padding: str) -> int:
    return side * stride + (max(kernel - stride, 0) if padding == "valid" else 0)


def _with_side(find: Callable) -> Callable:
    """A mistake in the side; the products are right."""

    def compute(
        side: int, kernel: int, stride: int, padding: str, channels_in: int, channels_out: int
    ) -> tuple[int, int]:
        products = side**2 * kernel**2 * channels_in * channels_out
        return find(side, kernel, stride, padding), products

    return compute


def _with_products(count: Callable) -> Callable:
    """A mistake in the products; the side is right."""

    def compute(
        side: int, kernel: int, stride: int, padding: str, channels_in: int, channels_out: int
    ) -> tuple[int, int]:
        grown = _side(side, kernel, stride, padding)
        return grown, count(side, kernel, grown, channels_in, channels_out)

    return compute


TRANSPOSED = Exercise(
    lab="05",
    name="transposed",
    title="Cost of a transposed convolution",
    oracle=_transposed,
    cases=_layer_cases,
    mistakes=(
        Mistake(
            "the size with nothing cut off, whatever the padding",
            _with_side(lambda side, kernel, stride, _: side * stride + max(kernel - stride, 0)),
            'with padding "same" Keras cuts the rim off, so that the side is stride times as long.',
        ),
        Mistake(
            "the size of padding same, whatever the padding",
            _with_side(lambda side, kernel, stride, _: side * stride),
            'with padding "valid" the last kernel reaches beyond its stride, by kernel - stride.',
        ),
        Mistake(
            "the size that PyTorch gives",
            _with_side(
                lambda side, kernel, stride, padding: (
                    (side - 1) * stride + kernel if padding == "valid" else side * stride
                )
            ),
            "where the kernel is smaller than the stride, Keras still gives each pixel a whole "
            "stride of room.",
        ),
        Mistake(
            "the size of an ordinary convolution",
            _with_side(
                lambda side, kernel, stride, padding: (
                    (side - kernel) // stride + 1 if padding == "valid" else -(-side // stride)
                )
            ),
            "that one shrinks. A transposed convolution multiplies by the stride.",
        ),
        Mistake(
            "a count at the places of the output",
            _with_products(lambda side, kernel, grown, a, b: grown**2 * kernel**2 * a * b),
            "an ordinary convolution works so. Here every pixel of the *input* is multiplied by "
            "the whole kernel, once.",
        ),
        Mistake(
            "the number of weights",
            _with_products(lambda side, kernel, grown, a, b: kernel**2 * a * b),
            "weights are stored once and used at every place. Multiply by the places of the input.",
        ),
        Mistake(
            "a count without the channels",
            _with_products(lambda side, kernel, grown, a, b: side**2 * kernel**2),
            "every channel that comes in meets every channel that goes out. Multiply by both.",
        ),
        Mistake(
            "a count with the kernel's side",
            _with_products(lambda side, kernel, grown, a, b: side**2 * kernel * a * b),
            "a kernel has two sides. Square it.",
        ),
        Mistake(
            "a count with the picture's side",
            _with_products(lambda side, kernel, grown, a, b: side * kernel**2 * a * b),
            "a picture has rows and columns. Square its side.",
        ),
        Mistake(
            "twice the multiply-adds",
            _with_products(lambda side, kernel, grown, a, b: 2 * side**2 * kernel**2 * a * b),
            "papers that count operations do so; a multiply-add is one product with its addition.",
        ),
    ),
)


def _area(clothes: np.ndarray, strangers: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    labels = np.repeat([0, 1], [len(clothes), len(strangers)])
    return float(roc_auc_score(labels, _scores(np.concatenate([clothes, strangers]))))


def _difference_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    few = np.array([1.0, 0.5, 2.0, 3.0]).reshape(2, 1, 2, 1), np.full((1, 1, 2, 1), 1.5)
    some, others = rng.normal(0.2, 1, (8, 3, 3, 1)), rng.normal(0, 1.2, (11, 3, 3, 1))
    ties = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [1.0, 1.0]]).reshape(4, 1, 2, 1)
    colour = rng.normal(size=(9, 4, 2, 3)), 0.9 * rng.normal(size=(5, 4, 2, 3))
    return [
        Case("two pieces of clothing, one stranger", few),
        Case("eight and eleven pictures", (some, others)),
        Case("scores of which some are alike", (ties, -ties[:3])),
        Case("nothing but equal scores", (np.zeros((3, 2, 2, 1)), np.zeros((2, 2, 2, 1)))),
        Case("strangers that are drawn better, in colour", colour),
    ]


def _scores(differences: np.ndarray) -> np.ndarray:
    return np.mean(differences**2, axis=(1, 2, 3))


def _share(known: np.ndarray, strange: np.ndarray, ties: float = 0.5) -> float:
    """Of all pairs, those with a larger score for the stranger."""
    gap = strange[:, np.newaxis] - known
    return float(np.mean(gap > 0) + ties * np.mean(gap == 0))


def _with_score(score: Callable) -> Callable:
    """A mistake in the score; the area under the curve is right."""
    return lambda clothes, strangers: _share(score(clothes), score(strangers))


def _with_share(share: Callable) -> Callable:
    """A mistake in the area; the scores are right."""
    return lambda clothes, strangers: float(share(_scores(clothes), _scores(strangers)))


def _halfway(known: np.ndarray, strange: np.ndarray) -> float:
    line = (known.mean() + strange.mean()) / 2
    return float(np.mean(np.concatenate([known <= line, strange > line])))


def _side_by_side(known: np.ndarray, strange: np.ndarray) -> float:
    count = min(len(known), len(strange))
    return float(np.mean(strange[:count] > known[:count]))


AREA = Exercise(
    lab="05",
    name="area",
    title="Anomaly score and its AUC",
    oracle=_area,
    cases=_difference_cases,
    tensors=False,
    mistakes=(
        Mistake(
            "the AUC of mean differences",
            _with_score(lambda differences: differences.mean(axis=(1, 2, 3))),
            "a pixel too bright and one too dark cancel. Square before you average.",
        ),
        Mistake(
            "the AUC of mean absolute differences",
            _with_score(lambda differences: np.abs(differences).mean(axis=(1, 2, 3))),
            "the network was trained on squares, and this lab's score is their mean.",
        ),
        Mistake(
            "the AUC of the worst pixels",
            _with_score(lambda differences: np.max(differences**2, axis=(1, 2, 3))),
            "one bad pixel would decide. Average over all of a picture's pixels.",
        ),
        Mistake(
            "the share in which clothes have the larger score",
            _with_share(lambda known, strange: _share(strange, known)),
            "strangers are what is looked for: they are to come out higher.",
        ),
        Mistake(
            "a count in which a tie is lost",
            _with_share(lambda known, strange: _share(known, strange, 0.0)),
            "scores that are all alike are as good as guessing, 0.5. Count half of every tie.",
        ),
        Mistake(
            "a count in which a tie is won",
            _with_share(lambda known, strange: _share(known, strange, 1.0)),
            "scores that are all alike would be perfect. Count half of every tie.",
        ),
        Mistake(
            "the share of right answers at one threshold",
            _with_share(_halfway),
            "the area needs no threshold, and takes them all in. Compare every stranger with "
            "every piece of clothing.",
        ),
        Mistake(
            "the share of pairs that stand side by side",
            _with_share(_side_by_side),
            "the first stranger is to meet all clothes, not only the first. `[:, np.newaxis]` "
            "lets every one meet every other.",
        ),
        Mistake(
            "a comparison of two means",
            _with_share(lambda known, strange: strange.mean() > known.mean()),
            "each picture is to have a score of its own. Leave the first axis out of the mean.",
        ),
        Mistake(
            "the share of strangers above the mean of clothes",
            _with_share(lambda known, strange: np.mean(strange > known.mean())),
            "a mean is one threshold of many. Compare with every piece of clothing.",
        ),
    ),
)

EXERCISES = (TRANSPOSED, AREA)
