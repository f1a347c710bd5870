"""A VAE trained in the shape of the course's lab, to be measured beside ours.

Written from a description, not from the course's code. What makes its shape: every step runs
eagerly; batch normalisation is called without `training=True`, so its statistics never move; the
loss is 784 x the mean cross-entropy plus the *mean* of the KL over dimensions; Adam at 1e-3.
"""

import keras
import numpy as np
import tensorflow as tf

LATENT_DIM = 2
BATCH_SIZE = 128


def networks() -> tuple[keras.Model, keras.Model]:
    """Encoder conv32 s2, conv64 s2, dense 20 with batch norm, and its mirror image."""
    layers = keras.layers
    image = h = keras.Input((28, 28, 1))
    for filters in (32, 64):
        h = layers.Conv2D(filters, 3, 2, "same", activation="relu")(h)
        h = layers.BatchNormalization()(h)
    h = layers.BatchNormalization()(layers.Dense(20, "relu")(layers.Flatten()(h)))
    encoder = keras.Model(image, [layers.Dense(LATENT_DIM)(h), layers.Dense(LATENT_DIM)(h)])
    z = keras.Input((LATENT_DIM,))
    h = layers.BatchNormalization()(layers.Dense(7 * 7 * 64, "relu")(z))
    h = layers.Reshape((7, 7, 64))(h)
    for filters in (64, 32):
        h = layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu")(h)
        h = layers.BatchNormalization()(h)
    return encoder, keras.Model(z, layers.Conv2DTranspose(1, 3, 1, "same")(h))


class CourseShaped:
    """The eager loop; `step` trains on one batch."""

    def __init__(self):
        self.encoder, self.decoder = networks()
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def step(self, x) -> None:
        """One eager training step, forward and backward."""
        with tf.GradientTape() as tape:
            z_mean, z_log_var = self.encoder(x)
            epsilon = tf.random.normal(tf.shape(z_mean))
            logits = self.decoder(z_mean + tf.exp(0.5 * z_log_var) * epsilon)
            kl = -0.5 * tf.reduce_mean(1 + z_log_var - z_mean**2 - tf.exp(z_log_var))
            loss = 784 * self.cross_entropy(x, logits) + kl
        weights = self.encoder.trainable_weights + self.decoder.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


def batches(images, seed: int):
    """Shuffled batches, epoch after epoch, without end."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
            yield images[order[start : start + BATCH_SIZE]]
