"""Lab 10: the course-shaped DCGAN beside ours, per step and to the same CNN-FD.

The course-shaped loop runs in a process of its own, with TensorFlow's default settings (see
`course_gan.py`); it draws 5,000 pictures from time to time, and this process measures them with its
own judge. Ours is the lab's own live training, networks and settings read from its notebook, with a
look every 50 steps. Looks and the first step, which compiles, count for neither; one run each. The
last row gives the course-shaped loop as many seconds as the training of the lab's checkpoint takes
here, by its time per step.

On one and the same network both loops do the same arithmetic, and at batch 128 arithmetic is nearly
all there is. TensorFlow leaves oneDNN off on processors without AVX-512 unless asked, and a
course-shaped loop does not ask: one row runs it so.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import course_gan
import keras
import numpy as np
from clocks import Clock
from lab_notebook import defined_in
from report import as_rows

from helpers import data, gan, latent, metrics, pretrained, runtime

TARGETS, EQUAL, STEPS = (20.0, 12.0), 30, 1400
SCRIPT = Path(__file__).with_name("course_gan.py")
STARTS = ("import keras", "def generator(", "def discriminator(", "def compiled(")


def course(images: np.ndarray, seconds: float, steps: int, **settings) -> dict:
    """What a course-shaped run in a process of its own wrote."""
    ours = runtime.ENVIRONMENT
    plain = {name: value for name, value in os.environ.items() if name not in ours}
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/images.npy", f"{folder}/out.npz"]
        np.save(files[0], images)
        command = [sys.executable, SCRIPT, files[0], str(seconds), str(steps), files[1]]
        subprocess.run(command, env={**plain, **settings}, check=True)
        return dict(np.load(files[1]))


def step_milliseconds(images: np.ndarray) -> list[float]:
    """Course-shaped, the same with oneDNN off, and ours on the same networks."""
    few = images[: 40 * course_gan.BATCH_SIZE]
    runs = [course(few, 60, 40, **more) for more in ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"})]
    keras.utils.set_random_seed(0)
    model = gan.GAN(*course_gan.networks(), seed=0)
    model.compile(keras.optimizers.RMSprop(), keras.optimizers.RMSprop(), jit_compile=False)
    clock = Clock()
    model.fit(
        data.to_tanh_range(few), batch_size=course_gan.BATCH_SIZE, verbose=0, callbacks=[clock]
    )
    each = [*(run["seconds"] for run in runs), clock.seconds]
    return [1000 * float(np.median(seconds[10:])) for seconds in each]


class Looks(keras.callbacks.Callback):
    """Seconds of training and CNN-FD, every 50 steps."""

    def __init__(self, distance):
        super().__init__()
        self.distance, self.z, self.spent, self.done = distance, None, 0.0, 0
        self.seconds_and_distance = []

    def on_train_batch_begin(self, batch, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.spent += time.perf_counter() - self.start if self.done else 0.0
        self.done += 1
        if self.done % 50 == 0:
            z = latent.prior_codes(course_gan.LOOK, self.model.latent_dim)
            drawn = data.to_unit_range(self.model.sample(z))
            self.seconds_and_distance.append((self.spent, self.distance(drawn)))


def our_looks(space: dict, images: np.ndarray, distance) -> list[tuple]:
    """The lab's live training, looked at."""
    looks, model = Looks(distance), space["build"](space["WIDTH"], STEPS)
    real, batch_size = data.to_tanh_range(images), space["BATCH_SIZE"]
    options = {"steps_per_epoch": 100, "epochs": STEPS // 100, "verbose": 0}
    model.fit(real, batch_size=batch_size, callbacks=[looks], **options)
    return looks.seconds_and_distance


def checkpoint_seconds(space: dict, images: np.ndarray) -> float:
    """How long the training behind the lab's checkpoint takes here, by the time of 100 steps."""
    settings, clock = pretrained.card("10_dcgan")["settings"], Clock()
    model, batch_size = space["build"](settings["width"], settings["steps"]), space["BATCH_SIZE"]
    few = data.to_tanh_range(images[: 100 * batch_size])
    model.fit(few, batch_size=batch_size, verbose=0, callbacks=[clock])
    return settings["steps"] * float(np.median(clock.seconds[10:]))


def first_at(looks: list[tuple], target: float) -> float:
    """Seconds of the first look at or below a CNN-FD; infinite where there is none."""
    return next((seconds for seconds, distance in looks if distance <= target), np.inf)


def at_seconds(looks: list[tuple], seconds: float) -> float:
    """CNN-FD of the last look within some seconds."""
    return [distance for spent, distance in looks if spent <= seconds][-1]


def rows() -> list[dict]:
    """Measure everything, the quick things first."""
    train, test = data.fashion_mnist()
    theirs, without, ours = step_milliseconds(train.images)
    judge = pretrained.load("10_judge")
    known = metrics.read_pictures(judge, test.images[:5000])[0]

    def distance(pictures):
        return metrics.frechet_distance(known, metrics.read_pictures(judge, pictures)[0])

    space = defined_in("10_dcgan.ipynb", STARTS)
    long = checkpoint_seconds(space, train.images)
    run = course(train.images, long + 2 * course_gan.EVERY, 10**6)
    drawn = (pictures.astype("float32") / 255 for pictures in run["pictures"])
    course_looks = [(t, distance(p)) for t, p in zip(run["times"], drawn, strict=True)]
    our_points = our_looks(space, train.images, distance)
    measured = [
        ("step, same networks", theirs, ours, "ms"),
        ("step, same networks, course-shaped without oneDNN", without, ours, "ms"),
    ]
    for target in TARGETS:
        pair = first_at(course_looks, target), first_at(our_points, target)
        measured.append((f"training to CNN-FD {target:g} on Fashion-MNIST", *pair, "s"))
    equal = at_seconds(course_looks, EQUAL), at_seconds(our_points, EQUAL)
    measured.append((f"CNN-FD after {EQUAL} s of training", *equal, ""))
    kept = pretrained.card("10_dcgan")["metrics"]["cnn_fd"]
    name = f"CNN-FD after the checkpoint's training time, {long:.0f} s"
    measured.append((name, at_seconds(course_looks, long), kept, ""))
    return as_rows("10", measured)
