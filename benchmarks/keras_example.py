"""Keras' own example of a VAE beside a small dense one: seconds to the loss that it publishes.

"Variational AutoEncoder" (fchollet, keras.io/examples/generative/vae, version of 2023) ends at a
loss of 146.95: reconstruction summed over pixels plus KL summed over two dimensions, in nats, so
the same quantity as ours. Its 30 epochs of 547 steps took 390 s on a laptop of its author's.

    published    mean over the last epoch of training, on all 70,000 digits, which it trains on
    ours         the bound on the 10,000 test digits, after training on the other 60,000

Ours is the harder of the two: new digits cost more nats than known ones. Keras' networks are
rebuilt here from their published shapes, and `fit` compiles its step as it compiles ours; its
seconds are all its 16,410 steps at the time of a step here. Ours are measured as they pass, tracing
included and looking at the test digits left out. Our networks have fewer weights, see `sizes`, and
learn by Muon, whose step in a layer is as long in every direction (Jordan and others, 2024): with
Adam, at rates of 2e-3 and 4e-3, they ended eight epochs at 154.5 and 149.3 nats.
"""

import math
import time

import keras
import numpy as np
from clocks import fit_seconds, in_turn

from helpers import data, metrics, vae

PUBLISHED, KERAS_STEPS = 146.95, 30 * 547
BATCH_SIZE, EPOCHS, LEARNING_RATE, STEPS_AT_ONCE, LOOK_EVERY = 128, 5, 8e-3, 20, 100
TIMED = 60  # steps of Keras' example whose median counts


def keras_networks() -> tuple[keras.Model, keras.Model]:
    """Strided convolutions 3x3 of 32 and 64 channels, dense 16, and their mirror image."""
    layers = keras.layers
    image = h = keras.Input((28, 28, 1))
    for channels in (32, 64):
        h = layers.Conv2D(channels, 3, 2, "same", activation="relu")(h)
    h = layers.Dense(16, "relu")(layers.Flatten()(h))
    encoder = keras.Model(image, [layers.Dense(2)(h), layers.Dense(2)(h)])
    z = keras.Input((2,))
    h = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, "relu")(z))
    for channels in (64, 32):
        h = layers.Conv2DTranspose(channels, 3, 2, "same", activation="relu")(h)
    return encoder, keras.Model(z, layers.Conv2DTranspose(1, 3, padding="same")(h))


def small_networks() -> tuple[keras.Model, keras.Model]:
    """Two hidden layers of 64 down to two numbers, three up to the logits of 784 pixels."""
    layers = keras.layers
    image = keras.Input((28, 28, 1))
    h = layers.Flatten()(image)
    for _ in range(2):
        h = layers.Dense(64, "relu")(h)
    encoder = keras.Model(image, [layers.Dense(2)(h), layers.Dense(2)(h)])
    z = h = keras.Input((2,))
    for _ in range(3):
        h = layers.Dense(64, "relu")(h)
    return encoder, keras.Model(z, layers.Reshape((28, 28, 1))(layers.Dense(28 * 28)(h)))


class Watch(keras.callbacks.Callback):
    """Seconds of training until the bound on the test digits is reached; nan if it never is."""

    def on_train_begin(self, logs=None):
        self.images, self.reached, self.seconds = data.mnist()[1].images, math.nan, 0.0
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % LOOK_EVERY and batch + 1 < self.params["steps"]:
            return
        self.seconds += time.perf_counter() - self.start
        bound = metrics.evidence_bound(self.model, self.images)["total"]
        if bound <= PUBLISHED:
            self.reached, self.model.stop_training = self.seconds, True
        self.start = time.perf_counter()


def our_seconds(seed: int) -> float:
    """Seconds of training until the small VAE reaches the published loss."""
    images, watch = data.mnist()[0].images, Watch()
    model = vae.VAE(*small_networks(), seed=seed)
    steps = EPOCHS * -(-len(images) // BATCH_SIZE)
    muon = keras.optimizers.Muon(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    model.compile(muon, jit_compile=False, steps_per_execution=STEPS_AT_ONCE)
    model.fit(images, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0, callbacks=[watch])
    return watch.reached


def keras_seconds(seed: int) -> float:
    """Seconds of all steps of Keras' example, by the time of a few."""
    model = vae.VAE(*keras_networks(), seed=seed)
    model.compile(keras.optimizers.Adam(), jit_compile=False)
    seconds = fit_seconds(model, data.mnist()[0].images[: TIMED * BATCH_SIZE])
    return KERAS_STEPS * float(np.median(seconds))


def keras_loss(seed: int) -> list[tuple]:
    """Both, one after the other."""
    seconds = in_turn(seed, lambda: keras_seconds(seed), lambda: our_seconds(seed))
    return [(f"VAE to {PUBLISHED} nats, Keras' published loss", *seconds, "s")]


def sizes(seed: int) -> list[tuple]:
    """What no seed changes: weights, and multiply-adds for one digit there and back."""
    both = keras_networks(), small_networks()
    weights = [sum(part.count_params() for part in parts) for parts in both]
    products = [sum(metrics.multiply_adds(part) for part in parts) / 1000 for parts in both]
    return [
        ("the same VAE's weights", *weights, ""),
        ("the same VAE's multiply-adds for one digit", *products, "thousand"),
    ]
