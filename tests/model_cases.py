"""One small model of every kind, for the tests of what all of them promise.

A new kind joins by a line in `CASES`.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import ops

from helpers import autoencoder, flow, losses, vae

RNG = np.random.default_rng(0)
IMAGES, CLEAN = RNG.random((2, 20, 4, 4, 1)).astype("float32")
TOLD = np.eye(3, dtype="float32")[np.arange(20) % 3]
WEIGHTS = RNG.uniform(0, 2, 20).astype("float32")
BETA, RATE = 2.0, 0.1
DENSE = keras.layers.Dense


def encoder(heads, penalty=None):
    image = keras.Input((4, 4, 1))
    h = DENSE(6, "tanh", kernel_regularizer=penalty)(keras.layers.Flatten()(image))
    outputs = [DENSE(2)(h) for _ in range(heads)]
    return keras.Model(image, outputs if heads > 1 else outputs[0])


def decoder(activation=None, conditions=0):
    z = keras.Input((2,))
    inputs = [z, keras.Input((conditions,))] if conditions else z
    h = keras.layers.Concatenate()(inputs) if conditions else z
    return keras.Model(inputs, keras.layers.Reshape((4, 4, 1))(DENSE(16, activation)(h)))


def squares(model, outputs, target):
    """An autoencoder's loss of each picture."""
    return ops.mean(ops.square(outputs - target), axis=(1, 2, 3))


def bound(model, outputs, target):
    """A VAE's loss of each picture."""
    kl = ops.sum(losses.kl_terms(outputs["z_mean"], outputs["z_log_var"]), axis=1)
    return model.nats_per_image(target, outputs["logits"]) + BETA * kl


def velocity(penalty=None):
    """A flow's network, for points told conditions."""
    inputs = [keras.Input((width,)) for width in (2, 1, 3)]
    h = DENSE(6, "tanh", kernel_regularizer=penalty)(keras.layers.Concatenate()(inputs))
    return keras.Model(inputs, DENSE(2)(h))


def squared_length(model, outputs, target):
    """A flow's loss of each point."""
    return ops.sum(ops.square(outputs["velocity"] - outputs["line"]), axis=1)


class Case(NamedTuple):
    """A model to build, what it trains on, and the loss of each sample by hand."""

    make: Callable  # from a penalty on the first kernel and a seed of its draws
    per_sample: Callable
    x: object = IMAGES
    loss: str | None = None  # that `compile` is given
    clean: np.ndarray | None = CLEAN  # another target than x; None where there can be none

    def part(self, here):
        """Some of the pictures, as `fit` takes them."""
        return [array[here] for array in self.x] if isinstance(self.x, list) else self.x[here]


CASES = {
    "Autoencoder": Case(
        lambda penalty, seed: autoencoder.Autoencoder(encoder(1, penalty), decoder("sigmoid")),
        squares,
        loss="mse",
    ),
    "VAE": Case(lambda penalty, seed: vae.VAE(encoder(2, penalty), decoder(), BETA, seed), bound),
    "GaussianVAE": Case(
        lambda penalty, seed: vae.GaussianVAE(encoder(2, penalty), decoder(), BETA, 0.3, seed=seed),
        bound,
    ),
    "ConditionalVAE": Case(
        lambda penalty, seed: vae.ConditionalVAE(
            encoder(2, penalty), decoder(conditions=3), BETA, 0.3, seed=seed
        ),
        bound,
        x=[IMAGES, TOLD],
    ),
    "Flow": Case(
        lambda penalty, seed: flow.Flow(velocity(penalty), seed),
        squared_length,
        x=[IMAGES.reshape(20, 16)[:, :2], TOLD],
        clean=None,
    ),
}
VAES = [name for name in CASES if "VAE" in name]
DRAWING = [*VAES, "Flow"]
each_model = pytest.mark.parametrize("name", CASES)
each_of_pictures = pytest.mark.parametrize("name", [name for name in CASES if name != "Flow"])


def build(name, penalty=None, seed=3):
    """A fresh model, its weights fixed by one seed and its draws by another."""
    keras.utils.set_random_seed(1)
    return CASES[name].make(penalty, seed)


def compiled(name, rate=RATE, penalty=None, seed=3, **options):
    """Eager, unless a test says otherwise: a step or two are done before a graph is traced."""
    model = build(name, penalty, seed)
    model.compile(keras.optimizers.SGD(rate), CASES[name].loss, **{"run_eagerly": True, **options})
    return model


def fitted(name, *data, model=None, **options):
    """Trained on all pictures in order, in one step unless a test says otherwise."""
    model = model or compiled(name)
    data = data or (CASES[name].x,)
    model.fit(*data, verbose=0, **{"batch_size": 20, "shuffle": False, **options})
    return model


def evaluated(name, *data, model=None, **options):
    """What `evaluate` says of all pictures, by name."""
    model = model or compiled(name)
    data = data or (CASES[name].x,)
    return model.evaluate(*data, **{"batch_size": 20, "return_dict": True, "verbose": 0, **options})


class DrawAlike(keras.callbacks.Callback):
    """Lets an evaluation, or an epoch, draw the numbers that every other one draws."""

    def begin_anew(self, number=None, logs=None):
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":
                variable.assign([7, 0])

    on_test_begin = on_epoch_begin = begin_anew


def weights(model):
    """All that training moves, in one row."""
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])
