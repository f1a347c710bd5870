"""Style transfer in the shape of the course's lab, written by us.

Every step runs eagerly and passes the picture through the network twice, once for the style and
once for the content.

The network is Keras' own VGG19, with zeros around each layer, and our weights in it. Adam works on
pixels from 0 to 255 with a rate of 20, halved every 100 steps. The loss is ours, so that both sides
can be compared at one value of one loss.
"""

import keras
import tensorflow as tf

from helpers import losses, pretrained, style

LEARNING_RATE, HALVED_EVERY = 20.0, 100
COURSE_LAYERS = {
    "layers": {f"block{block}_conv1": 1.0 for block in (1, 2, 3, 4, 5)},
    "content_layer": "block5_conv2",
}


def optimizer() -> keras.optimizers.Optimizer:
    """The course's bold Adam."""
    rate = keras.optimizers.schedules.ExponentialDecay(LEARNING_RATE, HALVED_EVERY, 0.5)
    return keras.optimizers.Adam(rate)


def keras_vgg19(names: list[str]) -> keras.Model:
    """VGG19 of Keras Applications with our weights, cut to the named layers."""
    network = keras.applications.VGG19(include_top=False, weights=None)
    ours = pretrained.vgg19()
    for name in pretrained.VGG19_LAYERS:
        network.get_layer(name).set_weights(ours.get_layer(name).get_weights())
    network.trainable = False
    return keras.Model(network.input, {name: network.get_layer(name).output for name in names})


class CourseShaped:
    """One picture, its two-pass loss and its optimizer.

    Args:
        transfer: holds the pictures, the layers and the weights of the loss.
        size: shorter side in pixels.
    """

    def __init__(self, transfer: style.StyleTransfer, size: int):
        self.transfer, self.targets = transfer, transfer.targets(size)
        self.network = keras_vgg19([*transfer.layers, transfer.content_layer])
        self.pixels = tf.Variable(255 * style.resize(transfer.content, size)[None])
        self.optimizer = optimizer()

    def features(self):
        """One pass through the whole network."""
        return self.network(keras.applications.vgg19.preprocess_input(self.pixels))

    def loss(self):
        """The weighted total, with one pass for each of style and content."""
        transfer, for_style, for_content = self.transfer, self.features(), self.features()
        grams = [losses.gram_matrix(for_style[name]) for name in transfer.layers]
        weights = list(transfer.layers.values())
        content = for_content[transfer.content_layer]
        return (
            transfer.weights["style"] * losses.style_loss(grams, self.targets.grams, weights)
            + transfer.weights["content"] * losses.content_loss(content, self.targets.content)
            + transfer.weights["variation"] * losses.total_variation(self.pixels / 255)
        )

    def step(self) -> None:
        """One eager step."""
        with tf.GradientTape() as tape:
            loss = self.loss()
        gradient = tape.gradient(loss, self.pixels)
        self.optimizer.apply_gradients([(gradient, self.pixels)])
        self.pixels.assign(tf.clip_by_value(self.pixels, 0, 255))
