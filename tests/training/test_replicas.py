"""Several devices take the step that one takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from helpers import runtime
from helpers.data import toys
from helpers.training import replicas

ROOT = Path(__file__).resolve().parents[2]


def test_training_moves_the_losses(one_device):
    assert one_device.shape == (20, 2) and np.isfinite(one_device).all()
    assert np.abs(one_device[-1] - one_device[0]).min() > 1e-3


ON_TWO_DEVICES = """
import numpy as np
from helpers import runtime
runtime.prepare(seed=0, logical_cpus=2)
from helpers import gan, layers
from helpers.data import toys
from helpers.training import replicas
strategy = replicas.logical_cpus(2)
with strategy.scope():
    model = replicas.ring_gan()
first, second = (np.array(z) for z in strategy.run(lambda: model.draw_z(4)).values)
assert np.abs(first - second).min() > 1e-4, "both replicas draw the same noise"

def with_replay():
    plain = replicas.ring_gan()
    model = gan.GAN(plain.generator, plain.discriminator, replay=layers.ReplayBuffer(64), seed=0)
    model.compile("sgd", "adam", jit_compile=False)
    return model

found = replicas.train_under(strategy, with_replay, toys.ring().points(256), 2, 128)
assert np.isfinite(found).all()
"""


def test_replicas_draw_their_own_noise_and_share_a_replay_buffer():
    command = [sys.executable, "-c", ON_TWO_DEVICES]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_same_seed_repeats_and_another_does_not(one_device):
    points, strategy = toys.ring().points(1280), tf.distribute.get_strategy()
    settings = (strategy, replicas.ring_gan, points, 3, 128)
    again, other = (replicas.train_under(*settings, seed) for seed in (0, 1))
    np.testing.assert_array_equal(again, one_device[:3])
    assert np.abs(other - one_device[:3]).max() > 1e-4


def test_a_batch_that_cannot_be_shared():
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="128 pictures cannot be shared by 3 devices"):
        replicas.shares(Three(), np.zeros((128, 2)))


def test_too_few_logical_devices():
    tf.config.list_logical_devices("CPU")
    with pytest.raises(RuntimeError, match="There are 1 logical CPUs, not 2: restart the kernel"):
        replicas.logical_cpus(2)
    with pytest.raises(RuntimeError, match="already runs on one CPU device: restart"):
        runtime.prepare(seed=0, logical_cpus=2)
