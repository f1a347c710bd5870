"""Several devices take the step that one takes."""

import json
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
    np.testing.assert_allclose(two, one_device, rtol=1e-4)


def test_two_logical_devices_lose_what_one_loses(one_device):
    two = run("--devices", "2", "--steps", "20")
    np.testing.assert_allclose(two, one_device, rtol=1e-4)


def test_one_process_by_command(one_device):
    np.testing.assert_allclose(run("--steps", "3"), one_device[:3], rtol=1e-4)


def test_long_runs_do_not_stop_half_way():
    assert distributed.launch(steps=2500).shape == (2500, 2)


ON_TWO_DEVICES = """
import numpy as np
from helpers import runtime
runtime.prepare(seed=0, logical_cpus=2)
from helpers import distributed, gan, layers, toys
strategy = distributed.logical_cpus(2)
with strategy.scope():
    model = distributed.ring_gan()
first, second = (np.array(z) for z in strategy.run(lambda: model.draw_z(4)).values)
assert np.abs(first - second).min() > 1e-4, "both replicas draw the same noise"

def with_replay():
    plain = distributed.ring_gan()
    model = gan.GAN(plain.generator, plain.discriminator, replay=layers.ReplayBuffer(64), seed=0)
    model.compile("sgd", "adam", jit_compile=False)
    return model

found = distributed.train_under(strategy, with_replay, toys.ring().points(256), 2, 128)
assert np.isfinite(found).all()
"""


def test_replicas_draw_their_own_noise_and_share_a_replay_buffer():
    command = [sys.executable, "-c", ON_TWO_DEVICES]
    done = subprocess.run(command, capture_output=True, text=True, cwd=distributed.ROOT)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "0"), "whole numbers of 1 or more"),
        (("--workers", "2", "--devices", "2"), "several workers or several devices"),
        (("--workers", "3"), "3 does not divide the batch of 128"),
        (("--steps", "0"), "whole numbers of 1 or more"),
    ],
)
def test_bad_options(options, message):
    command = [sys.executable, "-m", "helpers.distributed", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr
    names = [name.strip("-") for name in options[::2]]
    with pytest.raises(ValueError, match=message):
        distributed.launch(**dict(zip(names, map(int, options[1::2]), strict=True)))


def workers(folder, *codes):
    """Started processes and their logs."""
    logs = [folder / str(number) for number in range(len(codes))]
    commands = [[sys.executable, "-c", code] for code in codes]
    return list(map(distributed.start, commands, logs)), logs


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("raise SystemExit('no room')", r"Worker 1 failed, .* no room"),
        ("import time; time.sleep(60)", r"did not end within 2 s"),
    ],
)
def test_workers_that_fail_or_never_end(tmp_path, monkeypatch, second, message):
    monkeypatch.setattr(distributed, "TIME_LIMIT", 2)
    processes, logs = workers(tmp_path, "import time; time.sleep(60)", second)
    try:
        with pytest.raises(RuntimeError, match=message):
            distributed.wait_for(processes, logs)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_too_few_logical_devices():
    tf.config.list_logical_devices("CPU")
    with pytest.raises(RuntimeError, match="There are 1 logical CPUs, not 2: restart the kernel"):
        distributed.logical_cpus(2)
    with pytest.raises(RuntimeError, match="already runs on one CPU device: restart"):
        runtime.prepare(seed=0, logical_cpus=2)


def test_each_process_is_told_of_all_and_which_it_is():
    ports = distributed.free_ports(3)
    assert len(set(ports)) == 3
    found = json.loads(distributed.cluster(["a:1", "b:2"], 1))
    assert found == {
        "cluster": {"worker": ["a:1", "b:2"]},
        "task": {"type": "worker", "index": 1},
    }
