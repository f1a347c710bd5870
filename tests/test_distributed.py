"""Several devices take the step that one takes."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from helpers import distributed, runtime, toys


def run(*options):
    """Losses that the command prints, shape (steps, 2)."""
    command = [sys.executable, "-m", "helpers.distributed", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("step")]
    return np.array([[float(part.split()[-1]) for part in line.split(",")] for line in lines])


@pytest.fixture(scope="module")
def one_device():
    """Losses of twenty steps on one device, in this process."""
    points = toys.ring().points(10 * distributed.BATCH_SIZE)
    return distributed.train_under(
        tf.distribute.get_strategy(), distributed.ring_gan, points, 20, distributed.BATCH_SIZE
    )


def test_training_moves_the_losses(one_device):
    assert one_device.shape == (20, 2) and np.isfinite(one_device).all()
    assert np.abs(one_device[-1] - one_device[0]).min() > 1e-3


def test_two_processes_lose_what_one_loses(one_device):
    two = run("--workers", "2", "--steps", "20")
    np.testing.assert_allclose(two, one_device, rtol=1e-3)


def test_two_logical_devices_lose_what_one_loses(one_device):
    two = run("--devices", "2", "--steps", "20")
    np.testing.assert_allclose(two, one_device, rtol=1e-3)


def test_one_process_by_command(one_device):
    np.testing.assert_allclose(run("--steps", "3"), one_device[:3], rtol=1e-3)


def test_the_same_seed_repeats_and_another_does_not(one_device):
    points, strategy = toys.ring().points(1280), tf.distribute.get_strategy()
    how = (strategy, distributed.ring_gan, points, 3, 128)
    again, other = (distributed.train_under(*how, seed) for seed in (0, 1))
    np.testing.assert_array_equal(again, one_device[:3])
    assert np.abs(other - one_device[:3]).max() > 1e-4


def test_a_batch_that_cannot_be_shared():
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="128 pictures cannot be shared by 3 devices"):
        distributed.shares(Three(), np.zeros((128, 2)))


@pytest.mark.parametrize("options", [("--workers", "0"), ("--workers", "3"), ("--steps", "0")])
def test_bad_options(options):
    command = [sys.executable, "-m", "helpers.distributed", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "whole numbers of 1 or more" in done.stderr


def worker(code):
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], **how)


def test_one_dead_worker_ends_all():
    processes = [worker("import time; time.sleep(60)"), worker("raise SystemExit('no room')")]
    try:
        with pytest.raises(RuntimeError, match=r"Worker 1 failed, .* no room"):
            distributed._answers(processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_workers_that_never_end(monkeypatch):
    monkeypatch.setattr(distributed, "TIME_LIMIT", 0.3)
    process = worker("import time; time.sleep(60)")
    try:
        with pytest.raises(RuntimeError, match="did not end within"):
            distributed._answers([process])
    finally:
        process.kill()
        process.communicate()


def test_too_few_logical_devices():
    tf.config.list_logical_devices("CPU")
    with pytest.raises(RuntimeError, match="There are 1 logical CPUs, not 2: restart the kernel"):
        distributed.logical_cpus(2)
    with pytest.raises(RuntimeError, match="already runs on one CPU device: restart"):
        runtime.prepare(seed=0, logical_cpus=2)


def test_each_process_gets_a_port_of_its_own():
    ports = distributed.free_ports(3)
    assert len(set(ports)) == 3
    assert '"index": 1' in distributed.cluster(2, 1, ports) and str(
        ports[0]
    ) in distributed.cluster(2, 1, ports)
