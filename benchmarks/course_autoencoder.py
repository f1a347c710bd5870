"""A convolutional autoencoder in the shape of the course's lab, to be measured beside ours.

Written from a description, not from the course's code. What makes its shape: convolutions at full
size with max-pooling after each (64, then 128 channels), 256 channels at 7 x 7 in the middle, which
is 12,544 numbers for 784 pixels, repeating pixels on the way up; binary cross-entropy; Adam at
1e-3; batches of 128; Keras' `fit`, which compiles, so the loop itself costs it nothing here.
"""

import keras

LEARNING_RATE = 1e-3


def _convolve(channels: int, activation: str = "relu"):
    return keras.layers.Conv2D(channels, 3, padding="same", activation=activation)


def network(code_size: int | None = None) -> keras.Model:
    """The whole network, compiled; `code_size` puts a dense bottleneck into its middle."""
    layers = keras.layers
    down = [_convolve(64), layers.MaxPool2D(), _convolve(128), layers.MaxPool2D(), _convolve(256)]
    narrow = []
    if code_size is not None:
        narrow = [layers.Flatten(), layers.Dense(code_size), layers.Dense(7 * 7 * 256, "relu")]
        narrow += [layers.Reshape((7, 7, 256))]
    up = [_convolve(128), layers.UpSampling2D(), _convolve(64), layers.UpSampling2D()]
    whole = [keras.Input((28, 28, 1)), *down, *narrow, *up, _convolve(1, "sigmoid")]
    model = keras.Sequential(whole)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "binary_crossentropy", jit_compile=False)
    return model
