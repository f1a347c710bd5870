"""How do several devices take one and the same step?

Each holds a copy of both networks and sees its share of the batch; the gradients are averaged over
the devices, and every copy takes the same step. With equal shares the mean of the means is the mean
over the whole batch, so the losses are those of one device, up to rounding:

    gradient = 1 / devices * sum over devices of ( gradient of the loss of the device's share )

That holds where a loss is a mean over pictures. Whatever looks at a whole batch breaks it, as each
device sees its share only: batch norm (`BatchNormalization(synchronized=True)` repairs that),
`MinibatchStdDev`, DRAGAN's spread. So does noise that is drawn inside the step, alike on every
device: flipped labels, `InstanceNoise`, dropout, the points of WGAN-GP and DRAGAN. Training then
works, but on other numbers than on one device.

What runs here was tested on CPUs. What was not: on one machine with several GPUs
`tf.distribute.MirroredStrategy()` takes them all; on a TPU `tf.distribute.TPUStrategy` takes its
place. :func:`train_under` takes any of them. :mod:`helpers.training.distributed` starts the
processes.
"""

import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from helpers import gan, runtime
from helpers.training import seeds


def shares(strategy: tf.distribute.Strategy, array: np.ndarray) -> tf.distribute.DistributedValues:
    """Give each device its part of a batch, all parts equally long.

    Args:
        strategy: a `tf.distribute.Strategy`.
        array: the whole batch, its length a multiple of the number of devices.

    Raises:
        ValueError: the batch cannot be shared evenly.
    """
    count = strategy.num_replicas_in_sync
    if len(array) % count:
        hint = "use a batch size that the number of devices divides"
        raise ValueError(f"{len(array)} pictures cannot be shared by {count} devices: {hint}.")
    parts = np.split(np.asarray(array, "float32"), count)
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )


def train_under(
    strategy: tf.distribute.Strategy,
    build: Callable,
    real: np.ndarray,
    steps: int,
    batch_size: int,
    seed: int = 0,
) -> np.ndarray:
    """Train a GAN under a strategy, both phases in each step.

    Args:
        strategy: a `tf.distribute.Strategy`; `tf.distribute.get_strategy()` is one device.
        build: called without arguments inside the strategy's scope; returns a compiled
            :class:`helpers.gan.GAN` without conditions.
        real: pictures in [-1, 1] or points; batches are taken in order, from the start again when
            they are used up.
        steps: how many.
        batch_size: pictures per step over all devices together.
        seed: of the noise, which is the same however many devices share it.

    Returns:
        D's and G's loss after each step, the mean over the devices, shape (steps, 2).

    Raises:
        ValueError: a batch cannot be shared evenly.
    """
    with strategy.scope():
        model = build()

    def step(pictures: tf.Tensor, z_first: tf.Tensor, z_second: tf.Tensor) -> tuple:
        d_loss, *_ = model.discriminator_step(pictures, z_first)
        g_loss, _ = model.generator_step(z_second)
        return d_loss, g_loss

    @tf.function
    def everywhere(*given: tf.Tensor) -> list[tf.Tensor]:
        return [strategy.reduce("MEAN", loss, axis=None) for loss in strategy.run(step, args=given)]

    noise, both_losses = np.random.default_rng(seed), []
    for number in range(steps):
        rows = np.arange(number * batch_size, (number + 1) * batch_size) % len(real)
        z = noise.normal(size=(2, batch_size, model.latent_dim))
        given = [shares(strategy, part) for part in (real[rows], z[0], z[1])]
        both_losses.append([float(loss) for loss in everywhere(*given)])
    return np.array(both_losses)


def ring_gan() -> gan.GAN:
    """A small GAN for points on the plane, without batch norm.

    It learns by plain gradient descent: Adam would hide a gradient that is too long by a factor. D
    is smooth, as R1 differentiates it twice.
    """
    dense, make, networks = keras.layers.Dense, seeds.layer_maker(0), []
    for outputs, activation in ((2, "relu"), (1, "tanh")):
        hidden = [make(dense, 64, activation), make(dense, 64, activation)]
        stack, x = [*hidden, make(dense, outputs)], keras.Input((2,))
        networks.append(keras.Model(x, keras.Sequential(stack)(x)))
    generator, discriminator = networks
    model = gan.GAN(generator, discriminator, penalty="r1", penalty_weight=0.1, seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False)
    return model


def logical_cpus(count: int) -> tf.distribute.Strategy:
    """A strategy over the logical CPUs that `runtime.prepare(logical_cpus=...)` made.

    Raises:
        RuntimeError: there are fewer.
    """
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) < count:
        hint = f"restart the kernel and call runtime.prepare(..., logical_cpus={count}) first"
        raise RuntimeError(f"There are {len(devices)} logical CPUs, not {count}: {hint}.")
    return tf.distribute.MirroredStrategy([device.name for device in devices[:count]])


def chosen_strategy(devices: int) -> tf.distribute.Strategy:
    """Several processes where `TF_CONFIG` says so, else several devices, else one."""
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    runtime.prepare(seed=0, logical_cpus=devices)
    return tf.distribute.get_strategy() if devices == 1 else logical_cpus(devices)
