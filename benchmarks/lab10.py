"""Lab 10: the course-shaped DCGAN beside ours, per step and to the same CNN-FD.

The course-shaped loop runs in a process of its own, with TensorFlow's default settings (see
`course_gan.py`); it draws 5,000 pictures from time to time, and this process measures them with its
own judge. Ours is the lab's own live training, networks and settings read from its notebook, with a
look every 50 steps; so that each can be looked at, its steps come one at a time here, a little
slower than in the lab. Looks and the first step, which compiles, count for neither. One row gives
the course-shaped loop as many seconds as the training of the lab's checkpoint takes here, by the
time of a few steps; ours is that training itself, with this seed.

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
from clocks import Clock, fit_seconds, in_turn, seconds_of
from lab_notebook import defined_in

from helpers import data, gan, latent, metrics, pretrained, runtime

SEEDS = 3
TARGETS, EQUAL, STEPS = (20.0, 12.0), 30, 1400
SCRIPT = Path(__file__).with_name("course_gan.py")
STARTS = ("import keras", "if MY_PICTURES is None:\n    (train", "DOUBLINGS =")
STARTS += ("def discriminator(", "def compiled(")


def course(images: np.ndarray, seconds: float, steps: int, seed: int, **settings) -> dict:
    """What a course-shaped run in a process of its own wrote."""
    ours = runtime.ENVIRONMENT
    plain = {name: value for name, value in os.environ.items() if name not in ours}
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/images.npy", f"{folder}/out.npz"]
        np.save(files[0], images)
        numbers = [str(number) for number in (seconds, steps, seed)]
        command = [sys.executable, SCRIPT, files[0], *numbers, files[1]]
        subprocess.run(command, env={**plain, **settings}, check=True)
        return dict(np.load(files[1]))


def course_steps(few: np.ndarray, seed: int) -> list[float]:
    """Seconds of a step, course-shaped, and the same with oneDNN off."""
    runs = [course(few, 60, 40, seed, **more) for more in ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"})]
    return [float(np.median(run["seconds"][10:])) for run in runs]


def our_step(few: np.ndarray, seed: int) -> float:
    """Seconds of a step of ours on the course-shaped networks."""
    model = gan.GAN(*course_gan.networks(), seed=seed)
    model.compile(keras.optimizers.RMSprop(), keras.optimizers.RMSprop(), jit_compile=False)
    return float(np.median(fit_seconds(model, data.to_tanh_range(few))[10:]))


def steps(seed: int) -> list[tuple]:
    """Milliseconds of a step on the same networks."""
    few = data.fashion_mnist()[0].images[: 40 * course_gan.BATCH_SIZE]
    both = in_turn(seed, lambda: course_steps(few, seed), lambda: our_step(few, seed))
    (theirs, without), ours = both
    return [
        ("step, same networks", 1000 * theirs, 1000 * ours, "ms"),
        ("step, same networks, course-shaped without oneDNN", 1000 * without, 1000 * ours, "ms"),
    ]


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
    model.steps_per_execution = 1
    real, batch_size = data.to_tanh_range(images), space["BATCH_SIZE"]
    options = {"steps_per_epoch": 100, "epochs": STEPS // 100, "verbose": 0}
    model.fit(real, batch_size=batch_size, callbacks=[looks], **options)
    return looks.seconds_and_distance


def long_model(space: dict) -> tuple:
    """A fresh model of the lab's checkpoint, and how many steps it is to learn."""
    settings = pretrained.card("10_dcgan")["settings"]
    build, steps = space["build"], settings["steps"]
    changes = {name: settings[name] for name in ("more", "slower")}
    return build(settings["width"], steps, **changes), steps


def long_seconds(space: dict, images: np.ndarray) -> float:
    """How long the training behind the lab's checkpoint takes here, by the time of 200 steps."""
    (model, steps), clock, batch_size = long_model(space), Clock(), space["BATCH_SIZE"]
    few = data.to_tanh_range(images[: 200 * batch_size])
    model.fit(few, batch_size=batch_size, verbose=0, callbacks=[clock])
    return steps / model.steps_per_execution * float(np.median(clock.seconds))


def long_training(space: dict, images: np.ndarray, distance) -> tuple[float, float]:
    """CNN-FD after the training behind the lab's checkpoint, and its seconds."""
    (model, steps), real = long_model(space), data.to_tanh_range(images)
    epochs, options = -(-steps * space["BATCH_SIZE"] // len(real)), {"verbose": 0}
    options |= {"batch_size": space["BATCH_SIZE"], "epochs": epochs}
    seconds = seconds_of(lambda: model.fit(real, **options))
    z = latent.prior_codes(course_gan.LOOK, model.latent_dim)
    return distance(data.to_unit_range(model.sample(z))), seconds


def first_at(looks: list[tuple], target: float) -> float:
    """Seconds of the first look at or below a CNN-FD; infinite where there is none."""
    return next((seconds for seconds, distance in looks if distance <= target), np.inf)


def at_seconds(looks: list[tuple], seconds: float) -> float:
    """CNN-FD of the last look within some seconds."""
    return [distance for spent, distance in looks if spent <= seconds][-1]


def training(seed: int) -> list[tuple]:
    """Seconds to a CNN-FD, and the CNN-FD after equal seconds."""
    train, test = data.fashion_mnist()
    space = defined_in("10_dcgan.ipynb", STARTS, seed)
    judge = pretrained.load("10_judge")
    known = metrics.read_pictures(judge, test.images[:5000])[0]

    def distance(pictures) -> float:
        return metrics.frechet_distance(known, metrics.read_pictures(judge, pictures)[0])

    long = long_seconds(space, train.images)

    def course_looks() -> list[tuple]:
        run = course(train.images, long + 2 * course_gan.EVERY, 10**6, seed)
        drawn = (distance(pictures.astype("float32") / 255) for pictures in run["pictures"])
        return list(zip(run["times"], drawn, strict=True))

    def ours() -> list:
        return [f(space, train.images, distance) for f in (our_looks, long_training)]

    theirs, (own, (after_long, seconds)) = in_turn(seed, course_looks, ours)
    pairs = [(first_at(theirs, target), first_at(own, target)) for target in TARGETS]
    names = [f"training to CNN-FD {target:g} on Fashion-MNIST" for target in TARGETS]
    equal = at_seconds(theirs, EQUAL), at_seconds(own, EQUAL)
    return [
        *((name, *pair, "s") for name, pair in zip(names, pairs, strict=True)),
        (f"CNN-FD after {EQUAL} s of training", *equal, ""),
        ("CNN-FD after the checkpoint's training time", at_seconds(theirs, long), after_long, ""),
        ("the checkpoint's training", None, seconds, "s"),
    ]


MEASUREMENTS = (steps, training)
