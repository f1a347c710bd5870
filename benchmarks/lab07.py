"""Lab 07: the course-shaped VAE loop beside ours, and how fast the sliders answer.

The course-shaped step is timed in its own process with TensorFlow's default settings, as a learner
of the course runs it, and once more in turns with ours under our settings. How many steps it needs
is counted on a compiled copy of the same arithmetic, as the eager loop would take most of an hour;
its seconds are those steps times the seconds of an eager step. Our seconds are measured as they
pass, evaluation left out.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from course_vae import CourseShaped, batches, networks

from helpers import data, metrics, pretrained, runtime, vae, widgets

BOUNDS = (165.0, 152.0)
INTERVAL = 117  # steps between two looks at the test set, a quarter of an epoch
MOST_COURSE_STEPS = 20 * 469
LAB_EPOCHS, LAB_LEARNING_RATE = 10, 2e-3


def lab_vae(encoder, decoder, steps: int) -> vae.VAE:
    """A VAE compiled as the lab compiles it."""
    model = vae.VAE(encoder, decoder, seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(LAB_LEARNING_RATE, steps)
    model.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=False)
    return model


def course_seconds_with_defaults() -> float:
    """Median seconds of a course-shaped step in a process with TensorFlow's own settings."""
    clean = {name: v for name, v in os.environ.items() if name not in runtime.ENVIRONMENT}
    train, _ = data.mnist()
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/images.npy", train.images[:8192])
        script = str(Path(__file__).with_name("course_vae.py"))
        command = [sys.executable, script, f"{folder}/images.npy"]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
    return float(done.stdout)


def step_seconds(rounds: int = 8, steps: int = 8) -> tuple[float, float]:
    """Median seconds of a step on the same network: course-shaped, and ours.

    The two take turns, a few steps each, so that both meet the machine in the same mood.
    """
    train, _ = data.mnist()
    source = batches(train.images, seed=0)
    course, ours = CourseShaped(), lab_vae(*networks(), rounds * steps)
    seconds = {course.step: [], ours.train_on_batch: []}
    for number in range(rounds + 1):
        for step, measured in seconds.items():
            for _ in range(steps):
                x = next(source)
                start = time.perf_counter()
                step(x)
                if number:
                    measured.append(time.perf_counter() - start)
    return tuple(float(np.median(measured)) for measured in seconds.values())


def course_steps_to() -> dict[float, int]:
    """Steps after which the course-shaped loop first reaches each bound on the test set."""
    train, test = data.mnist()
    keras.utils.set_random_seed(0)
    model, source, reached = CourseShaped(), batches(train.images, seed=0), {}
    model.optimizer.build(model.encoder.trainable_weights + model.decoder.trainable_weights)
    step = tf.function(model.step)
    for done in range(1, MOST_COURSE_STEPS + 1):
        step(next(source))
        if done % INTERVAL == 0:
            bound = metrics.evidence_bound(vae.VAE(model.encoder, model.decoder), test.images)[
                "total"
            ]
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
            if (batch + 1) % INTERVAL:
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
    before = course_seconds_with_defaults()
    same_settings, our_step = step_seconds()
    course_step = (before + course_seconds_with_defaults()) / 2
    found = [
        ("step, same network", 1000 * course_step, 1000 * our_step, "ms"),
        ("step, same network, our settings for both", 1000 * same_settings, 1000 * our_step, "ms"),
        ("slider answer, 95th percentile", None, slider, "ms"),
    ]
    ours, steps = our_seconds_to(), course_steps_to()
    for bound in BOUNDS:
        course = steps[bound] * course_step if bound in steps else None
        found.append(
            (
                f"training to {bound:g} nats on the test set",
                course,
                ours.get(bound, float("nan")),
                "s",
            )
        )
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
