"""Steps are counted, whatever number of them Keras takes between two calls."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import batch, pictures_gan, small_gan, small_networks, small_vae

from helpers import gan
from helpers.training import callbacks


class Listening(callbacks.StepCounter):
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
    looks, fade = callbacks.Snapshots(np.zeros((2, 3)), every=8), callbacks.Anneal(weight, 48)
    watch = callbacks.FailureWatch(points, every=8, verbose=False)
    seen = []
    watch.signs = lambda recent: seen.append(recent["d_loss"]) or {}
    model = point_gan(at_once)
    history = model.fit(points, batch_size=16, verbose=0, callbacks=[looks, fade, watch]).history
    assert looks.steps == [0, 8, 16, 24] and float(weight) == pytest.approx(0.5)
    assert len(seen) == 3 and np.mean(seen) == pytest.approx(history["d_loss"][0], rel=1e-4)


def in_batches(kind):
    """Ten batches of eight points whose number Keras knows, or does not know."""
    points = np.random.default_rng(0).normal(size=(80, 2)).astype("float32")
    if kind == "generator":
        return ((points[start : start + 8],) for start in range(0, 80, 8))
    batches = tf.data.Dataset.from_tensor_slices(points).batch(8)
    return batches if kind == "dataset" else batches.filter(lambda x: True)


@pytest.mark.parametrize("kind", ["dataset", "unknown length", "generator"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_steps_are_counted_where_keras_does_not_know_how_many_there_are(kind, known):
    note, model = Listening(), point_gan(4)
    steps = 10 if known else None
    model.fit(in_batches(kind), steps_per_epoch=steps, verbose=0, callbacks=[note])
    assert note.done == note.in_epoch == int(model.generator_optimizer.iterations) == 10
    assert [done for done, *_ in note.seen] == [4, 8, 10]


def test_snapshots_look_at_the_same_noise_from_before_training_on():
    model, z = small_gan(), np.array(batch(5, 3))
    first = model.sample(z)
    looks = callbacks.Snapshots(z, every=3)
    model.fit(np.array(batch(64)), batch_size=16, epochs=2, verbose=0, callbacks=[looks])
    assert looks.steps == [0, 3, 6] and np.shape(looks.pictures) == (3, 5, 2)
    np.testing.assert_array_equal(looks.pictures[0], first)
    assert np.abs(looks.pictures[2] - looks.pictures[1]).max() > 0
    model.fit(np.array(batch(64)), batch_size=16, verbose=0, callbacks=[looks])
    assert looks.steps == [0, 3, 6, 9, 12]


def test_callbacks_that_would_never_look():
    for steps in (0, 1.5, float("nan"), True):
        with pytest.raises(ValueError, match=f"{steps} steps are no interval"):
            callbacks.Snapshots(np.zeros((1, 3)), steps)
        with pytest.raises(ValueError, match=f"{steps} steps are no interval"):
            callbacks.Anneal(1.0, steps)
    with pytest.raises(ValueError, match="0 steps are no interval"):
        callbacks.FailureWatch(np.array(batch(4)), every=0)
    with pytest.raises(ValueError, match="do not vary"):
        callbacks.FailureWatch(np.zeros((1, 2)))


def test_snapshots_under_conditions():
    model, conditions = small_gan(classes=4), np.eye(4, dtype="float32")
    looks = callbacks.Snapshots(np.array(batch(4, 3)), every=1, conditions=conditions)
    real = [np.array(batch(32)), np.tile(conditions, (8, 1))]
    model.fit(real, batch_size=16, verbose=0, callbacks=[looks])
    assert len(looks.pictures) == 3
    np.testing.assert_array_equal(looks.pictures[-1], model.sample(looks.z, conditions))


def test_noise_falls_in_a_straight_line():
    model = pictures_gan(0.5)
    weight, seen = model.discriminator.layers[0].std, []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(float(weight))
    )
    x = np.zeros((96, 8, 8, 1), "float32")
    model.fit(x, batch_size=16, verbose=0, callbacks=[callbacks.Anneal(weight, 5), note])
    np.testing.assert_allclose(seen, [0.4, 0.3, 0.2, 0.1, 0, 0], atol=1e-6)


def watched(model, real=None, epochs=1, **settings):
    """What a failure watch reports over a short training."""
    real = np.array(batch(128)) if real is None else real
    watch = callbacks.FailureWatch(real, every=4, **settings)
    history = model.fit(real, batch_size=16, epochs=epochs, verbose=0, callbacks=[watch]).history
    return watch, history


def shift_last(network, bias, scale=1.0):
    """Move the answer of a network."""
    kernel, old = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel * scale, old * scale + bias])


def test_a_game_that_goes_well_is_not_reported(capsys):
    watch, _ = watched(small_gan(rate=0.001))
    assert watch.warnings == {} and capsys.readouterr().out == ""


def test_a_discriminator_that_wins_is_reported(capsys):
    model = gan.GAN(
        small_networks()[0], keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), seed=1
    )
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False)
    shift_last(model.generator, 100.0)
    model.discriminator.set_weights([np.full((2, 1), -1.0), np.full(1, 20.0)])
    watch, _ = watched(model)
    assert list(watch.warnings) == ["D wins"]
    line = capsys.readouterr().out
    assert line.startswith("step 4: D's loss is") and callbacks.ADVICE["D wins"] in line
    assert line.count("\n") == 1


def test_a_discriminator_that_wins_although_labels_are_flipped_is_reported():
    """D answers the logit of nine in ten to every real point and its opposite to every fake."""
    layers = [keras.layers.Dense(1, "tanh"), keras.layers.Dense(1)]
    model = gan.GAN(small_networks()[0], keras.Sequential([keras.Input((2,)), *layers]), flip=0.1)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False)
    shift_last(model.generator, 100.0)
    sure = np.full((2, 1), -1.0), np.full(1, 20.0), np.full((1, 1), np.log(9)), np.zeros(1)
    model.discriminator.set_weights(sure)
    watch = callbacks.FailureWatch(np.array(batch(128)), every=25, verbose=False)
    real = np.array(batch(25 * 512))
    model.fit(real, batch_size=512, verbose=0, callbacks=[watch])
    assert list(watch.warnings) == ["D wins"] and "below 0.65" in watch.warnings["D wins"]


def test_losses_without_a_floor_are_no_victory():
    model = small_gan(rate=0.0, objective="wasserstein")
    shift_last(model.generator, -50.0)
    watch = callbacks.FailureWatch(np.array(batch(64)))
    watch.set_model(model)
    watch.on_train_begin()
    recent = dict.fromkeys(gan.METERS, -5.0)
    assert "D wins" not in watch.signs(recent)


@pytest.mark.parametrize(
    ("settings", "won", "open_"),
    [
        ({"objective": "least_squares"}, 0.01, 0.1),
        ({"objective": "hinge"}, 0.0, 0.5),
        ({"labels": (0.9, 0.0)}, 0.33, 0.4),
        ({"flip": 0.1}, 0.655, 0.75),  # twice the entropy of 0.1, 0.650
        ({"labels": (0.9, 0.0), "flip": 0.05}, 0.6, 0.65),  # of 0.855 and of 0.045, 0.597
    ],
)
def test_victory_is_measured_from_the_least_loss_there_is(settings, won, open_):
    watch = callbacks.FailureWatch(np.array(batch(64)))
    watch.set_model(small_gan(rate=0.0, **settings))
    watch.on_train_begin()
    for loss, reported in ((won, True), (open_, False)):
        recent = {**dict.fromkeys(gan.METERS, 1.0), "d_loss": loss}
        assert ("D wins" in watch.signs(recent)) is reported


def test_steep_gradients_are_reported():
    model = small_gan(rate=0.0, objective="wasserstein")
    shift_last(model.discriminator, 0.0, scale=1000.0)
    watch, _ = watched(model, verbose=False)
    assert list(watch.warnings) == ["steep"] and "a gradient has length" in watch.warnings["steep"]


def test_a_collapsed_generator_is_reported(capsys):
    model = small_gan(rate=0.0)
    shift_last(model.generator, 0.3, scale=1e-4)
    watch, _ = watched(model, verbose=False)
    assert list(watch.warnings) == ["collapse"] and capsys.readouterr().out == ""


@pytest.mark.parametrize("meter", ["d_gradient", "g_gradient"])
def test_a_gradient_that_is_no_number_is_reported(meter):
    watch = callbacks.FailureWatch(np.array(batch(64)))
    watch.set_model(small_gan())
    watch.on_train_begin()
    recent = {**dict.fromkeys(gan.METERS, 1.0), meter: float("nan")}
    assert "steep" in watch.signs(recent)


def test_weights_that_are_no_numbers_are_reported():
    model, real = small_gan(rate=0.0), np.array(batch(32))
    shift_last(model.generator, np.nan)
    watch = callbacks.FailureWatch(real, every=1, verbose=False)
    model.fit(real, batch_size=16, verbose=0, callbacks=[watch])
    assert "nan" in watch.warnings["steep"]


def test_the_watch_looks_at_means_since_its_last_look():
    model, seen, per_step = small_gan(), [], []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda number, logs: per_step.append((number + 1) * logs["d_loss"])
    )

    class Listening(callbacks.FailureWatch):
        def signs(self, recent):
            seen.append(recent["d_loss"])
            return super().signs(recent)

    real = np.array(batch(96))
    watch = Listening(real, every=4)
    model.fit(real, batch_size=16, epochs=2, verbose=0, callbacks=[watch, note])
    first, second = (np.diff([0, *part]) for part in (per_step[:6], per_step[6:]))
    expected = [first[:4].mean(), second[:2].mean(), second[2:].mean()]
    np.testing.assert_allclose(seen, expected, rtol=1e-4)


def test_the_watch_weighs_steps_by_their_pictures():
    """Ninety points in steps of sixteen: the sixth has ten."""
    model, means, recent = small_gan(), [], []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda number, logs: means.append(logs["d_loss"])
    )
    real = np.array(batch(90))
    watch = callbacks.FailureWatch(real, every=3)
    watch.signs = lambda values: recent.append(values["d_loss"]) or {}
    model.fit(real, batch_size=16, verbose=0, callbacks=[watch, note])
    assert recent == pytest.approx([means[2], (90 * means[5] - 48 * means[2]) / 42], rel=1e-5)


def test_the_watch_can_stop_training():
    model = small_gan(rate=0.0)
    shift_last(model.generator, 0.3, scale=1e-4)
    watch, history = watched(model, epochs=5, stop=True, verbose=False)
    assert watch.done == 4 and len(history["d_loss"]) == 1


def test_the_watch_under_conditions():
    model = small_gan(rate=0.001, classes=4)
    conditions = np.eye(4, dtype="float32")[np.arange(128) % 4]
    watch = callbacks.FailureWatch(np.array(batch(128)), every=4, conditions=conditions)
    model.fit([np.array(batch(128)), conditions], batch_size=16, verbose=0, callbacks=[watch])
    assert watch.z.shape == (64, 3) and watch.warnings == {}
