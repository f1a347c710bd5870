"""How can a frozen network paint? By telling how wrong a picture is, and in which direction.

Nothing of the network is trained. The picture x is: its pixels are the variables of

    x* = argmin_x  content_weight * content_loss + style_weight * style_loss
                   + variation_weight * total_variation                       0 <= x <= 1

    symbol           shape                    meaning
    x                (1, height, width, 3)    the picture, RGB in [0, 1]
    F                a layer's activations    compared with the photograph's at one deep layer
    G                their Gram matrix        compared with the painting's at several layers

The targets are computed once; each step is one pass through the network and one back. A small
picture is painted first and enlarged: large shapes settle where a step costs a quarter.

Gatys, Ecker and Bethge, arXiv:1508.06576; coarse to fine and masks: Gatys and others,
arXiv:1611.07865.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image
from scipy.optimize import minimize
from skimage import color

from helpers import data, losses, pretrained

STYLE_LAYERS = {f"block{block}_conv1": 1.0 for block in (1, 2, 3, 4)}
CONTENT_LAYER = "block4_conv2"


class Frame(NamedTuple):
    """One moment of an optimisation."""

    step: int
    seconds: float
    losses: dict[str, float]
    picture: np.ndarray


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Scale a picture of shape (height, width, channels) so that its shorter side is `size`."""
    height, width = image.shape[:2]
    scale = size / min(height, width)
    shape = (round(width * scale), round(height * scale))
    channels = [
        Image.fromarray(channel).resize(shape, Image.Resampling.LANCZOS)
        for channel in np.moveaxis(image.astype("float32"), -1, 0)
    ]
    return np.clip(np.stack([np.asarray(channel) for channel in channels], axis=-1), 0, 1)


def keep_colours(styled: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The brightness of one picture with the colours of another (luminance transfer).

    Args:
        styled: RGB in [0, 1], shape (height, width, 3).
        content: same shape; its colours are kept.

    Returns:
        Same shape, in [0, 1] (Gatys and others, arXiv:1606.05897, section 3.2, in YUV).
    """
    mixed = color.rgb2yuv(content)
    mixed[..., 0] = color.rgb2yuv(styled)[..., 0]
    return np.clip(color.yuv2rgb(mixed), 0, 1).astype("float32")


class _Stopped(Exception):
    """Raised inside an optimiser to leave it."""


class _Targets(NamedTuple):
    """What a picture of one size is compared with."""

    content: tf.Tensor
    grams: list[tf.Tensor]
    masks: list[tf.Tensor]


class StyleTransfer:
    """Paint a photograph in the style of one or several paintings, by optimisation.

    After, or while, it runs, `best` holds the picture with the lowest loss so far.

    Args:
        content: the photograph, RGB in [0, 1], shape (height, width, 3).
        styles: paintings, each RGB in [0, 1] of any height and width.
        mix: how much each painting counts; None counts all alike.
        layers: style layer to its weight; layers of weight 0 are left out.
        content_layer: where content is compared.
        content_weight: of the content loss; 0 gives a texture in the photograph's shape.
        style_weight: of the style loss.
        variation_weight: of the total variation.
        mask: where the style is asked for, in [0, 1], shape (height, width, 1); None is everywhere.
        original_colours: whether the picture gets the photograph's colours in the end.
        weights: of VGG19, as :func:`helpers.pretrained.vgg19` takes them.

    Raises:
        ValueError: a picture of the wrong shape or range, or weights that do not fit.
    """

    def __init__(
        self,
        content: np.ndarray,
        styles: list[np.ndarray],
        mix: list[float] | None = None,
        layers: dict[str, float] = STYLE_LAYERS,
        content_layer: str = CONTENT_LAYER,
        content_weight: float = 1.0,
        style_weight: float = 100.0,
        variation_weight: float = 1.0,
        mask: np.ndarray | None = None,
        original_colours: bool = False,
        weights: str | None = "normalised",
    ):
        for picture in (content, *styles):
            data.check_images(np.asarray(picture)[np.newaxis])
        self.content, self.styles, self.mask = content, styles, mask
        self.mix = np.ones(len(styles)) if mix is None else np.asarray(mix, "float64")
        self.layers = {name: weight for name, weight in layers.items() if weight}
        self.content_layer, self.original_colours = content_layer, original_colours
        self.weights = {
            "content": content_weight,
            "style": style_weight,
            "variation": variation_weight,
        }
        self._check()
        names = tuple(dict.fromkeys((*self.layers, content_layer)))
        self.network = pretrained.vgg19(names, weights)
        self._evaluate = tf.function(self._losses_and_gradient, jit_compile=False)
        self.best = content

    def _check(self) -> None:
        """Refuse weights and masks that mean nothing."""
        if len(self.mix) != len(self.styles) or self.mix.min() < 0 or not self.mix.sum() > 0:
            raise ValueError(
                f"mix is {list(self.mix)} for {len(self.styles)} paintings: give each a number of "
                "0 or more, and not only zeros."
            )
        if not self.layers or min((*self.layers.values(), *self.weights.values())) < 0:
            raise ValueError("Weights must be 0 or more, and at least one style layer above 0.")
        if self.mask is not None and (
            self.mask.shape != (*self.content.shape[:2], 1) or not self.mask.max() > 0
        ):
            raise ValueError(
                f"mask has shape {self.mask.shape}: use (height, width, 1) of the photograph, with "
                "1 where the style should go."
            )

    def losses(self, picture: tf.Tensor, targets: _Targets) -> dict[str, tf.Tensor]:
        """The three terms, unweighted, and their weighted sum as `total`."""
        features = self.network(picture)
        grams = [
            losses.gram_matrix(features[name], mask)
            for name, mask in zip(self.layers, targets.masks, strict=True)
        ]
        parts = {
            "content": losses.content_loss(features[self.content_layer], targets.content),
            "style": losses.style_loss(grams, targets.grams, list(self.layers.values())),
            "variation": losses.total_variation(picture),
        }
        return parts | {"total": sum(self.weights[name] * parts[name] for name in parts)}

    def _losses_and_gradient(self, picture, targets):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            parts = self.losses(picture, targets)
        return parts, tape.gradient(parts["total"], picture)

    def targets(self, size: int) -> _Targets:
        """Features of the photograph and Gram matrices of the paintings at one size."""
        content = self.network(resize(self.content, size)[np.newaxis])
        paintings = [self.network(resize(style, size)[np.newaxis]) for style in self.styles]
        mix = self.mix / self.mix.sum()
        grams = [
            sum(m * losses.gram_matrix(p[name]) for m, p in zip(mix, paintings, strict=True))
            for name in self.layers
        ]
        mask = np.ones((*self.content.shape[:2], 1)) if self.mask is None else self.mask
        masks = [
            ops.image.resize(resize(mask, size)[np.newaxis], content[name].shape[1:3])
            for name in self.layers
        ]
        return _Targets(content[self.content_layer], grams, masks)

    def run(
        self,
        sizes: tuple[int, ...] = (128, 256),
        steps: tuple[int, ...] = (60, 20),
        optimizer: str = "adam",
        learning_rate: float = 0.05,
        start: str = "content",
        on_frame: Callable[[Frame], bool | None] = lambda frame: None,
    ) -> np.ndarray:
        """Paint, coarse to fine.

        Args:
            sizes: shorter side in pixels, one per round.
            steps: passes through the network and back, one number per round.
            optimizer: ``"adam"`` or ``"lbfgs"``.
            learning_rate: of Adam, on pixels in [0, 1]; falls to 0 along a cosine in each round.
            start: ``"content"`` or ``"noise"``.
            on_frame: called with a :class:`Frame` at each step; a true answer stops.

        Returns:
            The best picture of the last round reached, at the last size.

        Raises:
            ValueError: an unknown optimizer or start.
        """
        if optimizer not in OPTIMIZERS or start not in ("content", "noise"):
            raise ValueError(f"{optimizer!r} from {start!r}: use adam or lbfgs, content or noise.")
        self._begin, self._step, self._on_frame = time.perf_counter(), 0, on_frame
        self.best = resize(self.content, sizes[0])
        if start == "noise":
            self.best = np.random.default_rng(0).random(self.best.shape, "float32")
        try:
            for size, count in zip(sizes, steps, strict=True):
                self._round(size, count, optimizer, learning_rate)
        except _Stopped:
            pass
        final = resize(self.best, sizes[-1])
        if self.original_colours:
            final = keep_colours(final, resize(self.content, sizes[-1]))
        self.best = final
        return final

    def _round(self, size: int, steps: int, optimizer: str, learning_rate: float) -> None:
        """Improve `best` at one size."""
        targets, lowest = self.targets(size), np.inf
        self.best = resize(self.best, size)

        def evaluate(picture):
            nonlocal lowest
            parts, gradient = self._evaluate(picture, targets)
            parts = {name: float(part) for name, part in parts.items()}
            current = np.array(picture[0])
            if parts["total"] < lowest:
                lowest, self.best = parts["total"], current
            self._step += 1
            seconds = time.perf_counter() - self._begin
            if self._on_frame(Frame(self._step, seconds, parts, current)):
                raise _Stopped
            return parts["total"], gradient

        OPTIMIZERS[optimizer](evaluate, self.best[np.newaxis], steps, learning_rate)


def _adam(evaluate, picture, steps, learning_rate):
    """Adam on the pixels, clipped to [0, 1] after each step."""
    pixels = keras.Variable(picture)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule)
    for _ in range(steps):
        _, gradient = evaluate(pixels.value)
        optimizer.apply([gradient], [pixels])
        pixels.assign(ops.clip(pixels, 0, 1))


def _lbfgs(evaluate, picture, steps, learning_rate):
    """SciPy's L-BFGS-B within [0, 1]; it finds its own step length."""

    def flat(values):
        loss, gradient = evaluate(tf.constant(values.reshape(picture.shape), "float32"))
        return loss, gradient.numpy().ravel().astype("float64")

    options = {"maxfun": steps, "maxiter": steps, "ftol": 0, "gtol": 0}
    bounds = [(0, 1)] * picture.size
    minimize(flat, picture.ravel(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)


OPTIMIZERS = {"adam": _adam, "lbfgs": _lbfgs}
