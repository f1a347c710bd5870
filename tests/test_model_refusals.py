"""What no model can train on, or would ignore, is refused in a sentence before the first step."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    CASES,
    CLEAN,
    IMAGES,
    VAES,
    WEIGHTS,
    build,
    compiled,
    each_model,
    each_of_pictures,
    weights,
)

from helpers import losses

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
