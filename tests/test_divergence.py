"""A training whose numbers are no longer finite stops, says why, and loses no good weights."""

import keras
import numpy as np
import pytest
from conftest import batch, small_gan
from model_cases import CASES, compiled

from helpers.divergence import KeepFinite
from helpers.training.callbacks import KeepOnTheWay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1))).astype("float32")


def line(rate, steps_per_execution=1, dtype="float32"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, dtype=dtype)])
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "mse", steps_per_execution=steps_per_execution)
    return model


def fit(model, x=X, y=Y, epochs=1, **options):
    watch = KeepFinite()
    how = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(x, y, epochs=epochs, callbacks=[watch], **(how | options))
    return watch


def state(model):
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_rate_that_diverges_ends_at_the_last_whole_epoch(at_once, capsys):
    model = line(1e-2, at_once)
    fit(model, epochs=2)
    model.optimizer.learning_rate = 1e12
    good = state(model)
    watch = fit(model, epochs=3)
    for value, kept in zip(state(model), good, strict=True):
        np.testing.assert_array_equal(value, kept)
    assert watch.stopped.startswith("Training stopped: loss is ")
    assert "learning rate" in watch.stopped and "weights of step 0 are back" in watch.stopped
    assert capsys.readouterr().out == watch.stopped + "\n" and watch.done < 24


def test_a_nan_in_the_data_is_named_with_its_step():
    spoilt = X.copy()
    spoilt[0, 0] = np.nan
    model = line(1e-2)
    before = state(model)
    watch = fit(model, spoilt)
    assert "at step 1: is a number in the data not finite?" in watch.stopped
    assert all(map(np.array_equal, state(model), before))
    spoilt = X.copy()
    spoilt[40, 0] = np.nan
    assert "at step 6: lower the learning rate, or look for a number" in fit(model, spoilt).stopped


def test_a_loss_that_rose_says_so_and_a_later_epoch_is_kept():
    model, seen = line(0.9), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(state(model)))
    watch = KeepFinite()
    model.fit(X, Y, batch_size=8, epochs=400, verbose=0, callbacks=[watch, note])
    assert "the numbers rose before" in watch.stopped and 1 < len(seen) < 400
    assert f"weights of step {8 * (len(seen) - 1)} are back" in watch.stopped
    assert all(map(np.array_equal, state(model), seen[-2]))
    assert all(np.isfinite(value).all() for value in state(model))


def test_float16_is_the_cause_where_the_model_computes_in_it():
    model = line(1e-2, dtype="float16")
    model.dtype_policy = keras.DTypePolicy("float16")
    assert "float16 ends at 65,504" in fit(model, 1e4 * X, 1e4 * Y).stopped


def test_what_goes_well_is_as_without():
    watched, plain = line(1e-2), line(1e-2)
    assert fit(watched, epochs=2).stopped == ""
    plain.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert all(map(np.array_equal, state(watched), state(plain)))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # the end of a generator
@pytest.mark.parametrize("given", ["array", "generator"])
def test_weights_that_the_last_step_spoilt_are_not_kept(given, tmp_path):
    """No loss has seen them; with arrays Keras knows which step is the last of an epoch."""
    model = line(1e-2)
    model.fit(X, Y, verbose=0)
    good, watch = state(model), KeepFinite()
    model.optimizer.learning_rate = 3e38
    kept = KeepOnTheWay(tmp_path / "kept.keras")
    if given == "generator":
        model.fit((pair for pair in [(X, Y)]), verbose=0, shuffle=False, callbacks=[kept, watch])
    else:
        model.fit(X, Y, batch_size=64, epochs=3, verbose=0, callbacks=[kept, watch])
    assert watch.stopped.startswith("Training stopped: a weight is nan or infinite at step 1: ")
    assert all(map(np.array_equal, state(model)[:2], good[:2]))
    if given == "array":
        written = keras.saving.load_model(kept.path).get_weights()
        assert all(map(np.array_equal, written, good[:2]))


def spoiling(name):
    """A model whose second step goes wrong, compiled, and what it trains on."""
    if name == "GAN":
        return small_gan(np.inf), batch(20)
    return compiled(name, rate=np.inf), CASES[name].x


NO_OTHER = [(name, None) for name in [*CASES, "GAN"]]
OTHERS = [(name, given) for name in ("Flow", "GAN") for given in (keras.callbacks.Callback(), [])]


@pytest.mark.parametrize(("name", "callbacks"), NO_OTHER + OTHERS)
def test_a_plain_fit_of_every_model_ends_with_the_weights_of_before(name, callbacks, capsys):
    model, x = spoiling(name)
    before = model.get_weights()
    history = model.fit(x, batch_size=5, epochs=3, verbose=0, callbacks=callbacks).history
    assert capsys.readouterr().out.startswith("Training stopped: ")
    assert len(next(iter(history.values()))) == 1
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    assert all(map(np.array_equal, model.get_weights(), before))
