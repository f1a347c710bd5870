"""How much does a network compute, and what does a layer of it look at?

multiply-adds      how much arithmetic a network does for one picture
busiest channels   the maps of a layer that fire most
"""

import keras
import numpy as np


def multiply_adds(model: keras.Model) -> int:
    """Multiplications that a network does for one input, each with its addition.

    Counts dense layers, convolutions and transposed convolutions, also inside models of models;
    activations, biases and pooling are left out, as they cost little.
    """
    layers, total = keras.layers, 0
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, layers.Dense | layers.Conv2D | layers.Conv2DTranspose):
            counted = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
            places = int(np.prod(counted.shape[1:-1]))
            total += places * int(np.prod(layer.kernel.shape))
    return total


def busiest_channels(features: np.ndarray, count: int) -> list[np.ndarray]:
    """The channels of a layer that fire most on average, most first.

    Args:
        features: activations for one picture, shape (height, width, channels).
        count: how many.

    Returns:
        Maps of shape (height, width, 1).
    """
    features = np.asarray(features)
    strongest = np.argsort(-features.mean(axis=(0, 1)))[:count]
    return [features[..., [channel]] for channel in strongest]
