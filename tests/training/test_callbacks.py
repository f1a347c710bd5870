"""Steps are counted, whatever number of them Keras takes between two calls."""

import keras
import numpy as np
import pytest
from conftest import small_vae

from helpers import gan
from helpers.training.callbacks import StepCounter


class Listening(StepCounter):
    """Notes what it counted at each call."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        new = self.count(batch)
        self.seen.append((self.done, self.in_epoch, self.passed(5, new)))


def fitted(callback, at_once, epochs=2, steps=8):
    """A VAE after some epochs of 32 pictures each step, its optimizer's count beside."""
    x = np.random.default_rng(0).random((32 * steps, 8, 8, 1)).astype("float32")
    model = small_vae()
    model.compile("adam", steps_per_execution=at_once)
    model.fit(x, batch_size=32, epochs=epochs, verbose=0, callbacks=[callback])
    return model


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_the_optimizer_counts_as_many(at_once):
    note = Listening()
    model = fitted(note, at_once)
    assert note.done == int(model.optimizer.iterations) == 16
    assert note.seen[-1][:2] == (16, 8)
    model.fit(np.zeros((64, 8, 8, 1), "float32"), batch_size=32, verbose=0, callbacks=[note])
    assert note.done == 18 and note.in_epoch == 2


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_multiple_of_five_is_passed_at_the_first_call_that_reaches_it(at_once):
    note = Listening()
    fitted(note, at_once)
    calls = [done for done, *_ in note.seen]
    expected = {min(done for done in calls if done >= multiple) for multiple in (5, 10, 15)}
    assert {done for done, _, hit in note.seen if hit} == expected


def test_steps_at_once_change_no_weight():
    one, many = (fitted(Listening(), at_once).get_weights() for at_once in (1, 3))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)


def point_gan(at_once):
    z, x = keras.Input((3,)), keras.Input((2,))
    keras.utils.set_random_seed(0)
    networks = keras.Model(z, keras.layers.Dense(2)(z)), keras.Model(x, keras.layers.Dense(1)(x))
    model = gan.GAN(*networks, seed=0)
    model.compile("adam", "sgd", jit_compile=False, steps_per_execution=at_once)
    return model


@pytest.mark.parametrize("at_once", [1, 4])
def test_looks_fades_and_watches_count_steps(at_once):
    points = np.random.default_rng(0).normal(size=(16 * 24, 2)).astype("float32")
    weight = keras.Variable(1.0)
    looks, fade = gan.Snapshots(np.zeros((2, 3)), every=8), gan.Anneal(weight, 48)
    watch = gan.FailureWatch(points, every=8, verbose=False)
    seen = []
    watch.signs = lambda recent: seen.append(recent["d_loss"]) or {}
    model = point_gan(at_once)
    history = model.fit(points, batch_size=16, verbose=0, callbacks=[looks, fade, watch]).history
    assert looks.steps == [0, 8, 16, 24] and float(weight) == pytest.approx(0.5)
    assert len(seen) == 3 and np.mean(seen) == pytest.approx(history["d_loss"][0], rel=1e-4)
