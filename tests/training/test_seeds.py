"""What trains inside a helper gets Keras' own numbers, and leaves everybody else's alone."""

import random
import tempfile
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import drawn_globally

from helpers import gan, pretrained, runtime, widgets
from helpers.pretrained import checkpoints
from helpers.training import callbacks, judges, replicas, seeds

RNG = np.random.default_rng(0)
IMAGES = RNG.random((70, 16, 16, 1)).astype("float32")
LABELS = RNG.integers(3, size=70)
POINTS = RNG.normal(size=(64, 2)).astype("float32")


def plain(seed, make=lambda kind, *given: kind(*given)):
    """Two layers of a classifier, and what `seeds` should give them."""
    hidden, last = make(keras.layers.Dense, 8, "tanh"), make(keras.layers.Dense, 3, "softmax")
    return keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), hidden, last])


@pytest.mark.parametrize("seed", [0, 7])
def test_layers_begin_where_keras_lets_them_begin_under_a_global_seed(seed):
    keras.utils.set_random_seed(seed)
    expected = plain(seed).get_weights()
    keras.utils.set_random_seed(99)
    for mine, kerass in zip(plain(seed, seeds.layer_maker(seed)).weights, expected, strict=True):
        np.testing.assert_array_equal(mine, kerass)


class Noting(keras.Model):
    """Notes which pictures it is given, and learns nothing."""

    def call(self, x):
        return x

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.seen += x.numpy()[:, 0].astype(int).tolist()
        return {"none": tf.zeros(())}


@pytest.mark.parametrize(("count", "seed"), [(13, 0), (13, 5), (20, 3)])
def test_pictures_come_in_the_order_that_keras_takes_under_a_global_seed(count, seed):
    keras.utils.set_random_seed(seed)
    model = Noting()
    model.built, model.seen = True, []
    model.compile(run_eagerly=True)
    model.fit(np.arange(count)[:, None], np.zeros(count), batch_size=4, epochs=2, verbose=0)
    keras.utils.set_random_seed(99)
    for _ in range(2):
        order = seeds.shuffled(count, seed).tolist()
        assert order * 2 == model.seen and order != sorted(order)


def as_keras_trains(seed):
    """The recipe of `train_judge`, under a global seed."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(128, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IMAGES, LABELS, batch_size=128, verbose=0)
    return model


TRAINERS = {
    "judge": lambda seed=0: judges.train_judge(IMAGES, LABELS, 1, seed),
    "cnn": lambda seed=0: judges.train_cnn_judge(IMAGES, LABELS, 1, seed),
    "attributes": lambda seed=0: judges.train_attribute_judge(
        IMAGES, {"one": LABELS, "other": LABELS % 2}, 1, seed
    ),
}


def test_a_judge_is_the_one_that_keras_would_train():
    mine, kerass = TRAINERS["judge"](4).get_weights(), as_keras_trains(4).get_weights()
    for one, other in zip(mine, kerass, strict=True):
        np.testing.assert_array_equal(one, other)


def train_ring():
    strategy = tf.distribute.get_strategy()
    return replicas.train_under(strategy, replicas.ring_gan, POINTS, 2, 32)


def watched_gan():
    """A GAN with an averaged generator, trained under the eyes of every callback."""
    make = seeds.layer_maker(0)
    z, x = keras.Input((3,)), keras.Input((2,))
    networks = [keras.Model(i, make(keras.layers.Dense, n)(i)) for i, n in ((z, 2), (x, 1))]
    model = gan.GAN(*networks, penalty="dragan", average=0.9, flip=0.1, seed=0)
    model.compile("sgd", "sgd", jit_compile=False)
    watch = callbacks.FailureWatch(POINTS, every=1, verbose=False)
    looks = callbacks.Snapshots(np.zeros((2, 3)), every=1)
    model.fit(POINTS, batch_size=32, verbose=0, callbacks=[watch, looks])
    return model


def saved_and_read():
    """A network that went through a file of the learner's own."""
    with tempfile.TemporaryDirectory() as folder:
        with runtime.layers_draw_from(0):
            plain(0).save(Path(folder) / "mine.keras")
        return pretrained.load(Path(folder) / "mine.keras")


def kept_as_checkpoint():
    """A network that went through a checkpoint."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "CHECKPOINTS", Path(folder))
        patch.setenv("GDL_BUDGET", "full")
        with runtime.layers_draw_from(0):
            network = plain(0)
        return pretrained.checkpoint("99_own", lambda: network, lambda model: {"is": 1.0})


HELPERS = TRAINERS | {
    "ring": train_ring,
    "gan": watched_gan,
    "vgg19": lambda: pretrained.vgg19(("block1_conv1",), weights=None),
    "decoder": pretrained.adain_decoder,
    "checkpoint": lambda: pretrained.load("04_judge"),
    "own file": saved_and_read,
    "kept": kept_as_checkpoint,
    "stepper": lambda: widgets.GanStepper(replicas.ring_gan).history["modes"],
}


def numbers(result):
    """Weights of a model, or the array itself."""
    return result.get_weights() if isinstance(result, keras.Model) else [result]


@pytest.fixture(scope="module", params=HELPERS)
def run(request):
    """A helper's name, what it made, and what was drawn globally before and after."""
    keras.utils.set_random_seed(6)
    before = drawn_globally()
    weights = numbers(HELPERS[request.param]())
    return request.param, weights, [*before, *drawn_globally()]


def test_a_helper_draws_nothing_from_the_global_generators(run):
    keras.utils.set_random_seed(6)
    for without, with_helper in zip([*drawn_globally(), *drawn_globally()], run[2], strict=True):
        np.testing.assert_array_equal(without, with_helper)


@pytest.mark.parametrize("run", [*TRAINERS, "ring"], indirect=True)
def test_what_others_draw_in_the_meantime_changes_nothing(run):
    name, alone, _ = run
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            drawn_globally()
            tf.random.set_seed(random.randrange(1000))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        disturbed = numbers(HELPERS[name]())
    finally:
        stop.set()
        thread.join()
    for one, other in zip(alone, disturbed, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("run", TRAINERS, indirect=True)
def test_another_seed_gives_another_judge(run):
    name, weights, _ = run
    for one, other in zip(weights, TRAINERS[name](1).get_weights(), strict=True):
        assert one.ndim == 1 or np.abs(one - other).max() > 1e-3
