"""A model that a newer Keras wrote is read by an older one; what somebody chose is kept."""

import json
import zipfile

import keras
import numpy as np
import pytest
from conftest import small_vae

from helpers import pretrained
from helpers.pretrained import checkpoints, keras_files

NEW = ["input_axes", "output_axes", "renorm", "renorm_clipping", "renorm_momentum"]
PICTURES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")


def configuration(path):
    return json.loads(zipfile.ZipFile(path).read("config.json"))


def words_of(config):
    """Every setting of a configuration, at any depth."""
    if isinstance(config, list):
        return set().union(*map(words_of, config))
    if isinstance(config, dict):
        return set(config).union(*map(words_of, config.values()))
    return set()


@pytest.mark.parametrize("name", pretrained.names())
def test_what_keras_is_given_of_a_checkpoint_has_no_word_that_an_older_one_lacks(name, monkeypatch):
    monkeypatch.setattr(keras.models, "load_model", lambda path, **how: configuration(path))
    given = keras_files.read(checkpoints.CHECKPOINTS / f"{name}.keras")
    whole = configuration(checkpoints.CHECKPOINTS / f"{name}.keras")
    assert words_of(whole) - words_of(given) <= set(NEW)
    assert not words_of(given) & set(NEW) and "class_name" in given


def test_a_model_is_the_same_when_read_so(tmp_path):
    model = small_vae()
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(PICTURES, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras_files.read(tmp_path / "model.keras")
    plain = keras.models.load_model(tmp_path / "model.keras")
    assert again.compiled and type(again) is type(model)
    ours, theirs = [m.decoder.predict(np.eye(2), verbose=0) for m in (again, plain)]
    np.testing.assert_array_equal(ours, theirs)
    steps = [int(m.optimizer.iterations) for m in (again, plain)]
    assert steps == [1, 1]


def test_settings_that_were_chosen_are_kept(tmp_path):
    """By an author with a Keras that has them; an older one then says what it does not know."""
    layer = keras.layers.BatchNormalization(renorm=True, renorm_momentum=0.9)
    axes = keras.initializers.GlorotUniform(seed=0, input_axes=[0], output_axes=[1])
    dense = keras.layers.Dense(3, kernel_initializer=axes)
    keras.Sequential([keras.Input((2,)), dense, layer]).save(tmp_path / "chosen.keras")
    first, second = keras_files.read(tmp_path / "chosen.keras").layers
    assert first.kernel_initializer.get_config()["input_axes"] == [0]
    assert second.get_config()["renorm"] is True and second.get_config()["renorm_momentum"] == 0.9
