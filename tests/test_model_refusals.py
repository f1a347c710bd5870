"""What no model can train on, or would ignore, is refused in a sentence before the first step."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    CASES,
    CLEAN,
    DENSE,
    IMAGES,
    VAES,
    WEIGHTS,
    build,
    compiled,
    decoder,
    each_model,
    each_of_pictures,
    encoder,
    weights,
)

from helpers import autoencoder, flow, gan, losses, vae

once = functools.cache(compiled)  # what is refused leaves a model as it was


def broken(x, change):
    """The training data with a change to the pictures."""
    return [change(x[0]), *x[1:]] if isinstance(x, list) else change(x)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x: 255 * x, r"images reach from .*: scale them to \[0, 1\]"),
        (lambda x: np.where(x > 0.9, np.nan, x), "reach from nan to nan: replace what is no num"),
        (lambda x: np.where(x > 0.9, np.inf, x), "to inf: replace what is no number"),
        (lambda x: x[:, :3], r"shape \(20, 3, 4, 1\): use \(n, 4, 4, 1\), as the encoder takes"),
        (lambda x: x[..., 0], r"shape \(20, 4, 4\): use \(n, height"),
        (lambda x: x[:0], r"shape \(0, 4, 4, 1\)"),
        (lambda x: "pictures", "The data are a str: give an array, a tf.data.Dataset"),
    ],
)
@each_of_pictures
def test_pictures_that_cannot_be_trained_on(name, change, sentence):
    model, x = once(name), CASES[name].x
    wrong, before = broken(x, change), weights(model)
    calls = [
        lambda: model.fit(wrong),
        lambda: model.evaluate(wrong),
        lambda: model.fit(x, validation_data=(wrong,)),
        lambda: model.fit(batch for batch in [(wrong,)]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=sentence):
            call()
    np.testing.assert_array_equal(weights(model), before)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (np.zeros(20), r"targets have shape \(20,\): give what should come out, \(n, 4, 4, 1\)"),
        (255 * CLEAN, r"Of the targets: images reach from .*scale them to \[0, 1\]"),
        (np.full_like(CLEAN, np.nan), "Of the targets: values reach from nan"),
    ],
)
@each_of_pictures
def test_targets_that_cannot_be_aimed_at(name, y, sentence):
    model, x = once(name), CASES[name].x
    calls = [
        lambda: model.fit(x, y),
        lambda: model.evaluate(x, y),
        lambda: model.fit(x, validation_data=(x, y)),
        lambda: model.fit(batch for batch in [(x, y)]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=sentence):
            call()


@each_model
def test_choices_that_would_be_ignored(name):
    model, x = once(name), CASES[name].x
    with pytest.raises(ValueError, match="no classes that class_weight could weigh: use sample_we"):
        model.fit(x, class_weight={0: 2.0})
    dataset = tf.data.Dataset.from_tensors((IMAGES,))
    with pytest.raises(ValueError, match="dataset or generator has batches: leave batch_size out"):
        model.fit(dataset, batch_size=4)
    for empty in (dataset.take(0), (batch for batch in ())):
        with pytest.raises(ValueError, match="is empty: give one with batches in it"):
            model.fit(empty)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0: use a whole number of 1 or more"),
        ({"epochs": 2.5}, "epochs is 2.5: use a whole"),
        ({"steps_per_epoch": -1}, "steps_per_epoch is -1: use a whole"),
        ({"validation_steps": np.nan}, "validation_steps is nan: use a whole"),
        ({"validation_split": np.nan}, "validation_split is nan: use a number from 0 to below 1"),
        ({"validation_split": 2}, "validation_split is 2: use a number from 0"),
    ],
)
def test_numbers_that_keras_takes_and_nothing_is_trained_by(options, sentence):
    for name in ("Autoencoder", "Flow"):
        with pytest.raises(ValueError, match=sentence):
            once(name).fit(CASES[name].x, verbose=0, **options)
    for size in (0, np.nan):
        with pytest.raises(ValueError, match=f"batch_size is {size}: use a whole"):
            once("VAE").evaluate(IMAGES, None, size)


@pytest.mark.parametrize(
    ("weights_given", "sentence"),
    [
        (WEIGHTS[:5], r"sample_weight is of shape \(5,\): give an array with a row for each of 20"),
        (WEIGHTS.tolist(), "sample_weight is a list: give an array with a row for each of 20"),
        (2.0, "sample_weight is a float: give an array"),
        (np.where(WEIGHTS > 1, np.nan, WEIGHTS), "Not all of sample_weight are finite: look for"),
    ],
)
@each_model
def test_weights_that_are_not_one_for_each(name, weights_given, sentence):
    model, x = once(name), CASES[name].x
    calls = [
        lambda: model.fit(x, sample_weight=weights_given),
        lambda: model.evaluate(x, None, 20, 0, weights_given),
        lambda: model.fit(x, validation_data=(x, None, weights_given)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=sentence):
            call()


@each_of_pictures
def test_targets_that_are_fewer_than_the_pictures(name):
    for y, kind in ((CLEAN[:5], r"of shape \(5, 4, 4, 1\)"), (CLEAN.tolist(), "a list")):
        with pytest.raises(ValueError, match=f"targets is {kind}: give an array with a row for"):
            once(name).fit(CASES[name].x, y)


def test_two_weights_for_a_point_are_refused():
    with pytest.raises(ValueError, match=r"sample_weight has shape \(20, 2\): use one number for"):
        once("Flow").fit(CASES["Flow"].x, sample_weight=np.ones((20, 2)))


def test_codes_and_noise_of_no_row():
    with pytest.raises(ValueError, match="no rows to work on: give one or more"):
        once("VAE").decode(np.zeros((0, 2)))


@pytest.mark.parametrize(
    "network", [None, "dense", DENSE(2), keras.Sequential([DENSE(2)])], ids=repr
)
def test_what_is_no_network_is_named(network):
    good = encoder(1), decoder()
    calls = [
        ("encoder", lambda: autoencoder.Autoencoder(network, good[1])),
        ("decoder", lambda: vae.ConditionalVAE(good[0], network)),
        ("velocity", lambda: flow.Flow(network)),
        ("generator", lambda: gan.GAN(network, good[0])),
        ("discriminator", lambda: gan.GAN(good[1], network)),
    ]
    for part, call in calls:
        kind = type(network).__name__
        with pytest.raises(ValueError, match=f"The {part}, a {kind}, is no network with known in"):
            call()


@pytest.mark.parametrize("name", VAES)
def test_what_a_vae_would_ignore(name):
    model, x = build(name), CASES[name].x
    model.compile("sgd", "mse")
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="brings its own loss, the bound: compile it without"):
            call(x)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(20, 4, 4\): use one number"):
        once(name).fit(x, sample_weight=np.ones((20, 4, 4)))


def test_a_dataset_of_pictures_and_conditions_side_by_side_is_no_pair():
    dataset = tf.data.Dataset.from_tensors((IMAGES, np.zeros((20, 3), "float32")))
    with pytest.raises(ValueError, match=r"trains on a pair: .* dataset of \(\(images, conditions"):
        once("ConditionalVAE").fit(dataset)


def test_a_loss_of_the_whole_batch_cannot_be_weighed():
    model = build("Autoencoder")
    model.compile("sgd", losses.bernoulli_nats, run_eagerly=True)
    with pytest.raises(ValueError, match="one number for the whole batch: use one that keeps a"):
        model.fit(IMAGES, sample_weight=WEIGHTS, verbose=0)


def test_pictures_without_any_error_keep_the_learned_noise_finite():
    """All black: the decoder can be exactly right, and its error has no logarithm."""
    model = build("GaussianVAE")
    model.noise_std = None
    kernel, bias = model.decoder.get_weights()
    model.decoder.set_weights([0 * kernel, 0 * bias - 200.0])
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    history = model.fit(0 * IMAGES, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert float(model.log_std) > np.log(model.SMALLEST_STD)
