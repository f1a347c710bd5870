"""How does one turn noise into data without a game, by regression alone?

Let each point of the noise travel to a point of the data along a straight line, at constant speed.
Many lines cross at one place; a network learns the mean of their velocities there, and whoever
follows that mean from noise at t = 0 arrives among the data at t = 1:

    x_t = (1 - t) x0 + t x1,    u = x1 - x0,      loss = E | v(x_t, t) - u |^2
    dx/dt = v(x, t),            one Euler step:   x + v(x, t) / steps

    symbol    shape             meaning
    x0        (batch, width)    noise, N(0, I), drawn afresh for each batch
    x1        (batch, width)    data: points, or codes of pictures
    t         (batch, 1)        time, drawn evenly from 0 to 1
    u         (batch, width)    velocity of one line
    v         (batch, width)    what the network says: at its best the mean of u, given x_t and t

The smallest loss is not 0: lines cross, and a place does not tell which one it is on. No two that
follow their mean ever meet, so their paths are curved, and take some small steps.

Lipman and others, arXiv:2210.02747 (flow matching); Liu and others, arXiv:2209.03003 (rectified
flow); Albergo and Vanden-Eijnden, arXiv:2209.15571 (stochastic interpolants). The network is built
in the notebook and handed in, so a learner can read and change it.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike

from helpers import autoencoder, contract, losses, runtime


def interpolate(x0: ArrayLike, x1: ArrayLike, t: ArrayLike) -> tuple[tf.Tensor, tf.Tensor]:
    """A place on each straight line from noise to data, and the line's velocity.

    >>> x_t, u = interpolate([[0.0, 2.0]], [[4.0, 2.0]], t=[[0.25]])
    >>> x_t.numpy().tolist(), u.numpy().tolist()
    ([[1.0, 2.0]], [[4.0, 0.0]])

    Args:
        x0: noise, shape (batch, width).
        x1: data, the same shape.
        t: from 0 (at x0) to 1 (at x1), shape (batch, 1).

    Returns:
        x_t and u, each of shape (batch, width).
    """
    x0, x1, t = (ops.convert_to_tensor(part, "float32") for part in (x0, x1, t))
    return (1 - t) * x0 + t * x1, x1 - x0


def euler_step(velocity: Callable, x: tf.Tensor, t: float | tf.Tensor, steps: int) -> tf.Tensor:
    """One step of size 1 / steps along the velocity, from time t on.

    >>> euler_step(lambda x, t: x + t, tf.constant([[2.0]]), t=0.5, steps=2).numpy().tolist()
    [[3.25]]

    Args:
        velocity: from places, shape (n, width), and times, shape (n, 1), to velocities.
        x: places, shape (n, width).
        t: time, from 0 to below 1.
        steps: how many lead from 0 to 1.
    """
    return x + velocity(x, t * ops.ones_like(x[:, :1])) / steps


@keras.saving.register_keras_serializable("gdl")
class Flow(contract.CheckedModel):
    """A velocity field that is fitted to straight lines from noise to data.

    `fit(x)` trains on points or codes; `fit([x, conditions])` where the network takes a third
    input, for example which digit it is. It brings its own loss: `compile` is given none.

    Args:
        velocity: model from `[x_t, t]`, or `[x_t, t, conditions]`, to velocities as wide as x_t.
        seed: fixes the draws of x0 and t; None takes Keras' global seed.
        **kwargs: name and dtype, as for every Keras model.

    Raises:
        ValueError: the shapes of the network's inputs and output do not fit.
    """

    def __init__(self, velocity: keras.Model, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        contract.check_network("velocity", velocity)
        taken, emitted = [each.shape for each in velocity.inputs], velocity.output_shape
        fits = len(taken) in (2, 3) and taken[1] == (None, 1) and taken[0] == emitted
        if not fits or len(emitted) != 2:
            raise ValueError(
                f"The network takes {taken} and emits {emitted}: let it take [x, t], or "
                "[x, t, conditions], with t of shape (None, 1), and emit what has the shape of x."
            )
        self.velocity, self.conditional = velocity, len(taken) == 3
        self.seed = seed if seed is None else runtime.check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    def target(self, x: Any, y: tf.Tensor | None = None) -> Any:
        """The data without their conditions."""
        return x[0] if self.conditional else x

    def call(self, x: Any, training: bool = False) -> dict[str, tf.Tensor]:
        """The network's `velocity` at a random time of a line to each point, and the `line`'s."""
        x1, conditions = self.target(x), x[1:] if self.conditional else ()
        draws = {"dtype": "float32", "seed": self.seed_generator}
        x0 = keras.random.normal(ops.shape(x1), **draws)
        t = keras.random.uniform((ops.shape(x1)[0], 1), **draws)
        x_t, u = interpolate(x0, x1, t)
        return {"velocity": self._velocity([x_t, t, *conditions], training), "line": u}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None,
        sample_weight: tf.Tensor | None = None, training: bool = True,
    ) -> tf.Tensor:  # fmt: skip
        """The squared error of the velocity, summed over a point, plus what the layers add."""
        squares = ops.square(y_pred["velocity"] - y_pred["line"])
        loss = ops.mean(losses.weigh(ops.sum(squares, axis=-1), sample_weight))
        for penalty in self.losses:
            loss = loss + ops.cast(ops.sum(penalty), loss.dtype)
        return loss

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The compiled metrics between both velocities."""
        return super().compute_metrics(x, y_pred["line"], y_pred["velocity"], sample_weight)

    def path(self, x0: np.ndarray, steps: int, *conditions: np.ndarray) -> np.ndarray:
        """All places from noise to data by Euler's method, shape (steps + 1, n, width).

        Args:
            x0: where to begin, usually draws from N(0, I), shape (n, width).
            steps: how many, 1 or more; each takes one pass through the network.
            *conditions: one array of n rows where the network takes them, otherwise none.

        Raises:
            ValueError: fewer than one step, or another shape than the network's inputs.
        """
        runtime.check_count(steps=steps)
        given = [np.asarray(part, "float32") for part in (x0, *conditions)]
        self._check_parts(given)

        @tf.function(jit_compile=False, reduce_retracing=True)
        def step(x: tf.Tensor, t: tf.Tensor, *told: tf.Tensor) -> tf.Tensor:
            return euler_step(lambda *where: self._velocity([*where, *told]), x, t, steps)

        def follow(rows: np.ndarray) -> list[tf.Tensor]:
            places, *told = [tf.constant(part[rows]) for part in given]
            path = [places]
            for number in range(steps):
                path.append(step(path[-1], tf.constant(number / steps, "float32"), *told))
            return path

        return autoencoder.in_batches(follow, np.arange(len(given[0])))

    def _velocity(self, inputs: list[tf.Tensor], training: bool = False) -> tf.Tensor:
        return ops.cast(self.velocity(inputs, training=training), "float32")

    def sample(self, x0: np.ndarray, steps: int, *conditions: np.ndarray) -> np.ndarray:
        """Where :meth:`path` arrives, shape (n, width)."""
        return self.path(x0, steps, *conditions)[-1]

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        if self.loss is not None:
            raise ValueError("A flow brings its own loss: compile it without a loss.")
        listed = isinstance(x, (list, tuple))
        if listed != self.conditional:
            wanted = "[x, conditions]" if self.conditional else "x, one array"
            raise ValueError(f"This network learns from {wanted}: call fit({wanted}).")
        self._check_parts([np.asarray(part) for part in (x if listed else [x])])
        contract.check_one_weight_each(sample_weight)
        if y is not None and not np.array_equal(y, self.target(x)):
            hint = "leave y out; labels go in as fit([x, conditions])"
            raise ValueError(f"A flow has no targets: {hint}.")

    def _check_parts(self, parts: list[np.ndarray]) -> None:
        """Refuse points, and conditions, that the network does not take."""
        inputs = self.velocity.inputs
        wanted = [each.shape[1:] for each in (inputs[0], *inputs[2:])]
        rows = {part.shape[:1] for part in parts}
        if [part.shape[1:] for part in parts] != wanted or len(rows) > 1 or rows & {(), (0,)}:
            shapes = " and ".join(str(part.shape) for part in parts)
            hint = " and ".join(f"(n, {width})" for (width,) in wanted)
            raise ValueError(f"The data have shape {shapes}: use {hint}, n of 1 or more.")
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("Some numbers are not finite: look for what is NaN or infinite.")

    def get_config(self) -> dict:
        """Settings for the `.keras` file: the network and the seed."""
        network = keras.saving.serialize_keras_object(self.velocity)
        return {**super().get_config(), "velocity": network, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict) -> "Flow":
        """Rebuild the model from :meth:`get_config`."""
        network = keras.saving.deserialize_keras_object(config.pop("velocity"))
        return cls(network, **config)
