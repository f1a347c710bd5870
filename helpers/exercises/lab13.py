"""Lab 13: a curved line from noise to data and its velocity, and a better step than Euler's."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from helpers.exercises.checks import Case, Exercise, Mistake

QUARTER = np.pi / 2
Pair = tuple[tf.Tensor, tf.Tensor]


def check_curve(function: Callable) -> None:
    """Lab 13: places on quarter circles from noise to data, and the velocities there."""
    print(CURVE.check(function))


def check_heun(function: Callable) -> None:
    """Lab 13: one step along the mean of two velocities."""
    print(HEUN.check(function))


def curved_line(x0: tf.Tensor, x1: tf.Tensor, t: tf.Tensor) -> Pair:
    """A place on each quarter circle from noise to data, and the velocity there.

    Args:
        x0: noise, shape (batch, width).
        x1: data, the same shape.
        t: from 0 to 1, shape (batch, 1).

    Returns:
        cos(pi t / 2) x0 + sin(pi t / 2) x1, and its slope in t (arXiv:2209.15571).
    """
    cos, sin = tf.cos(QUARTER * t), tf.sin(QUARTER * t)
    return cos * x0 + sin * x1, QUARTER * (cos * x1 - sin * x0)


def heun_step(velocity: Callable, x: tf.Tensor, t: float, steps: int) -> tf.Tensor:
    """One step of size 1 / steps along the mean of the velocities at both its ends.

    Args:
        velocity: from places and a time to velocities.
        x: places, shape (n, width).
        t: time, where the step begins.
        steps: how many lead from 0 to 1.

    Returns:
        Shape (n, width) (Karras and others, arXiv:2206.00364, use it for diffusion).
    """
    first = velocity(x, t)
    second = velocity(x + first / steps, t + 1 / steps)
    return x + (first + second) / (2 * steps)


def _curve(x0: np.ndarray, x1: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By complex numbers: a pair is turned, and its velocity stands a right angle ahead."""

    def turned(angle: np.ndarray) -> np.ndarray:
        return ((x0 + 1j * x1) * np.exp(-1j * angle)).real

    return turned(QUARTER * t), QUARTER * turned(QUARTER * t + QUARTER)


def _line_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    one = np.array([[1.0]]), np.array([[3.0]])
    x0, x1 = rng.normal(size=(2, 4, 3))
    return [
        Case("one number, half-way", (*one, np.array([[0.5]]))),
        Case("four points, each at a time of its own", (x0, x1, rng.uniform(size=(4, 1)))),
        Case("both ends", (x0[:2], x1[:2], np.array([[0.0], [1.0]]))),
        Case("as many points as numbers", (x0[:3], 100 * x1[:3], np.array([[0.1], [0.6], [0.9]]))),
    ]


def _straight(x0: tf.Tensor, x1: tf.Tensor, t: tf.Tensor) -> Pair:
    return (1 - t) * x0 + t * x1, x1 - x0


CURVE = Exercise(
    lab="13",
    name="curve",
    title="A curved line and its velocity",
    oracle=_curve,
    cases=_line_cases,
    mistakes=(
        Mistake(
            "the velocity of the straight line",
            lambda x0, x1, t: (curved_line(x0, x1, t)[0], x1 - x0),
            "that would lead along the chord, not the arc. Differentiate your own $x_t$ in $t$.",
        ),
        Mistake(
            "a straight line",
            _straight,
            "its cloud is narrower half-way than at either end. Weigh by cosine and sine.",
        ),
        Mistake(
            "a slope in the angle, not in time",
            lambda x0, x1, t: (
                curved_line(x0, x1, t)[0],
                curved_line(x0, x1, t)[1] / QUARTER,
            ),
            "whoever follows it is only 64 % of the way at t = 1. The chain rule brings pi / 2.",
        ),
        Mistake(
            "a cosine whose slope has the wrong sign",
            lambda x0, x1, t: (
                curved_line(x0, x1, t)[0],
                curved_line(-x0, x1, t)[1],
            ),
            "the noise would grow where it should fade. The slope of cos is minus sin.",
        ),
        Mistake(
            "a line from data to noise",
            lambda x0, x1, t: curved_line(x1, x0, t),
            "t = 0 is noise here, and t = 1 data. Swap cosine and sine.",
        ),
        Mistake(
            "a half circle",
            lambda x0, x1, t: (
                tf.cos(2 * QUARTER * t) * x0 + tf.sin(2 * QUARTER * t) * x1,
                2 * QUARTER * (tf.cos(2 * QUARTER * t) * x1 - tf.sin(2 * QUARTER * t) * x0),
            ),
            "it passes the data half-way and ends in minus the noise. The angle is pi t / 2.",
        ),
    ),
)


def _heun(velocity: Callable, x: np.ndarray, t: float, steps: int) -> np.ndarray:
    """SciPy's rule of trapezoids over the step, the far end guessed by Euler."""
    from scipy.integrate import trapezoid

    ends = np.array([t, t + 1 / steps])
    slopes = [velocity(x, ends[0])]
    slopes.append(velocity(x + np.diff(ends)[0] * slopes[0], ends[1]))
    return x + trapezoid(slopes, ends, axis=0)


def _with_time(x: tf.Tensor, t: float) -> tf.Tensor:
    """A velocity that grows with time."""
    return x * (1 + t)


def _wind(x: tf.Tensor, t: float) -> tf.Tensor:
    """A velocity that is bent in place and time."""
    return x * x - 3 * t * x + t * t


def _step_cases() -> list[Case]:
    rng = np.random.default_rng(1)
    return [
        Case("one number, two steps", (_with_time, np.array([[1.0]]), 0.0, 2)),
        Case("five points of three numbers", (_wind, rng.normal(size=(5, 3)), 0.25, 4)),
        Case("one step all the way", (_wind, rng.normal(size=(2, 2)), 0.0, 1)),
        Case("the last of ten", (_with_time, rng.normal(size=(3, 2)), 0.9, 10)),
    ]


def _euler(velocity: Callable, x: tf.Tensor, t: float, steps: int) -> tf.Tensor:
    return x + velocity(x, t) / steps


HEUN = Exercise(
    lab="13",
    name="heun",
    title="Heun's step",
    oracle=_heun,
    cases=_step_cases,
    mistakes=(
        Mistake(
            "Euler's step",
            _euler,
            "it looks at the beginning alone. Look at the end as well, and take the mean of both.",
        ),
        Mistake(
            "a sum of both velocities",
            lambda v, x, t, n: 2 * heun_step(v, x, t, n) - x,
            "that goes twice as far. Halve it.",
        ),
        Mistake(
            "the velocity at the end alone",
            lambda v, x, t, n: x + v(_euler(v, x, t, n), t + 1 / n) / n,
            "it is as one-sided as Euler's. Take the mean of both ends.",
        ),
        Mistake(
            "a second look at the first place",
            lambda v, x, t, n: x + (v(x, t) + v(x, t + 1 / n)) / (2 * n),
            "the time moved on and the point did not. Ask where Euler's step arrives.",
        ),
        Mistake(
            "a second look at the first time",
            lambda v, x, t, n: x + (v(x, t) + v(_euler(v, x, t, n), t)) / (2 * n),
            "the point moved on and the time did not. Ask at t + 1 / steps.",
        ),
        Mistake(
            "a step of length 1",
            lambda v, x, t, n: x + (v(x, t) + v(x + v(x, t), t + 1)) / 2,
            "it goes all the way at once. Divide by `steps`.",
        ),
        Mistake(
            "a step backwards",
            lambda v, x, t, n: 2 * x - heun_step(v, x, t, n),
            "it leads back to the noise. Add the velocity.",
        ),
    ),
)

EXERCISES = (CURVE, HEUN)
