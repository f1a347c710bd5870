"""How can a frozen network paint? By telling how wrong a picture is, and in which direction.

Nothing of the network is trained. The picture x is: its pixels are the variables of

    x* = argmin_x  content_weight * content_loss + style_weight * style_loss
                   + variation_weight * total_variation                       0 <= x <= 1

    symbol           shape                    meaning
    x                (1, height, width, 3)    the picture, RGB in [0, 1]
    F                a layer's activations    compared with the photograph's at one deep layer
    G                their Gram matrix        compared with the painting's at several layers

The targets are computed once per size; each step is one pass through the network and one back. A
small picture is painted first and enlarged: large shapes settle where a step costs a sixteenth.

Gatys, Ecker and Bethge, arXiv:1508.06576 and CVPR 2016; coarse to fine and masks: Gatys and others,
arXiv:1611.07865. In one pass instead, for any style: :mod:`helpers.fast_style`.
"""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image
from scipy.optimize import Bounds, minimize
from skimage import color
from tensorflow.types.experimental import PolymorphicFunction
from threadpoolctl import threadpool_limits

from helpers import data, losses, pretrained, runtime
from helpers.fast_style import FastTransfer as FastTransfer
from helpers.fast_style import with_constants

STYLE_LAYERS = {f"block{block}_conv1": 1.0 for block in (1, 2, 3, 4)}
CONTENT_LAYER = "block4_conv2"
CONTENT_WEIGHT, STYLE_WEIGHT, VARIATION_WEIGHT = 1.0, 20.0, 3.0
FIRST_STEP = 0.02  # standard deviation of L-BFGS's first change of the pixels
SMALLEST = 32  # pixels a side; below, deep layers have hardly a position left
SIZES, STEPS = (64, 128, 256), (40, 20, 28)
Losses: TypeAlias = dict[str, tf.Tensor]  # a term's or layer's name to a number
Step: TypeAlias = tuple[Losses, tf.Tensor]  # and the gradient in the picture
Evaluate: TypeAlias = Callable[[tf.Tensor], tuple[float, tf.Tensor]]


class Frame(NamedTuple):
    """One moment of an optimisation."""

    step: int
    seconds: float
    losses: dict[str, float]
    picture: np.ndarray


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Scale a picture of shape (height, width, channels) so that its shorter side is `size`."""
    scale = size / min(image.shape[:2])
    return fit(image, tuple(round(side * scale) for side in image.shape[:2]))


def fit(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale a picture to exactly this height and width."""
    channels = [
        Image.fromarray(channel).resize(shape[::-1], Image.Resampling.LANCZOS)
        for channel in np.moveaxis(image.astype("float32"), -1, 0)
    ]
    return np.clip(np.stack([np.asarray(channel) for channel in channels], axis=-1), 0, 1)


def _check_picture(picture: np.ndarray) -> None:
    """Refuse what is no RGB picture in [0, 1]."""
    data.check_images(np.asarray(picture)[np.newaxis])
    if picture.shape[-1] != 3:
        raise ValueError(f"A picture has shape {picture.shape}: use (height, width, 3).")


def keep_colours(styled: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The brightness of one picture with the colours of another, both RGB in [0, 1].

    Gatys and others (arXiv:1606.05897) style the luminance alone; here a finished picture of shape
    (height, width, 3) is recoloured, in YUV.

    Raises:
        ValueError: the two have different shapes.
    """
    if styled.shape != content.shape:
        hint = "scale or crop one of them first"
        raise ValueError(f"The pictures have shapes {styled.shape} and {content.shape}: {hint}.")
    mixed = color.rgb2yuv(content)
    mixed[..., 0] = color.rgb2yuv(styled)[..., 0]
    return np.clip(color.yuv2rgb(mixed), 0, 1).astype("float32")


class _Stopped(Exception):
    """Raised inside an optimiser to leave it."""


class _Targets(NamedTuple):
    """What a picture of one size is compared with."""

    content: tf.Tensor | None
    grams: list[tf.Tensor]
    masks: list[tf.Tensor]


@functools.lru_cache(maxsize=8)
def _frozen_network(
    layers: tuple[str, ...], weights: str | None
) -> tuple[keras.Model, PolymorphicFunction]:
    """VGG19 up to some layers, and compiled: once for all transfers that compare the same ones."""
    network = pretrained.vgg19(layers, weights)
    return network, with_constants(network)


def _losses(
    look: PolymorphicFunction, picture: tf.Tensor, targets: _Targets, weights: Losses,
    layers: Losses, content_layer: str,
) -> Losses:  # fmt: skip
    """The terms that have a weight, unweighted, and their weighted sum as `total`."""
    features, parts = look(picture), {}
    if "content" in weights:
        parts["content"] = losses.content_loss(features[content_layer], targets.content)
    if layers:
        pairs = zip(layers, targets.masks, strict=True)
        grams = [losses.gram_matrix(features[name], mask) for name, mask in pairs]
        parts["style"] = losses.style_loss(grams, targets.grams, list(layers.values()))
    if "variation" in weights:
        parts["variation"] = losses.total_variation(picture)
    return parts | {"total": sum(weights[name] * part for name, part in parts.items())}


@tf.function(reduce_retracing=True)
def _losses_and_gradient(look: PolymorphicFunction, picture: tf.Tensor, *settings: Any) -> Step:
    """The losses and the gradient of their total in the picture.

    Weights and targets are tensors, so that all transfers which compare the same layers share one
    compiled step: compiling takes as long as ten steps of a small picture.
    """
    with tf.GradientTape() as tape:
        tape.watch(picture)
        parts = _losses(look, picture, *settings)
    return parts, tape.gradient(parts["total"], picture)


class StyleTransfer:
    """Paint a photograph in the style of one or several paintings, by optimisation.

    `best` is the picture with the lowest loss so far, also after an interrupt.

    Args:
        content: the photograph, RGB in [0, 1], shape (height, width, 3).
        styles: paintings, each RGB in [0, 1] of any height and width.
        mix: how much each painting counts; None counts all alike.
        layers: style layer to its weight; layers of weight 0 are left out.
        content_layer: where content is compared.
        content_weight: of the content loss; 0 makes a texture in the photograph's shape.
        style_weight: of the style loss; 0 shows what one layer keeps of the photograph.
        variation_weight: of the total variation.
        mask: where the style is asked for, in [0, 1], shape (height, width, 1); None is everywhere.
        original_colours: whether the picture gets the photograph's colours in the end.
        weights: of VGG19, as :func:`helpers.pretrained.vgg19` takes them.

    Raises:
        ValueError: a picture of the wrong shape or range, or weights that do not fit.
    """

    def __init__(
        self, content: np.ndarray, styles: list[np.ndarray], mix: list[float] | None = None,
        layers: dict[str, float] = STYLE_LAYERS, content_layer: str = CONTENT_LAYER,
        content_weight: float = CONTENT_WEIGHT, style_weight: float = STYLE_WEIGHT,
        variation_weight: float = VARIATION_WEIGHT, mask: np.ndarray | None = None,
        original_colours: bool = False, weights: str | None = "normalised",
    ) -> None:  # fmt: skip
        self.weights = {"content": content_weight, "style": style_weight}
        self.weights["variation"] = variation_weight
        self.content, self.styles, self.mask = content, styles, mask
        self.mix = np.ones(len(styles)) if mix is None else np.asarray(mix, "float64")
        self.layers = {name: weight for name, weight in layers.items() if weight and style_weight}
        self.content_layer, self.original_colours = content_layer, original_colours
        self._check()
        seen = (*self.layers, content_layer) if content_weight else tuple(self.layers)
        self.network, self._look = _frozen_network(tuple(dict.fromkeys(seen)), weights)
        self.best = content

    def _check(self) -> None:
        """Refuse pictures, weights and masks that mean nothing."""
        for picture in (self.content, *self.styles):
            _check_picture(picture)
        weights = {**self.layers, **self.weights}
        runtime.check_not_negative(**{f"The weight of {name}": w for name, w in weights.items()})
        if not self.layers and not self.weights["content"]:
            raise ValueError("Nothing to match: give a content weight, or a style layer a weight.")
        mixed = len(self.mix) == len(self.styles) and np.isfinite(self.mix).all()
        mixed = mixed and min(self.mix, default=0) >= 0
        if self.layers and not (mixed and sum(self.mix)):
            said = f"mix is {list(self.mix)} for {len(self.styles)} paintings"
            raise ValueError(f"{said}: give each a number of 0 or more, and not only zeros.")
        shape = (*self.content.shape[:2], 1)
        if self.mask is None:
            return
        low, high = self.mask.min(), self.mask.max()
        if self.mask.shape != shape or not (low >= 0 and 0 < high <= 1):
            said = f"mask has shape {self.mask.shape} and reaches from {low:g} to {high:g}"
            raise ValueError(f"{said}: use shape {shape} with 1 where the style should go.")

    def losses(self, picture: tf.Tensor, targets: _Targets) -> Losses:
        """The terms whose weight is not 0, unweighted, and their weighted sum as `total`."""
        return _losses(self._look, picture, *self._settings(targets))

    def losses_and_gradient(self, picture: tf.Tensor, targets: _Targets) -> Step:
        """The same, compiled, and the gradient of `total` in the picture."""
        picture = tf.convert_to_tensor(picture)  # of a variable the shape would stay
        return _losses_and_gradient(self._look, picture, *self._settings(targets))

    def _settings(self, targets: _Targets) -> tuple:
        """What decides the losses of a picture, numbers as tensors."""
        weights = {name: tf.constant(w, "float32") for name, w in self.weights.items() if w}
        layers = {name: tf.constant(w, "float32") for name, w in self.layers.items()}
        return targets, weights, layers, self.content_layer

    def targets(self, size: int) -> _Targets:
        """Features of the photograph and Gram matrices of the paintings at one size."""
        photograph = resize(self.content, size)[np.newaxis]
        features = self._look(photograph)
        paintings = [self._look(resize(style, size)[np.newaxis]) for style in self.styles]
        shares = self.mix / max(sum(self.mix), 1e-9)
        pairs = list(zip(shares, paintings, strict=True))
        grams = [sum(s * losses.gram_matrix(p[name]) for s, p in pairs) for name in self.layers]
        mask = np.ones_like(photograph[0, ..., :1]) if self.mask is None else self.mask
        mask, smooth = resize(mask, size)[np.newaxis], {"antialias": True}
        masks = [tf.image.resize(mask, features[n].shape[1:3], **smooth) for n in self.layers]
        return _Targets(features.get(self.content_layer), grams, masks)

    def run(
        self, sizes: tuple[int, ...] = SIZES, steps: tuple[int, ...] = STEPS,
        optimizer: str = "lbfgs", learning_rate: float = 0.08, start: str | np.ndarray = "content",
        on_frame: Callable[[Frame], bool | None] = lambda frame: None,
    ) -> np.ndarray:  # fmt: skip
        """Paint, coarse to fine.

        Args:
            sizes: shorter side in pixels, one per round.
            steps: passes through the network and back, one number per round.
            optimizer: ``"adam"`` or ``"lbfgs"``.
            learning_rate: of Adam, on pixels in [0, 1]; falls to 0 along a cosine in each round.
            start: ``"content"``; ``"noise"``, a grey one; or a picture like the content, scaled to
                its shape, for example :class:`helpers.fast_style.FastTransfer`'s.
            on_frame: called with a :class:`Frame` at each step; a true answer stops.

        Returns:
            The best picture of the last round reached, at the last size.
        """
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"There is no optimizer {optimizer!r}: use adam or lbfgs.")
        if optimizer == "adam":
            runtime.check_positive(learning_rate=learning_rate)
        whole = all(runtime.is_count(number) for number in (*sizes, *steps))
        if len(sizes) != len(steps) or not sizes or not whole or min(sizes) < SMALLEST:
            hint = f"as many of each, whole numbers, {SMALLEST} pixels or more and a step or more"
            raise ValueError(f"sizes {sizes}, steps {steps}: {hint}.")
        self._begin, self._step, self._on_frame = time.perf_counter(), 0, on_frame
        self.best = self._first_picture(start, sizes[0])
        with contextlib.suppress(_Stopped):
            for size, count in zip(sizes, steps, strict=True):
                self._round(size, count, optimizer, learning_rate)
        photograph = resize(self.content, sizes[-1])
        self.best = fit(self.best, photograph.shape[:2])
        if self.original_colours:
            self.best = keep_colours(self.best, photograph)
        return self.best

    def _first_picture(self, start: str | np.ndarray, size: int) -> np.ndarray:
        """What the first round begins with, in the photograph's shape."""
        photograph = resize(self.content, size)
        if not isinstance(start, str):
            _check_picture(start)
            return fit(start, photograph.shape[:2])
        if start == "noise":
            noise = np.random.default_rng(0).normal(0.5, 0.1, photograph.shape)
            return noise.clip(0, 1).astype("float32")
        if start != "content":
            raise ValueError(f"{start!r} is no start: use content, noise or a picture.")
        return photograph

    def _round(self, size: int, steps: int, optimizer: str, learning_rate: float) -> None:
        """Improve `best` at one size."""
        targets, lowest = self.targets(size), np.inf
        self.best = fit(self.best, resize(self.content, size).shape[:2])

        def evaluate(picture: tf.Tensor) -> tuple[float, tf.Tensor]:
            nonlocal lowest
            parts, gradient = self.losses_and_gradient(picture, targets)
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


def _adam(evaluate: Evaluate, picture: np.ndarray, steps: int, learning_rate: float) -> None:
    """Adam on the pixels, clipped to [0, 1] after each step."""
    pixels = keras.Variable(picture)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule)
    for _ in range(steps):
        _, gradient = evaluate(pixels.value)
        optimizer.apply([gradient], [pixels])
        pixels.assign(ops.clip(pixels, 0, 1))


def _lbfgs(evaluate: Evaluate, picture: np.ndarray, steps: int, learning_rate: float) -> None:
    """SciPy's L-BFGS-B within [0, 1]; it finds its own step length.

    Within bounds its first step is the whole gradient; the loss is scaled to make it small. Idle
    threads of its small algebra would get in TensorFlow's way (0.14 s a step, not 0.09).
    """
    scale = None

    def flat(values: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal scale
        loss, gradient = evaluate(tf.constant(values.reshape(picture.shape), "float32"))
        gradient = gradient.numpy().ravel().astype("float64")
        scale = scale or FIRST_STEP / max(np.std(gradient), 1e-12)
        return scale * loss, scale * gradient

    options = {"maxfun": steps, "maxiter": steps, "ftol": 0, "gtol": 0}
    solver = {"jac": True, "method": "L-BFGS-B", "bounds": Bounds(0, 1), "options": options}
    with threadpool_limits(1, "blas"):
        minimize(flat, picture.ravel(), **solver)


OPTIMIZERS = {"adam": _adam, "lbfgs": _lbfgs}
