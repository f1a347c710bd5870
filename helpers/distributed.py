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

    python -m helpers.distributed --workers 1       one process
    python -m helpers.distributed --workers 2       two processes on this machine, over loopback
    python -m helpers.distributed --devices 2       one process, two logical devices on its CPU

What runs here was tested on CPUs. What was not: on one machine with several GPUs
`tf.distribute.MirroredStrategy()` takes them all; on several machines, set `TF_CONFIG` on each to
what :func:`cluster` says for it and start `python -m helpers.distributed --as-worker`; on a TPU
`tf.distribute.TPUStrategy` takes the place of both. :func:`train_under` takes any of them.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers import gan, runtime, toys

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT = 300
BATCH_SIZE = 128


def shares(strategy, array: np.ndarray):
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
    strategy, build: Callable, real: np.ndarray, steps: int, batch_size: int, seed: int = 0
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

    def step(pictures, z_first, z_second):
        d_loss, *_ = model.discriminator_step(pictures, z_first)
        g_loss, _ = model.generator_step(z_second)
        return d_loss, g_loss

    @tf.function
    def everywhere(*given):
        return [strategy.reduce("MEAN", loss, axis=None) for loss in strategy.run(step, args=given)]

    noise, found = np.random.default_rng(seed), []
    for number in range(steps):
        rows = np.arange(number * batch_size, (number + 1) * batch_size) % len(real)
        z = noise.normal(size=(2, batch_size, model.latent_dim))
        given = [shares(strategy, part) for part in (real[rows], z[0], z[1])]
        found.append([float(loss) for loss in everywhere(*given)])
    return np.array(found)


def ring_gan() -> gan.GAN:
    """A small GAN for points on the plane, without batch norm.

    It learns by plain gradient descent: Adam would hide a gradient that is too long by a factor.
    """
    layers = keras.layers
    keras.utils.set_random_seed(0)
    networks = []
    for outputs, activation in ((2, "relu"), (1, "leaky_relu")):
        stack = [layers.Dense(64, activation), layers.Dense(64, activation), layers.Dense(outputs)]
        x = keras.Input((2,))
        networks.append(keras.Model(x, keras.Sequential(stack)(x)))
    model = gan.GAN(*networks, penalty="r1", penalty_weight=0.1, seed=0)
    model.compile(*(keras.optimizers.SGD(0.1) for _ in range(2)), jit_compile=False)
    return model


def cluster(addresses: list[str], index: int) -> str:
    """The `TF_CONFIG` of one process among several.

    Args:
        addresses: host and port of each, for example ``"localhost:2222"``, alike for all.
        index: which of them this process is, from 0.
    """
    workers = {"worker": addresses}
    return json.dumps({"cluster": workers, "task": {"type": "worker", "index": index}})


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def launch(steps: int = 20, workers: int = 1, devices: int = 1) -> np.ndarray:
    """Train the ring GAN in processes of their own on this machine.

    Args:
        steps: how many.
        workers: processes; they share each batch of 128 points.
        devices: logical CPUs that one process makes of its CPU; 1 where there are more processes.

    Returns:
        What :func:`train_under` returns, as the first process saw it.

    Raises:
        ValueError: a number below 1, or both several workers and several devices.
        RuntimeError: a process failed or did not end in time; holds the end of what it wrote.
    """
    check_counts(steps, workers, devices)
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    options = ["--as-worker", "--steps", str(steps), "--devices", str(devices)]
    command = [sys.executable, "-m", "helpers.distributed", *options]
    plain = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    with tempfile.TemporaryDirectory() as folder:
        logs, processes = [Path(folder, str(index)) for index in range(workers)], []
        try:
            for index, log in enumerate(logs):
                told = {"TF_CONFIG": cluster(addresses, index)} if workers > 1 else {}
                processes.append(start(command, log, env={**plain, **told}, cwd=ROOT))
            wait_for(processes, logs)
            return np.array(json.loads(logs[0].read_text().splitlines()[-1]))
        finally:
            for process in processes:
                process.kill()
                process.wait()


def check_counts(steps: int, workers: int, devices: int) -> None:
    """Refuse numbers that the ring GAN cannot be trained with.

    Raises:
        ValueError: one sentence that says which are allowed.
    """
    if min(steps, workers, devices) < 1 or 1 not in (workers, devices):
        raise ValueError("Use whole numbers of 1 or more, and several workers or several devices.")
    if BATCH_SIZE % max(workers, devices):
        raise ValueError(f"{max(workers, devices)} does not divide the batch of {BATCH_SIZE}.")


def start(command: list[str], log: Path, **how) -> subprocess.Popen:
    """Start a process that writes to files; a pipe that nobody reads would fill up and stop it."""
    with log.open("w") as said, log.with_suffix(".err").open("w") as errors:
        return subprocess.Popen(command, stdout=said, stderr=errors, **how)


def wait_for(processes: list, logs: list[Path]) -> None:
    """Wait until all workers have ended well; the first failure ends the wait.

    Raises:
        RuntimeError: one failed, or they did not end in time.
    """
    end = time.monotonic() + TIME_LIMIT
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes):
            break
        if time.monotonic() > end:
            raise RuntimeError(
                f"The workers did not end within {TIME_LIMIT} s: use fewer steps or fewer workers."
            )
        time.sleep(0.1)
    for index, process in enumerate(processes):
        if process.poll():
            said = logs[index].with_suffix(".err").read_text().strip()[-400:]
            raise RuntimeError(f"Worker {index} failed, so all were stopped. It said: {said}")


def logical_cpus(count: int) -> tf.distribute.Strategy:
    """A strategy over the logical CPUs that `runtime.prepare(logical_cpus=...)` made.

    Raises:
        RuntimeError: there are fewer.
    """
    found = tf.config.list_logical_devices("CPU")
    if len(found) < count:
        hint = f"restart the kernel and call runtime.prepare(..., logical_cpus={count}) first"
        raise RuntimeError(f"There are {len(found)} logical CPUs, not {count}: {hint}.")
    return tf.distribute.MirroredStrategy([device.name for device in found[:count]])


def _strategy(devices: int) -> tf.distribute.Strategy:
    """Several processes where `TF_CONFIG` says so, else several devices, else one."""
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    runtime.prepare(seed=0, logical_cpus=devices)
    return tf.distribute.get_strategy() if devices == 1 else logical_cpus(devices)


def main() -> None:
    """Read the options, train, print both losses of every step."""
    parser = argparse.ArgumentParser(description="Train a small GAN on several devices.")
    parser.add_argument("--workers", type=int, default=1, help="processes on this machine")
    parser.add_argument("--devices", type=int, default=1, help="logical CPUs in one process")
    parser.add_argument("--steps", type=int, default=20)
    as_worker = "be one of the workers that TF_CONFIG lists, or the only one"
    parser.add_argument("--as-worker", action="store_true", help=as_worker)
    given = parser.parse_args()
    try:
        check_counts(given.steps, given.workers, given.devices)
    except ValueError as error:
        parser.error(str(error))
    if given.as_worker:
        points = toys.ring().points(10 * BATCH_SIZE)
        strategy = _strategy(given.devices)
        print(json.dumps(train_under(strategy, ring_gan, points, given.steps, BATCH_SIZE).tolist()))
        return
    found = launch(given.steps, given.workers, given.devices)
    for number, (d_loss, g_loss) in enumerate(found, 1):
        print(f"step {number:3d}: D's loss {d_loss:.6f}, G's loss {g_loss:.6f}")


if __name__ == "__main__":
    main()
