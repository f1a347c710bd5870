"""Lab 01: the course-shaped style transfer beside ours, in seconds and in memory.

Steps are timed in turns, so that both sides meet the machine in the same mood. How low the
course-shaped loop brings the loss in 100 steps is counted on one compiled pass of the same
arithmetic; its seconds are 100 times those of an eager step. Our seconds are measured as they pass.
`python benchmarks/lab01.py course` takes a few steps and prints the peak memory of that process.
"""

import resource
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf
from clocks import in_turn, seconds_of
from course_style import COURSE_LAYERS, CourseShaped, optimizer

from helpers import data, runtime, style

SEEDS = 5
SIZE, ROUNDS, COURSE_STEPS, OUR_MOST_STEPS = 256, 5, 100, 90
MEMORY_STEPS, FEW_STEPS = 4, 20


def pair() -> tuple[np.ndarray, np.ndarray]:
    """The lab's photograph and painting."""
    return data.photographs(400)["rocket"], data.style_images(400)["starry_night"]


def transfer(**options) -> style.StyleTransfer:
    """The lab's picture in the lab's style."""
    rocket, night = pair()
    return style.StyleTransfer(rocket, [night], **options)


def our_step(ours: style.StyleTransfer):
    """A function that takes one of our steps: one compiled pass and back."""
    pixels, targets = tf.constant(style.resize(ours.content, SIZE)[None]), ours.targets(SIZE)
    return lambda: ours.losses_and_gradient(pixels, targets)[1].numpy()


def medians(steps: dict, seed: int) -> dict[str, float]:
    """Median seconds of each function; they take turns, and the first turn warms up."""
    seconds = {name: [] for name in steps}
    for _ in range(ROUNDS + 1):
        for name in reversed(steps) if seed % 2 else steps:
            seconds[name].append(seconds_of(steps[name]))
    return {name: float(np.median(taken[1:])) for name, taken in seconds.items()}


def course_loss_after(steps: int, ours: style.StyleTransfer) -> float:
    """The total loss the course-shaped optimizer reaches on the lab's layers."""
    targets, adam = ours.targets(SIZE), optimizer()
    pixels = tf.Variable(255 * style.resize(ours.content, SIZE)[None])
    for _ in range(steps):
        _, gradient = ours.losses_and_gradient(pixels.value() / 255, targets)
        adam.apply_gradients([(gradient / 255, pixels)])
        pixels.assign(tf.clip_by_value(pixels, 0, 255))
    return float(ours.losses_and_gradient(pixels.value() / 255, targets)[0]["total"])


def one_pass(fast: style.FastTransfer) -> np.ndarray:
    """What lab 02's AdaIN makes of the same photograph and painting."""
    rocket, night = (fast.encode(style.resize(picture, SIZE)) for picture in pair())
    return fast.decode(fast.mix(rocket, [night], [1.0]))


def our_seconds_to(loss: float) -> float:
    """Seconds from the pictures to a loss, building and compiling included."""
    start, reached = time.perf_counter(), []

    def watch(frame: style.Frame) -> bool:
        if frame.losses["total"] <= loss:
            reached.append(time.perf_counter() - start)
        return bool(reached)

    transfer().run((SIZE,), (OUR_MOST_STEPS,), on_frame=watch)
    return reached[0] if reached else float("nan")


def peak_megabytes(side: str) -> float:
    """Peak memory of a fresh process that takes a few steps."""
    done = subprocess.run(
        [sys.executable, __file__, side], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def memory(seed: int) -> list[tuple]:
    """Memory comes first, as a child's peak counts from its parent's."""
    peaks = in_turn(seed, lambda: peak_megabytes("course"), lambda: peak_megabytes("ours"))
    return [("peak memory of the process", *peaks, "MB")]


def transfers(seed: int) -> list[tuple]:
    """Seconds of a step, and to one loss."""
    lab, wide = transfer(), transfer(**COURSE_LAYERS)
    course_lab, course_wide = CourseShaped(lab, SIZE), CourseShaped(wide, SIZE)
    steps = {
        "course, course's layers": course_wide.step,
        "ours, course's layers": our_step(wide),
        "course, lab's layers": course_lab.step,
        "ours, lab's layers": our_step(lab),
    }
    loss = course_loss_after(COURSE_STEPS, lab)
    print(f"course-shaped: loss {loss:.2f} after {COURSE_STEPS} steps", flush=True)
    step, seconds = in_turn(seed, lambda: medians(steps, seed), lambda: our_seconds_to(loss))
    wide_step, lab_step = step["course, course's layers"], step["course, lab's layers"]
    return [
        ("step, 256 px, each with its own layers", wide_step, step["ours, lab's layers"], "s"),
        ("step, 256 px, both the course's layers", wide_step, step["ours, course's layers"], "s"),
        ("step, 256 px, both the lab's layers", lab_step, step["ours, lab's layers"], "s"),
        ("to the loss of 100 course-shaped steps", COURSE_STEPS * lab_step, seconds, "s"),
    ]


def pictures(seed: int) -> list[tuple]:
    """Seconds of a picture worth showing, once a first one has traced the graphs."""
    fast = style.FastTransfer()
    transfer().run((SIZE,), (1,), start=one_pass(fast))
    plain = seconds_of(lambda: transfer().run())
    short = seconds_of(lambda: transfer().run((SIZE,), (FEW_STEPS,), start=one_pass(fast)))
    return [
        ("a picture, 256 px, coarse to fine", None, plain, "s"),
        (f"a picture, 256 px, AdaIN and {FEW_STEPS} steps", None, short, "s"),
    ]


MEASUREMENTS = (memory, transfers, pictures)


if __name__ == "__main__":
    runtime.prepare(seed=0)
    lab_or_course = transfer(**(COURSE_LAYERS if sys.argv[1] == "course" else {}))
    make = {"course": lambda t: CourseShaped(t, SIZE).step, "ours": our_step}[sys.argv[1]]
    take_step = make(lab_or_course)
    for _ in range(MEMORY_STEPS):
        take_step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
