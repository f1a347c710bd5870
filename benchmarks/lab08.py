"""Lab 08: the course-shaped VAE on colour faces beside ours, and how fast the studio answers.

Seconds per image are those of a training step over its 128 images, on one and the same network.
The error at equal time is that of the lab's own network with the beta of its warm-up, 20, after as
many seconds of training as the course-shaped loop had with its own; tracing counts, looking at the
held-out faces does not.

At this size nearly all time is arithmetic in convolutions, for both alike, so the loop's own cost
weighs little. What weighs is oneDNN: TensorFlow leaves it off on processors without AVX-512 unless
asked, and a course-shaped loop does not ask. One row runs the loop so, in a process of its own.
"""

import os
import subprocess
import sys
import time

import keras
import numpy as np
from clocks import in_turn, percentile, step_seconds
from course_vae import BATCH_SIZE, CourseShaped, batches, networks, squared_error

from helpers import data, latent, metrics, pretrained, vae, widgets

SEEDS = 5
SHAPE, WIDTHS, LATENT_DIM = (64, 64, 3), (32, 64), 32
SECONDS = 60
LAB_LEARNING_RATE, LAB_BATCH_SIZE, LAB_BETA = 3e-3, 64, 20.0


class FrozenNorm(vae.GaussianVAE):
    """Ours with the course-shaped loop's arithmetic: batch norm never in training mode."""

    def call(self, x, training=False):
        return super().call(x, training=False)


def compiled(model: vae.VAE, learning_rate: float) -> vae.VAE:
    """A model as the lab compiles it, at a constant rate."""
    model.compile(keras.optimizers.Adam(learning_rate), jit_compile=False)
    return model


def image_milliseconds(images, seed: int) -> list[float]:
    """Per image: course-shaped, ours with the same arithmetic, ours as it is."""
    ours = [
        compiled(kind(*networks(SHAPE, WIDTHS, LATENT_DIM)), 1e-3)
        for kind in (FrozenNorm, vae.GaussianVAE)
    ]
    seconds = step_seconds(images, course(), ours, seed)
    return [1000 * each / BATCH_SIZE for each in seconds]


def course() -> CourseShaped:
    """The course-shaped loop on faces, freshly initialised."""
    return CourseShaped(*networks(SHAPE, WIDTHS, LATENT_DIM), squared_error)


def course_without_onednn() -> float:
    """Milliseconds per image of the course-shaped loop in a process that has oneDNN off."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    options = {"env": environment, "capture_output": True, "text": True, "check": True}
    return float(subprocess.run([sys.executable, __file__], **options).stdout.split()[-1])


def course_error(known, unseen, seed: int) -> float:
    """Squared error on held-out faces after `SECONDS` of the course-shaped loop."""
    loop, source, start = course(), batches(known, seed), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        loop.step(next(source))
    reconstructions = vae.VAE(loop.encoder, loop.decoder).reconstruct(unseen)
    return float(metrics.squared_error(unseen, reconstructions).mean())


class Bell(keras.callbacks.Callback):
    """Ends training after `SECONDS`; the rate falls to 0 along a cosine of the time."""

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        share = (time.perf_counter() - self.start) / SECONDS
        self.model.optimizer.learning_rate = LAB_LEARNING_RATE * np.cos(0.5 * np.pi * share) ** 2
        self.model.stop_training = share >= 1


def our_error(known, unseen, seed: int) -> float:
    """The same of the lab's own network at the warm-up's beta, freshly initialised."""
    trained = pretrained.load("08_faces")
    fresh = [keras.models.clone_model(part) for part in (trained.encoder, trained.decoder)]
    model = compiled(vae.GaussianVAE(*fresh, beta=LAB_BETA, seed=seed), LAB_LEARNING_RATE)
    options = {"batch_size": LAB_BATCH_SIZE, "epochs": 1000, "verbose": 0}
    model.fit(known, callbacks=[Bell()], **options)
    return float(metrics.squared_error(unseen, model.reconstruct(unseen)).mean())


def studio_milliseconds(known: data.Faces) -> float:
    """95th percentile of the studio's answer, the slowest of its kinds of control counted."""
    model = pretrained.load("08_faces")
    codes = model.encode(known.images[:1000])[0]
    names = ("glasses", "beard", "smile", "hair_length", "skin")
    arrows = {n: latent.attribute_direction(codes, known.attributes[n][:1000]) for n in names}
    presets = {"some": {"glasses": 1.0, "beard": 1.0}, "others": {"skin": -1.0}}
    studio = widgets.FaceStudio(model.decode, codes, {"all": arrows}, presets)
    moves = [(slider, np.linspace(-1.5, 1.5, 61)) for slider in studio.sliders.values()]
    moves += [(studio.which, range(1, 61)), (studio.preset, list(presets) * 30)]
    return max(percentile(move) for move in moves)


def studio(seed: int) -> list[tuple]:
    """Answers of the lab's widget."""
    milliseconds = studio_milliseconds(data.avatars(64, 12000))
    return [("FaceStudio answer, 95th percentile", None, milliseconds, "ms")]


def steps(seed: int) -> list[tuple]:
    """Milliseconds of a training step, for each of its images."""
    images = data.avatars(64, 12000).images
    both = in_turn(seed, course_without_onednn, lambda: image_milliseconds(images, seed))
    alone, (theirs, same, ours) = both
    return [
        ("per image, same arithmetic", theirs, same, "ms"),
        ("per image, ours training its batch norm", theirs, ours, "ms"),
        ("per image, same arithmetic, course-shaped without oneDNN", alone, same, "ms"),
    ]


def errors(seed: int) -> list[tuple]:
    """After equal seconds of training."""
    images = data.avatars(64, 12000).images
    faces = images[:11000], images[11000:]
    both = in_turn(seed, lambda: course_error(*faces, seed), lambda: our_error(*faces, seed))
    name = f"held-out squared error × 1000 after {SECONDS} s of training"
    return [(name, *(1000 * error for error in both), "")]


MEASUREMENTS = (studio, steps, errors)


if __name__ == "__main__":
    faces = data.avatars(64, 12000).images
    print(1000 * step_seconds(faces, course(), [], seed=0, rounds=3)[0] / BATCH_SIZE)
