"""Lab 05: seconds to equal test error on Fashion-MNIST, course-shaped network beside ours.

The course-shaped network has no bottleneck, so a low error is easier for it; the second pair of
rows gives it the same 32 numbers as ours. Both see the 30,000 images that the lab uses. Seconds are
those of training, the tracing of the first step included; looking at the test images stops the
clock.
"""

import math
import time

import course_autoencoder
import keras
from clocks import in_turn

from helpers import data, metrics
from helpers.autoencoder import Autoencoder, in_batches

SEEDS = 5
CODE_SIZE, BATCH_SIZE, EPOCHS, IMAGES = 32, 128, 3, 30_000
LAB_LEARNING_RATE = 6e-3
SHARES = (1.0, 0.9)  # of the error of PCA with as many numbers
INTERVAL = 20  # steps between two looks at the test images
LOOK_AT = 2000


class Race(keras.callbacks.Callback):
    """Notes the seconds of training at which the test error first reaches each bound."""

    def __init__(self, images, bounds):
        super().__init__()
        self.images, self.bounds, self.reached, self.seconds, self.steps = images, bounds, {}, 0, 0

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps % INTERVAL:
            return
        self.seconds += time.perf_counter() - self.start
        error = metrics.squared_error(self.images, in_batches(self.model, self.images)).mean()
        for bound in self.bounds:
            if error <= bound and bound not in self.reached:
                self.reached[bound] = self.seconds
                print(f"{error:.5f} after {self.steps} steps, {self.seconds:.1f} s", flush=True)
        self.model.stop_training = len(self.reached) == len(self.bounds)
        self.start = time.perf_counter()


def ours() -> Autoencoder:
    """The lab's strided design at its live size, compiled as there."""
    layers = keras.layers
    halving = {"strides": 2, "padding": "same"}
    encoder = [keras.Input((28, 28, 1)), layers.Conv2D(16, 4, activation="gelu", **halving)]
    encoder += [layers.Conv2D(32, 4, activation="gelu", **halving), layers.Flatten()]
    decoder = [keras.Input((CODE_SIZE,)), layers.Dense(7 * 7 * 32, "gelu")]
    decoder += [
        layers.Reshape((7, 7, 32)),
        layers.Conv2DTranspose(16, 4, activation="gelu", **halving),
    ]
    decoder += [layers.Conv2DTranspose(1, 4, activation="sigmoid", **halving)]
    parts = keras.Sequential([*encoder, layers.Dense(CODE_SIZE)]), keras.Sequential(decoder)
    model, steps = Autoencoder(*parts), EPOCHS * -(-IMAGES // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(LAB_LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(schedule), "mse", jit_compile=False)
    return model


def seconds_to(build, bounds: list[float]) -> list[float]:
    """Seconds of training to each bound; nan where three epochs are not enough."""
    train, test = data.fashion_mnist()
    model, race = build(), Race(test.images[:LOOK_AT], bounds)
    options = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "verbose": 0, "callbacks": [race]}
    images = train.images[:IMAGES]
    model.fit(images, images, **options)
    return [race.reached.get(bound, math.nan) for bound in bounds]


def bounds() -> list[float]:
    """Errors to reach, as shares of the best linear map's."""
    train, test = data.fashion_mnist()
    images = test.images[:LOOK_AT]
    linear = metrics.pca_reconstruct(train.images, images, CODE_SIZE)
    return [share * metrics.squared_error(images, linear).mean() for share in SHARES]


def race(name: str, code_size: int | None, seed: int) -> list[tuple]:
    """Both networks, one after the other."""
    goals = bounds()

    def course() -> list[float]:
        return seconds_to(lambda: course_autoencoder.network(code_size), goals)

    theirs, own = in_turn(seed, course, lambda: seconds_to(ours, goals))
    names = [f"to {share:g} × PCA's test error, {name}" for share in SHARES]
    return [(n, *pair, "s") for n, *pair in zip(names, theirs, own, strict=True)]


def as_each_lab_runs(seed: int) -> list[tuple]:
    """The course-shaped network has no bottleneck."""
    return race("as each lab runs", None, seed)


def with_32_numbers(seed: int) -> list[tuple]:
    """The course-shaped network has ours."""
    return race("both with 32 numbers", CODE_SIZE, seed)


MEASUREMENTS = (as_each_lab_runs, with_32_numbers)
