"""A VAE trained in the shape of the course's labs, to be measured beside ours.

Written from a description, not from the course's code. What makes its shape: every step runs
eagerly; batch normalisation is called without `training=True`, so its statistics never move; the
loss is the number of values x their mean error plus the *mean* of the KL over dimensions; Adam at
1e-3. On digits the error is cross-entropy, on faces in colour it is squared error.
"""

import math

import keras
import numpy as np
import tensorflow as tf

BATCH_SIZE = 128


def networks(shape=(28, 28, 1), widths=(32, 64), latent_dim: int = 2):
    """Encoder: strided convolutions, dense 20, batch norm after each; and its mirror image."""
    layers, side = keras.layers, shape[0] // 2 ** len(widths)
    image = h = keras.Input(shape)
    for filters in widths:
        h = layers.Conv2D(filters, 3, 2, "same", activation="relu")(h)
        h = layers.BatchNormalization()(h)
    h = layers.BatchNormalization()(layers.Dense(20, "relu")(layers.Flatten()(h)))
    encoder = keras.Model(image, [layers.Dense(latent_dim)(h), layers.Dense(latent_dim)(h)])
    z = keras.Input((latent_dim,))
    h = layers.BatchNormalization()(layers.Dense(side * side * widths[-1], "relu")(z))
    h = layers.Reshape((side, side, widths[-1]))(h)
    for filters in widths[::-1]:
        h = layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu")(h)
        h = layers.BatchNormalization()(h)
    return encoder, keras.Model(z, layers.Conv2DTranspose(shape[-1], 3, 1, "same")(h))


def cross_entropy(x, logits):
    """Mean over values of the cross-entropy."""
    return keras.losses.BinaryCrossentropy(from_logits=True)(x, logits)


def squared_error(x, logits):
    """Mean over values of the squared difference from the logistic function of the logits."""
    return tf.reduce_mean(tf.square(x - tf.sigmoid(logits)))


class CourseShaped:
    """The eager loop; `step` trains on one batch."""

    def __init__(self, encoder, decoder, error=cross_entropy):
        self.encoder, self.decoder, self.error = encoder, decoder, error
        self.values = math.prod(encoder.input_shape[1:])
        self.optimizer = keras.optimizers.Adam(1e-3)

    def step(self, x) -> None:
        """One eager training step, forward and backward."""
        with tf.GradientTape() as tape:
            z_mean, z_log_var = self.encoder(x)
            epsilon = tf.random.normal(tf.shape(z_mean))
            logits = self.decoder(z_mean + tf.exp(0.5 * z_log_var) * epsilon)
            kl = -0.5 * tf.reduce_mean(1 + z_log_var - z_mean**2 - tf.exp(z_log_var))
            loss = self.values * self.error(x, logits) + kl
        weights = self.encoder.trainable_weights + self.decoder.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


def batches(images, seed: int):
    """Shuffled batches, epoch after epoch, without end."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
            yield images[order[start : start + BATCH_SIZE]]
