"""Which networks that look at pictures, or paint them, did somebody else train?

Their weights come through :func:`helpers.data.style_weights`. Both take or give RGB in [0, 1] and
pad by reflection, so that the edge of a picture is no edge to the network:

    VGG19            picture to features; block1_conv1 ... block5_conv4, ReLU after each
    AdaIN decoder    features of block4_conv1 to a picture

    symbol           shape                               meaning
    block{b}_conv    (batch, h / 2^(b-1), w / ..., c)    c is 64, 128, 256, 512, 512 for b = 1 ... 5

Simonyan and Zisserman, arXiv:1409.1556; Huang and Belongie, arXiv:1703.06868.
"""

import functools
import itertools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import data, runtime
from helpers.data import cache

VGG19_BLOCKS = {1: (64, 2), 2: (128, 2), 3: (256, 4), 4: (512, 4), 5: (512, 4)}
VGG19_LAYERS = tuple(
    f"block{b}_conv{c + 1}" for b, (_, n) in VGG19_BLOCKS.items() for c in range(n)
)
DECODER_WIDTHS: tuple[int | str, ...] = (256, "up", 256, 256, 256, 128, "up", 128, 64, "up", 64, 3)


def _convolve(
    x: keras.KerasTensor, width: int, name: str, activation: str | None = "relu"
) -> keras.KerasTensor:
    """A 3x3 convolution that sees the picture mirrored at its edges."""
    x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")
    return keras.layers.Conv2D(width, 3, activation=activation, name=name)(x)


@keras.saving.register_keras_serializable("gdl")
class RepeatedConv2D(keras.layers.Conv2D):
    """Each pixel repeated twice a side, then a 3x3 convolution that sees the edge mirrored.

    Nine weights look at four different pixels there, so those that look at the same one are added
    up first: what remains is a transposed convolution, with 4/9 of the multiply-adds.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """From (batch, height, width, c) to twice the height and width."""
        x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
        kernel = ops.transpose(self.kernel[::-1, ::-1], (0, 1, 3, 2))
        shifts = [(row, column) for row in (0, 1) for column in (0, 1)]
        shifted = [ops.pad(kernel, [[r, 1 - r], [c, 1 - c], [0, 0], [0, 0]]) for r, c in shifts]
        x = ops.conv_transpose(x, sum(shifted), strides=2)
        return self.activation(x[:, 3:-3, 3:-3] + self.bias)

    def compute_output_shape(self, shape: tuple) -> tuple:
        """As Keras asks for it; an unknown side is None."""
        sides = (None if side is None else 2 * side for side in shape[1:3])
        return (shape[0], *sides, self.filters)


def _vgg19_layers(image: keras.KerasTensor, deepest: str) -> dict[str, keras.KerasTensor]:
    """Name to tensor for the convolutions of VGG19, in order, up to the deepest one wanted."""
    x, tensors = keras.layers.Conv2D(3, 1, name="preprocess")(image), {}
    for name in VGG19_LAYERS[: VGG19_LAYERS.index(deepest) + 1]:
        block = int(name[5])
        if block > 1 and name.endswith("conv1"):
            x = keras.layers.MaxPooling2D(2, padding="same", name=f"block{block - 1}_pool")(x)
        x = tensors[name] = _convolve(x, VGG19_BLOCKS[block][0], name)
    return tensors


@runtime.layers_draw_from(0)
def vgg19(layers: Sequence[str] = VGG19_LAYERS, weights: str | None = "normalised") -> keras.Model:
    """VGG19 without its classifier, frozen.

    Its first layer, ``preprocess``, turns RGB into the BGR times 255 minus the mean colour that
    the network was trained on, so pictures stay in [0, 1] everywhere else.

    Args:
        layers: names of the layers to return, for example ``("block1_conv1", "block4_conv2")``.
        weights: ``"normalised"``, each channel rescaled to a mean activation of 1 over pictures;
            ``"imagenet"``, Keras' own; None for random ones, the same each time,
            to compare with.

    Returns:
        A model from images, (batch, height, width, 3) in [0, 1], to a dictionary from each name to
        its activations after the ReLU; sides are halved by every block before the layer.

    Raises:
        ValueError: an unknown layer or kind of weights.
        DataError: the weights cannot be fetched.
    """
    unknown = [name for name in layers if name not in VGG19_LAYERS]
    if unknown or not layers:
        raise ValueError(f"VGG19 has no layer {unknown}: choose from {', '.join(VGG19_LAYERS)}.")
    if weights not in ("normalised", "imagenet", None):
        raise ValueError(f'weights is {weights!r}: use "normalised", "imagenet" or None.')
    image = keras.Input((None, None, 3), name="image")
    tensors = _vgg19_layers(image, deepest=max(layers, key=VGG19_LAYERS.index))
    model = keras.Model(image, {name: tensors[name] for name in layers}, name="vgg19")
    {"normalised": _set_normalised, "imagenet": _set_imagenet, None: _set_colours}[weights](model)
    model.trainable = False
    return model


_style_weights = functools.cache(data.style_weights)


def _set_in_order(model: keras.Model, network: str) -> None:
    """Give the convolutions of a model the weights of one network, in order."""
    arrays = _style_weights()
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    for number, layer in enumerate(convolutions):
        parts = (arrays[f"{network}/{number:02d}/{part}"] for part in ("kernel", "bias"))
        layer.set_weights(list(parts))


def _set_normalised(model: keras.Model) -> None:
    _set_in_order(model, "vgg19")


def _set_colours(model: keras.Model) -> None:
    """RGB in [0, 1] to BGR times 255 minus ImageNet's mean colour."""
    kernel = 255.0 * np.eye(3, dtype="float32")[::-1].reshape(1, 1, 3, 3)
    mean_bgr = np.array([103.939, 116.779, 123.68], "float32")
    model.get_layer("preprocess").set_weights([kernel, -mean_bgr])


def _set_imagenet(model: keras.Model) -> None:
    _set_colours(model)
    try:
        source = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:
        raise cache.DataError(
            "Keras' own weights of VGG19 cannot be fetched: connect to the internet, or use "
            'weights="normalised", which come from a package.'
        ) from error
    for layer in model.layers:
        if layer.name in VGG19_LAYERS:
            layer.set_weights(source.get_layer(layer.name).get_weights())


@runtime.layers_draw_from(0)
def adain_decoder() -> keras.Model:
    """The decoder of Huang and Belongie (arXiv:1703.06868), frozen: block4_conv1 to a picture.

    It mirrors VGG19 up to that layer, with nearest-neighbour upsampling where VGG19 pools.

    Returns:
        A model from (batch, height / 8, width / 8, 512) to (batch, height, width, 3), not clipped
        to [0, 1].

    Raises:
        DataError: the weights cannot be fetched.
    """
    x = features = keras.Input((None, None, 512), name="features")
    for number, (before, width) in enumerate(itertools.pairwise(("", *DECODER_WIDTHS))):
        if before == "up":
            x = RepeatedConv2D(width, 3, activation="relu", name=f"up_conv_{number}")(x)
        elif isinstance(width, int):
            x = _convolve(x, width, f"conv_{number}", None if width == 3 else "relu")
    model = keras.Model(features, x, name="adain_decoder")
    _set_in_order(model, "decoder")
    model.trainable = False
    return model
