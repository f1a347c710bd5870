"""Lab 07: the course-shaped VAE loop beside ours, and how fast the sliders answer.

The course-shaped step never puts batch norm in training mode. Ours is timed both ways: with the
same arithmetic, and as it is, which does more work. How many steps the course-shaped loop needs is
counted on a compiled copy of the same arithmetic, as the eager loop would take most of an hour; its
seconds are those steps times the seconds of an eager step. Our seconds are measured as they pass,
evaluation left out. The rows beside Keras' own example are in `keras_example.py`.
"""

import math
import time

import keras
import keras_example
import numpy as np
import tensorflow as tf
from clocks import in_turn, percentile, step_seconds
from course_vae import CourseShaped, batches, networks

from helpers import data, metrics, pretrained, vae, widgets

SEEDS = 3
BOUNDS = (165.0, 152.0)
INTERVAL = 117  # steps between two looks at the test set, a quarter of an epoch
MOST_COURSE_STEPS = 20 * 469
LAB_EPOCHS, LAB_LEARNING_RATE = 10, 2e-3


def lab_vae(encoder, decoder, steps: int, seed: int, kind=vae.VAE) -> vae.VAE:
    """A VAE compiled as the lab compiles it."""
    model = kind(encoder, decoder, seed=seed)
    schedule = keras.optimizers.schedules.CosineDecay(LAB_LEARNING_RATE, steps)
    model.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=False)
    return model


class FrozenNorm(vae.VAE):
    """Ours with the course-shaped loop's arithmetic: batch norm never in training mode."""

    def call(self, x, training=False):
        return super().call(x, training=False)


def course_steps_to(seed: int) -> dict[float, int]:
    """Steps after which the course-shaped loop first reaches each bound on the test set."""
    train, test = data.mnist()
    model, source, reached = CourseShaped(*networks()), batches(train.images, seed), {}
    model.optimizer.build(model.encoder.trainable_weights + model.decoder.trainable_weights)
    step, as_vae = tf.function(model.step), vae.VAE(model.encoder, model.decoder)
    for done in range(1, MOST_COURSE_STEPS + 1):
        step(next(source))
        if done % INTERVAL == 0:
            bound = metrics.evidence_bound(as_vae, test.images)["total"]
            print(f"course-shaped: {bound:.1f} nats after {done} steps", flush=True)
            reached |= {b: done for b in BOUNDS if bound <= b and b not in reached}
        if len(reached) == len(BOUNDS):
            break
    return reached


def our_seconds_to(seed: int) -> dict[float, float]:
    """Seconds of training after which the lab's own model first reaches each bound."""
    train, test = data.mnist()
    trained = pretrained.load("07_vae_2d_beta_1")
    fresh = [keras.models.clone_model(part) for part in (trained.encoder, trained.decoder)]
    model, reached = lab_vae(*fresh, LAB_EPOCHS * 469, seed), {}

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds, self.start = 0.0, time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            if (batch + 1) % INTERVAL:
                return
            self.seconds += time.perf_counter() - self.start
            bound = metrics.evidence_bound(model, test.images)["total"]
            reached.update({b: self.seconds for b in BOUNDS if bound <= b and b not in reached})
            model.stop_training = len(reached) == len(BOUNDS)
            self.start = time.perf_counter()

    model.fit(train.images, epochs=LAB_EPOCHS, verbose=0, callbacks=[Watch()])
    return reached


def answer_milliseconds() -> float:
    """95th percentile over every control of every widget, the slowest control counted."""
    _, test = data.mnist()
    models = {beta: pretrained.load(f"07_vae_2d_beta_{beta:g}") for beta in (0.5, 1.0, 4.0)}
    wide = pretrained.load("07_vae_16d")
    images, labels = test.images[:2000], test.labels[:2000]
    explorers = [
        widgets.LatentExplorer(model.decode, model.encode(images)[0], labels)
        for model in (models[1.0], wide)
    ]
    between = widgets.Interpolator(wide.decode, wide.encode(images)[0][:200], images[:200])
    switcher = widgets.BetaSwitcher(models, images, labels)
    moves = [(e.sliders[0], np.linspace(-2, 2, 101)) for e in explorers]
    moves += [(explorers[0].pad, np.linspace(-2, 2, 101)), (between.t, np.linspace(0, 1, 101))]
    moves += [(between.first, range(1, 101)), (between.path, ["slerp", "lerp"] * 50)]
    moves += [(switcher.beta, [1.0, 4.0, 0.5] * 33)]
    return max(percentile(move) for move in moves)


def sliders(seed: int) -> list[tuple]:
    """Answers of the lab's widgets."""
    return [("slider answer, 95th percentile", None, answer_milliseconds(), "ms")]


def steps(seed: int) -> list[tuple]:
    """Milliseconds of a step."""
    kinds = (FrozenNorm, vae.VAE)
    ours = [lab_vae(*networks(), LAB_EPOCHS * 469, seed, kind) for kind in kinds]
    seconds = step_seconds(data.mnist()[0].images, CourseShaped(*networks()), ours, seed)
    course, same_arithmetic, own = (1000 * each for each in seconds)
    return [
        ("step, same network, same arithmetic", course, same_arithmetic, "ms"),
        ("step, same network, ours training its batch norm", course, own, "ms"),
    ]


def training(seed: int) -> list[tuple]:
    """Seconds to two bounds."""

    def course() -> dict[float, float]:
        images = data.mnist()[0].images
        (step,) = step_seconds(images, CourseShaped(*networks()), [], seed, rounds=3)
        return {bound: count * step for bound, count in course_steps_to(seed).items()}

    theirs, ours = in_turn(seed, course, lambda: our_seconds_to(seed))
    pairs = [(theirs.get(bound, math.nan), ours.get(bound, math.nan)) for bound in BOUNDS]
    names = [f"training to {bound:g} nats on the test set" for bound in BOUNDS]
    return [(name, *pair, "s") for name, pair in zip(names, pairs, strict=True)]


MEASUREMENTS = (sliders, steps, training, keras_example.keras_loss)
ONCE = (keras_example.sizes,)
