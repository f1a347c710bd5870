"""Lab 07: the course-shaped VAE loop beside ours, and how fast the sliders answer.

How many steps the course-shaped loop needs is counted on a compiled copy of the same arithmetic,
as its own eager loop would take most of an hour; its seconds are those steps times the measured
seconds of an eager step. Our seconds are measured as they pass, evaluation left out.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from course_vae import BATCH_SIZE, CourseShaped, batches, networks, step_seconds

from helpers import data, metrics, pretrained, vae, widgets

BOUNDS = (165.0, 152.0)
MOST_COURSE_STEPS = 20 * 469
LAB_EPOCHS, LAB_LEARNING_RATE = 10, 2e-3


def lab_vae(encoder, decoder, steps: int) -> vae.VAE:
    """A VAE compiled as the lab compiles it."""
    model = vae.VAE(encoder, decoder, seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(LAB_LEARNING_RATE, steps)
    model.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=False)
    return model


def our_step_seconds(steps: int = 25) -> float:
    """Median seconds of our step on the course-shaped network, batch norm in training."""
    train, _ = data.mnist()
    seconds = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            seconds.append(time.perf_counter() - self.start)

    model = lab_vae(*networks(), steps)
    model.fit(train.images[: BATCH_SIZE * (steps + 5)], verbose=0, callbacks=[Clock()])
    return float(np.median(seconds[5:]))


def course_steps_to() -> dict[float, int]:
    """Steps after which the course-shaped loop first reaches each bound on the test set."""
    train, test = data.mnist()
    keras.utils.set_random_seed(0)
    model, source, reached = CourseShaped(), batches(train.images, seed=0), {}
    model.optimizer.build(model.encoder.trainable_weights + model.decoder.trainable_weights)
    step = tf.function(model.step)
    for done in range(1, MOST_COURSE_STEPS + 1):
        step(next(source))
        if done % 234 == 0:
            bound = model.bound(test.images)
            print(f"course-shaped: {bound:.1f} nats after {done} steps", flush=True)
            reached |= {b: done for b in BOUNDS if bound <= b and b not in reached}
        if len(reached) == len(BOUNDS):
            break
    return reached


def our_seconds_to() -> dict[float, float]:
    """Seconds of training after which the lab's own model first reaches each bound."""
    train, test = data.mnist()
    keras.utils.set_random_seed(0)
    trained = pretrained.load("07_vae_2d_beta_1")
    fresh = [keras.models.clone_model(part) for part in (trained.encoder, trained.decoder)]
    model, reached = lab_vae(*fresh, LAB_EPOCHS * 469), {}

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds, self.start = 0.0, time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            if (batch + 1) % 67:
                return
            self.seconds += time.perf_counter() - self.start
            bound = metrics.evidence_bound(model, test.images)["total"]
            reached.update({b: self.seconds for b in BOUNDS if bound <= b and b not in reached})
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
    return max(percentile(control, values) for control, values in moves)


def percentile(control, values) -> float:
    """95th percentile of the milliseconds from a change of value to the new picture."""
    trait = "x" if isinstance(control, widgets.Pad) else "value"
    milliseconds = []
    for value in values:
        start = time.perf_counter()
        setattr(control, trait, value)
        milliseconds.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(milliseconds, 0.95))


def rows() -> list[dict]:
    """Measure everything, the quick things first."""
    slider = answer_milliseconds()
    course_step, our_step = step_seconds(), our_step_seconds()
    course_again = step_seconds()
    course_step = (course_step + course_again) / 2
    found = [
        ("step, same network", 1000 * course_step, 1000 * our_step, "ms"),
        ("slider answer, 95th percentile", None, slider, "ms"),
    ]
    ours, steps = our_seconds_to(), course_steps_to()
    for bound in BOUNDS:
        course = steps[bound] * course_step if bound in steps else None
        found.append((f"training to {bound:g} nats on the test set", course, ours[bound], "s"))
    return [
        {
            "lab": "07",
            "name": name,
            "course": course and round(course, 2),
            "ours": round(ours, 2),
            "ratio": course and round(course / ours, 2),
            "unit": unit,
        }
        for name, course, ours, unit in found
    ]
