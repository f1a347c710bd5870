"""How does one start several processes that train together?

Each is told of all the others and which of them it is, in the variable `TF_CONFIG`; then they find
each other and average their gradients (:mod:`helpers.training.replicas` says what that changes).

    python -m helpers.training.distributed --workers 1   one process
    python -m helpers.training.distributed --workers 2   two processes on this machine, by loopback
    python -m helpers.training.distributed --devices 2   one process, two logical devices of its CPU

On several machines, which was not tested, set `TF_CONFIG` on each to what :func:`cluster` says for
it and start `python -m helpers.training.distributed --as-worker`.

Only the workers load TensorFlow, so that a wrong option is answered at once.
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
from pathlib import Path
from typing import Any

import numpy as np

from helpers import runtime

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 300
MOST = 16  # each process takes half a gigabyte
BATCH_SIZE = 128


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
        What :func:`helpers.training.replicas.train_under` returns, as the first process saw it.

    Raises:
        ValueError: a number below 1, or both several workers and several devices.
        RuntimeError: a process failed or did not end in time; holds the end of what it wrote.
    """
    check_counts(steps, workers, devices)
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    options = ["--as-worker", "--steps", str(steps), "--devices", str(devices)]
    command = [sys.executable, "-m", "helpers.training.distributed", *options]
    plain = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    with tempfile.TemporaryDirectory() as folder:
        logs, processes = [Path(folder, str(index)) for index in range(workers)], []
        try:
            for index, log in enumerate(logs):
                variables = {"TF_CONFIG": cluster(addresses, index)} if workers > 1 else {}
                processes.append(start(command, log, env={**plain, **variables}, cwd=ROOT))
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
    runtime.check_count(steps=steps, workers=workers, devices=devices)
    if 1 not in (workers, devices) or max(workers, devices) > MOST:
        said = f"There are {workers} workers and {devices} devices"
        raise ValueError(f"{said}: use several workers or several devices, at most {MOST}.")
    if BATCH_SIZE % max(workers, devices):
        raise ValueError(f"{max(workers, devices)} does not divide the batch of {BATCH_SIZE}.")


def start(command: list[str], log: Path, **options: Any) -> subprocess.Popen:
    """Start a process that writes to files; a pipe that nobody reads would fill up and stop it."""
    with log.open("w") as said, log.with_suffix(".err").open("w") as errors:
        return subprocess.Popen(command, stdout=said, stderr=errors, **options)


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


def work(steps: int, devices: int) -> None:
    """Be one worker: train the ring GAN and print its losses as JSON, the last line written."""
    from helpers.data import toys
    from helpers.training import replicas  # they load TensorFlow

    points = toys.ring().points(10 * BATCH_SIZE)
    strategy, build = replicas.chosen_strategy(devices), replicas.ring_gan
    both_losses = replicas.train_under(strategy, build, points, steps, BATCH_SIZE)
    print(json.dumps(both_losses.tolist()))


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
        work(given.steps, given.devices)
        return
    both_losses = launch(given.steps, given.workers, given.devices)
    for number, (d_loss, g_loss) in enumerate(both_losses, 1):
        print(f"step {number:3d}: D's loss {d_loss:.6f}, G's loss {g_loss:.6f}")


if __name__ == "__main__":
    main()
