"""Training goes on from a file, in another process, as if it had never stopped."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import ROOT, small_gan
from model_cases import CASES, build

from helpers import gan, layers, pretrained
from helpers.training import callbacks

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(72, 2)).astype("float32")
LABELS = np.eye(3, dtype="float32")[np.arange(72) % 3]


def adam():
    """An optimizer whose next step depends on all its steps before."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.05, 20), 0.5)


def noisy_gan(replay=True, classes=0, run_eagerly=True, **game):
    """A GAN with everything that draws random numbers, in every place."""
    keras.utils.set_random_seed(1)
    networks = []
    for wide, outputs in ((3, 2), (2, 1)):
        inputs = [keras.Input((wide,))] + ([keras.Input((classes,))] if classes else [])
        h = keras.layers.Concatenate()(inputs) if classes else inputs[0]
        h = layers.InstanceNoise(0.1)(h) if outputs == 1 else h
        h = keras.layers.Dense(8, "tanh")(h)
        h = keras.layers.Dropout(0.2)(h) if outputs == 1 else layers.KeptGaussianDropout(0.1)(h)
        networks.append(
            keras.Model(inputs if classes else inputs[0], keras.layers.Dense(outputs)(h))
        )
    buffer = layers.ReplayBuffer(24) if replay else None
    model = gan.GAN(*networks, replay=buffer, average=0.9, **game)
    rmsprop = keras.optimizers.RMSprop(0.01)
    model.compile(adam(), rmsprop, jit_compile=False, run_eagerly=run_eagerly)
    return model, [POINTS, LABELS] if classes else POINTS


def autoencoder(name):
    """One of the models that encode and decode."""
    model = build(name)
    model.compile(adam(), CASES[name].loss, run_eagerly=True)
    return model, CASES[name].x


MODELS = {name: lambda name=name: autoencoder(name) for name in CASES} | {
    "GAN": lambda: noisy_gan(penalty="dragan", flip=0.1, run_eagerly=False),
    "GAN, conditions": lambda: noisy_gan(False, classes=3, discriminator_steps=2, seed=4),
}
HOW = {"batch_size": 10, "verbose": 0}
GO_ON = """
import json, sys
from helpers import runtime
runtime.prepare(seed=7)
import numpy as np
from helpers import pretrained
folder = sys.argv[1]
for name, x in np.load(f"{folder}/data.npy", allow_pickle=True).item().items():
    model = pretrained.load(f"{folder}/{name} 2.keras")
    history = model.fit(x, epochs=2, batch_size=10, verbose=0).history
    history["weights"] = np.concatenate([np.ravel(w) for w in model.get_weights()]).tolist()
    json.dump(history, open(f"{folder}/{name}.json", "w"))
"""


def weights(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def kept(folder, name):
    """A file of each epoch, of which the one after the second is copied: there the kernel dies."""
    path = folder / f"{name}.keras"

    def copy(epoch, logs):
        if epoch == 1:
            shutil.copy(path, folder / f"{name} 2.keras")

    return [callbacks.KeepOnTheWay(path), keras.callbacks.LambdaCallback(on_epoch_end=copy)]


def printed(losses):
    """As Keras' progress bar prints them."""
    return [f"{loss:.4f}" if abs(loss) > 1e-3 else f"{loss:.4e}" for loss in losses]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """By name: what four epochs gave, and what the last two gave in another process."""
    folder, whole, data = tmp_path_factory.mktemp("resumed"), {}, {}
    for name, make in MODELS.items():
        model, data[name] = make()
        keras.utils.set_random_seed(7)
        whole[name] = model.fit(data[name], epochs=4, callbacks=kept(folder, name), **HOW).history
        whole[name]["weights"] = weights(model)
    np.save(folder / "data.npy", data, allow_pickle=True)
    command = [sys.executable, "-c", GO_ON, str(folder)]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=path)
    assert done.returncode == 0, done.stderr
    return {
        name: (whole[name], json.loads((folder / f"{name}.json").read_text())) for name in MODELS
    }


@pytest.mark.parametrize("name", MODELS)
def test_two_epochs_a_file_and_two_more_are_four(resumed, name):
    whole, later = resumed[name]
    assert set(later) == set(whole) and len(whole) > 1
    for key in set(whole) - {"weights"}:
        assert later[key] == pytest.approx(whole[key][2:], rel=1e-5), key
        assert printed(later[key]) == printed(whole[key][2:]), key
        assert whole[key][:2] != pytest.approx(whole[key][2:], rel=1e-4), key
    np.testing.assert_allclose(later["weights"], whole["weights"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["GAN, conditions", "VAE", "Autoencoder"])
def test_a_file_holds_optimizers_and_random_states_and_a_bare_one_neither(name, tmp_path):
    model, x = MODELS[name]()
    model.fit(x, **HOW)
    path = tmp_path / "model.keras"
    model.save(path)
    again = pretrained.load(path)
    assert type(again) is type(model) and again.compiled
    optimizers = (
        ["generator_optimizer", "discriminator_optimizer"] if "GAN" in name else ["optimizer"]
    )
    for key in optimizers:
        mine, same = getattr(model, key), getattr(again, key)
        assert type(mine) is type(same) and mine.get_config() == same.get_config()
        assert len(mine.variables) == len(same.variables) and int(same.iterations) > 0
        for one, other in zip(mine.variables, same.variables, strict=True):
            np.testing.assert_array_equal(one, other)
    states = [[np.array(v) for v in one._random_states()] for one in (model, again)]
    np.testing.assert_array_equal(*states)
    assert len(states[0]) == {"GAN, conditions": 5, "VAE": 1, "Autoencoder": 0}[name]
    bare = type(model).from_config(model.get_config())
    bare.save(path)
    assert not any(
        "random" in file or "optimizer" in file for file in zipfile.ZipFile(path).namelist()
    )
    assert not pretrained.load(path).compiled


def test_how_a_gan_was_compiled_comes_back(tmp_path):
    model = small_gan()
    model.compile("sgd", adam(), steps_per_execution=3, jit_compile=False)
    model.save(tmp_path / "gan.keras")
    again = pretrained.load(tmp_path / "gan.keras")
    assert (again.steps_per_execution, again.jit_compile, again.run_eagerly) == (3, False, False)
    assert isinstance(again.generator_optimizer, keras.optimizers.SGD)
    schedule = again.discriminator_optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "CosineDecay"
    with pytest.raises(ValueError, match="compile"):
        keras.models.load_model(tmp_path / "gan.keras", compile=False).fit(POINTS, verbose=0)


def test_a_file_from_before_there_were_random_states_opens(tmp_path):
    """An old file is a new one without the part that it lacks."""
    model, x = MODELS["GAN, conditions"]()
    model.fit(x, **HOW)
    model.save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for file in new.namelist():
            if not file.startswith("assets"):
                old.writestr(file, new.read(file))
    again = pretrained.load(tmp_path / "old.keras")
    np.testing.assert_array_equal(weights(again), weights(model))
    again.fit(x, **HOW)


def test_callbacks_of_keras_keep_a_gan_as_well(tmp_path):
    """The best of three epochs, and each for a training that may break off."""
    path = tmp_path / "best.keras"
    model, x = noisy_gan(False)
    best = keras.callbacks.ModelCheckpoint(path, "d_loss", save_best_only=True, mode="min")
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    history = model.fit(x, epochs=3, callbacks=[best, backup], **HOW).history
    assert min(history["d_loss"]) < max(history["d_loss"])
    assert isinstance(pretrained.load(path), gan.GAN)
