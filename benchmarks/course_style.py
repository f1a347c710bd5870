"""Style transfer in the shape of the course's lab, written by us: every step runs eagerly and passes
the picture through the network twice, once for the style and once for the content.

Adam works on pixels from 0 to 255 with a rate of 20, halved every 100 steps. The loss is ours, so
that both sides can be compared at the same value of the same loss.
"""

import keras
import tensorflow as tf

from helpers import losses, style

LEARNING_RATE, HALVED_EVERY = 20.0, 100
LAYERS = {f"block{block}_conv1": 1.0 for block in (1, 2, 3, 4, 5)}
CONTENT_LAYER = "block5_conv2"


class CourseShaped:
    """One picture, its two-pass loss and its optimizer.

    Args:
        transfer: holds the network, the layers and the weights of the loss.
        size: shorter side in pixels.
    """

    def __init__(self, transfer: style.StyleTransfer, size: int):
        self.transfer, self.targets = transfer, transfer.targets(size)
        self.pixels = tf.Variable(255 * style.resize(transfer.content, size)[None])
        rate = keras.optimizers.schedules.ExponentialDecay(LEARNING_RATE, HALVED_EVERY, 0.5)
        self.optimizer = keras.optimizers.Adam(rate)

    def loss(self):
        """The weighted total, with one pass for each of style and content."""
        transfer, picture = self.transfer, self.pixels / 255
        for_style, for_content = transfer.network(picture), transfer.network(picture)
        grams = [losses.gram_matrix(for_style[name]) for name in transfer.layers]
        weights = list(transfer.layers.values())
        content = for_content[transfer.content_layer]
        return (
            transfer.weights["style"] * losses.style_loss(grams, self.targets.grams, weights)
            + transfer.weights["content"] * losses.content_loss(content, self.targets.content)
            + transfer.weights["variation"] * losses.total_variation(picture)
        )

    def step(self) -> float:
        """One step; returns the loss before it."""
        with tf.GradientTape() as tape:
            loss = self.loss()
        gradient = tape.gradient(loss, self.pixels)
        self.optimizer.apply_gradients([(gradient, self.pixels)])
        self.pixels.assign(tf.clip_by_value(self.pixels, 0, 255))
        return float(loss)
