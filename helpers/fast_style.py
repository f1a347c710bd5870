"""How can a network paint in any style at once? By giving its features another mean and spread.

    picture = decode((1 - alpha) * c + alpha * AdaIN(c, s))        c = encode(photograph)
                                                                   s = encode(painting)

    symbol    shape                    meaning
    c, s      (1, rows, columns, 512)  VGG19's features at block4_conv1, a position per 8 x 8 pixels
    AdaIN     as c                     c with the mean and standard deviation of s, per channel
    alpha     a number                 0 keeps the photograph's features, 1 takes the style's

Huang and Belongie, arXiv:1703.06868, with their weights.
"""

import keras
import numpy as np
import tensorflow as tf
from tensorflow.types.experimental import PolymorphicFunction

from helpers import data, layers, pretrained


def in_float32(network: keras.Model) -> keras.Model:
    """The network in float32, whatever Keras' policy: float16 loses the gradient of a pixel."""
    for layer in (network, *network.layers):
        layer.dtype_policy = "float32"
    return network


def with_constants(network: keras.Model) -> PolymorphicFunction:
    """A frozen network, compiled, with its weights as constants of the graph.

    oneDNN's convolutions want a kernel in an order of their own. A constant is put into it once for
    all calls; a variable might have changed, and is read as it lies: VGG19's deep layers then take
    twice as long. The numbers that come out are the same.

    Args:
        network: its `trainable` is False; weights set later are not seen.

    Returns:
        A function from the network's inputs to its outputs, in float32.
    """
    weights = [weight.numpy() for weight in in_float32(network).non_trainable_variables]
    any_size = tf.TensorSpec(network.inputs[0].shape, "float32")  # one graph for all sizes

    @tf.function(autograph=False, input_signature=[any_size])
    def call(inputs: tf.Tensor) -> tf.Tensor | dict[str, tf.Tensor]:
        outputs, _ = network.stateless_call([], weights, inputs)
        return outputs

    return call


class FastTransfer:
    """Any style in one pass: encode, align means and standard deviations, decode."""

    SHORTEST = 9  # two positions a side in the features, which the decoder mirrors at their edge

    def __init__(self) -> None:
        self._encode = with_constants(pretrained.vgg19(("block4_conv1",)))
        self._decode = with_constants(pretrained.adain_decoder())
        self.align = layers.AdaIN(dtype="float32")

    def encode(self, picture: np.ndarray) -> tf.Tensor:
        """A picture's features.

        Args:
            picture: RGB in [0, 1], shape (height, width, 3), `SHORTEST` pixels a side or more.

        Returns:
            Shape (1, height / 8, width / 8, 512); a side that is no multiple of 8 is rounded up.

        Raises:
            ValueError: a picture of the wrong shape or range, or one that is too small.
        """
        data.check_images(np.asarray(picture)[np.newaxis])
        if picture.shape[-1] != 3 or min(picture.shape[:2]) < self.SHORTEST:
            hint = f"use (height, width, 3) with {self.SHORTEST} pixels a side or more"
            raise ValueError(f"A picture has shape {picture.shape}: {hint}.")
        return self._encode(tf.constant(picture[np.newaxis], "float32"))["block4_conv1"]

    def mix(
        self, content: tf.Tensor, styles: list[tf.Tensor], shares: list[float], alpha: float = 1.0
    ) -> tf.Tensor:
        """Features between the content's own and those in a mixture of styles.

        Args:
            content: features of the photograph.
            styles: features of each painting.
            shares: how much each painting counts, 0 or more, not all 0.
            alpha: 0 gives back the photograph's features, 1 those of the styles.
        """
        pairs = zip(styles, shares, strict=True)
        aligned = sum(share * self.align([content, style]) for style, share in pairs if share)
        return (1 - alpha) * content + alpha * aligned / sum(shares)

    def decode(self, features: tf.Tensor, shape: tuple[int, int] | None = None) -> np.ndarray:
        """A picture from features.

        Args:
            features: of :meth:`encode` or :meth:`mix`, shape (1, rows, columns, 512).
            shape: height and width of the photograph that was encoded; None for 8 times the rows
                and columns, which is more where its sides are no multiples of 8.

        Returns:
            RGB clipped to [0, 1], shape (*shape, 3).

        Raises:
            ValueError: a photograph of this shape has other features.
        """
        rows, columns = features.shape[1:3]
        height, width = (8 * rows, 8 * columns) if shape is None else shape
        if (-(-height // 8), -(-width // 8)) != (rows, columns):
            said = f"The features are {rows} x {columns} and the picture {height} x {width}"
            raise ValueError(f"{said}: give the height and width of the picture that was encoded.")
        return np.clip(self._decode(features)[0, :height, :width], 0, 1)
