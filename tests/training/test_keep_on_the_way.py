"""A model kept after each epoch is whole at any moment, whatever ends its training."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT, small_gan

from helpers import pretrained, saving
from helpers.training import callbacks

POINTS = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
KILLS = int(os.environ.get("GDL_KILLS", "3"))
KILL = """
import os, pathlib, random, signal, sys, time
import keras
import numpy as np
from helpers.training import callbacks

def train(path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile("adam", "mse", run_eagerly=True)
    keep = [callbacks.KeepOnTheWay(path)] * 20  # so that nearly all the time goes into writing
    model.fit(np.ones((8, 2)), np.ones((8, 2)), epochs=10**6, verbose=0, callbacks=keep)

for path in map(pathlib.Path, sys.argv[1:]):  # TensorFlow is loaded once, and not used before
    child = os.fork()
    if child == 0:
        train(path)
    while not path.is_file() and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def plain(optimizer="adam"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def test_a_file_is_whole_whenever_its_training_is_killed(tmp_path):
    paths = [tmp_path / f"{number}.keras" for number in range(KILLS)]
    command = [sys.executable, "-c", KILL, *map(str, paths)]
    where = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    done = subprocess.run(command, capture_output=True, text=True, **where)
    assert done.returncode == 0, done.stderr
    for path in paths:
        model = pretrained.load(path)
        assert int(model.optimizer.iterations) >= 1
        model.fit(np.ones((8, 2)), np.ones((8, 2)), verbose=0)


@pytest.mark.parametrize("make", [plain, small_gan])
def test_the_file_is_that_of_the_last_whole_epoch(tmp_path, make):
    model, path = make(), tmp_path / "kept.keras"
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(pretrained.load(path).get_weights()),
    )
    data = (POINTS,) if make is small_gan else (POINTS, POINTS)
    keep = callbacks.KeepOnTheWay(path)
    model.fit(*data, epochs=3, batch_size=16, verbose=0, callbacks=[keep, look])
    assert len(seen) == 3 and not np.array_equal(seen[0][0], seen[1][0])
    for kept, now in zip(seen[-1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.keras"]


def half(self, path, **options):
    """A disk that is full after a few bytes."""
    Path(path).write_bytes(b"half")
    raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_says_why(tmp_path, monkeypatch):
    model, path = plain(), tmp_path / "kept.keras"
    saving.write(model, path)
    before = path.read_bytes()
    monkeypatch.setattr(keras.Model, "save", half)
    with pytest.raises(
        saving.NotWritten, match=r"kept.keras cannot be written \(No space left on device\)"
    ):
        model.fit(POINTS, POINTS, verbose=0, callbacks=[callbacks.KeepOnTheWay(path)])
    with pytest.raises(saving.NotWritten, match="the model is still in memory"):
        saving.write_new(model, tmp_path / "new.keras")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["kept.keras"]


@pytest.mark.parametrize("name", ["model", "model.h5", "", ".keras", "none/model.keras"])
def test_a_name_that_holds_no_model_is_refused_before_training(tmp_path, name):
    with pytest.raises(ValueError, match=r"^('.*' is no name for a model|There is no folder .*): "):
        callbacks.KeepOnTheWay(tmp_path / name)


@pytest.mark.parametrize("name", [None, 5, b"x.keras", "~nobody_here/x.keras", "a\0.keras"])
def test_what_is_no_name_of_a_file_is_refused_to_write_and_to_read(name):
    with pytest.raises(ValueError, match=r"^('|\").* is no name for a model|^There is no folder ~"):
        callbacks.KeepOnTheWay(name)
    with pytest.raises(pretrained.CheckpointError, match=r"^There is no (file|checkpoint) "):
        pretrained.load(name)


def test_a_name_too_long_for_the_disk_is_said_when_it_is_written(tmp_path):
    path, model = tmp_path / f"{300 * 'n'}.keras", plain()
    assert saving.free_path(path) == path
    with pytest.raises(
        saving.NotWritten, match=r"cannot be written .*the model is still in memory"
    ):
        saving.write(model, path)
    with pytest.raises(pretrained.CheckpointError, match="There is no file"):
        pretrained.load(path)


def test_a_new_file_takes_the_first_free_number(tmp_path):
    path, model = tmp_path / "mine.keras", plain()
    model.fit(POINTS, POINTS, verbose=0)
    (tmp_path / "mine_3.keras").write_bytes(b"of the learner")
    assert saving.free_path(path) == path
    taken = [saving.write_new(model, path).name for _ in range(3)]
    assert taken == ["mine.keras", "mine_2.keras", "mine_4.keras"]
    assert (tmp_path / "mine_3.keras").read_bytes() == b"of the learner"
    assert saving.free_path(path).name == "mine_5.keras"
    assert saving.free_path(tmp_path / "mine_4.keras").name == "mine_4_2.keras"
    assert all(pretrained.load(tmp_path / name).compiled for name in taken)


def test_what_was_learned_is_put_back_to_the_last_number():
    model = small_gan(average=0.9)
    model.fit(POINTS, batch_size=16, verbose=0)
    before, steps = saving.learned(model), int(model.generator_optimizer.iterations)
    model.fit(POINTS, batch_size=16, epochs=2, verbose=0)
    pairs = zip(before, saving.learned(model), strict=True)
    changed = [not np.array_equal(one, other) for one, other in pairs]
    saving.put_back(model, before)
    assert sum(changed) > 10 and int(model.generator_optimizer.iterations) == steps
    for one, other in zip(before, saving.learned(model), strict=True):
        np.testing.assert_array_equal(one, other)
