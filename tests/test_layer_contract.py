"""What every layer promises: its shape, its file, its type, its seed, and nothing to train."""

import inspect
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from helpers import layers

RNG = np.random.default_rng(0)


class Case(NamedTuple):
    """A layer to build, the shapes of its inputs without the batch, and what it promises."""

    make: object
    shapes: tuple = ((8, 8, 3),)
    draws: bool = True  # random numbers
    acts_after_training: bool = False
    adds_channels: int = 0


CASES = {
    "Sampling": Case(
        lambda **options: layers.Sampling(3, **options), ((2,), (2,)), acts_after_training=True
    ),
    "AdaIN": Case(
        lambda **options: layers.AdaIN(0.1, **options), ((4, 4, 3), (5, 3, 3)), False, True
    ),
    **{
        f"Corruption {kind}": Case(
            lambda kind=kind, **options: layers.Corruption(kind, 0.5, 3, **options)
        )
        for kind in layers.KINDS
    },
    "MinibatchStdDev": Case(
        lambda **options: layers.MinibatchStdDev(**options), draws=False, acts_after_training=True,
        adds_channels=1,
    ),
    "InstanceNoise": Case(lambda **options: layers.InstanceNoise(0.3, 3, **options)),
    "KeptGaussianDropout": Case(
        lambda **options: layers.KeptGaussianDropout(0.5, seed=3, **options),
        acts_after_training=True,
    ),
    "DiffAugment": Case(lambda **options: layers.DiffAugment(3, **options)),
    "ReplayBuffer": Case(
        lambda **options: layers.ReplayBuffer(4, 0.5, 3, **options), acts_after_training=True
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def alone(items):
    """A list as a layer takes it: one thing alone, several as a list."""
    return list(items) if len(items) > 1 else items[0]


def batch(case, count=6, seed=0):
    """Random inputs in [0, 1]."""
    rng = np.random.default_rng(seed)
    return alone([rng.random((count, *shape)).astype("float32") for shape in case.shapes])


def apply(layer, inputs, training):
    """The output; layers without a training mode are not told."""
    takes = "training" in inspect.signature(layer.call).parameters
    return layer(inputs, training=training) if takes else layer(inputs)


def calls(layer, case, training=True, count=4):
    """What a layer gives for one batch after another; a replay buffer fills up meanwhile."""
    return [ops.convert_to_numpy(apply(layer, batch(case, seed=n), training)) for n in range(count)]


def state(layer):
    return [ops.convert_to_numpy(variable) for variable in layer.variables]


def test_the_config_makes_the_same_layer(case):
    layer = case.make(name="mine")
    saved = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    np.testing.assert_array_equal(calls(layer, case), calls(again, case))


def test_the_file_keeps_the_layer_in_its_model(case, tmp_path):
    inputs = [keras.Input(shape) for shape in case.shapes]
    layer = case.make()
    model = keras.Model(alone(inputs), layer(alone(inputs)))
    model.save(tmp_path / "layer.keras")
    again = keras.models.load_model(tmp_path / "layer.keras")
    for training in (True, False):
        x = batch(case)
        np.testing.assert_array_equal(again(x, training=training), model(x, training=training))


@pytest.mark.parametrize("count", [None, 1, 6])
def test_the_declared_shape_is_the_real_one(case, count):
    layer, shapes = case.make(), [(count, *shape) for shape in case.shapes]
    declared = layer.compute_output_shape(alone(shapes))
    expected = (*shapes[0][:-1], shapes[0][-1] + case.adds_channels)
    assert tuple(declared) == expected
    inputs = [keras.Input(batch_shape=shape) for shape in shapes]
    assert case.make()(alone(inputs)).shape == expected
    if count:
        for training in (True, False):
            assert apply(layer, batch(case, count), training).shape == expected


def test_a_graph_that_does_not_know_the_length_of_its_batches(case):
    layer, eager = case.make(), case.make()
    specs = [tf.TensorSpec((None, *shape)) for shape in case.shapes]

    @tf.function(input_signature=specs)
    def graph(*inputs):
        return apply(layer, alone(inputs), True)

    for count in (6, 1):
        x = batch(case, count)
        computed = graph(*x) if len(case.shapes) > 1 else graph(x)
        np.testing.assert_allclose(computed, apply(eager, x, True), atol=1e-5)


@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "bfloat16"])
def test_half_precision_comes_out_as_it_goes_in_with_finite_gradients(case, policy):
    layer = case.make(dtype=policy)
    kind = policy.removeprefix("mixed_")
    x = [tf.constant(RNG.random((6, *shape)), kind) for shape in case.shapes]
    for inputs in (x, [tf.zeros_like(a) for a in x]):
        for _ in range(3):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                y = apply(layer, alone(inputs), True)
                total = ops.sum(ops.cast(y, "float32"))
            assert keras.backend.standardize_dtype(y.dtype) == kind
            assert np.isfinite(ops.convert_to_numpy(ops.cast(y, "float32"))).all()
            for gradient in tape.gradient(total, inputs):
                assert np.isfinite(ops.convert_to_numpy(ops.cast(gradient, "float32"))).all()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.draws])
def test_half_precision_gives_the_number_of_single_precision(name):
    case = CASES[name]
    half, single = case.make(dtype="float16")(batch(case)), case.make()(batch(case))
    np.testing.assert_allclose(ops.cast(half, "float32"), single, atol=5e-3)


def test_the_same_seed_gives_the_same_draws_and_each_call_another(case):
    layer, again = case.make(), case.make()
    x = batch(case)
    first, second = calls(layer, case), calls(again, case)
    np.testing.assert_array_equal(first, second)
    twice = [ops.convert_to_numpy(apply(layer, x, True)) for _ in range(2)]
    assert np.array_equal(*twice) != case.draws
    if case.draws:
        other = type(layer).from_config({**layer.get_config(), "seed": 4})
        assert not np.array_equal(first, calls(other, case))


def test_nothing_can_be_trained(case):
    layer = case.make()
    calls(layer, case)
    assert layer.trainable_variables == []


def test_after_training_it_rests_or_acts_as_it_says(case):
    layer = case.make()
    calls(layer, case)
    x, before = batch(case), state(layer)
    y = ops.convert_to_numpy(apply(layer, x, False))
    given = x[0] if isinstance(x, list) else x
    acts = y.shape != given.shape or not np.array_equal(y, given)
    assert acts == case.acts_after_training
    if not acts:
        for old, new in zip(before, state(layer), strict=True):
            np.testing.assert_array_equal(old, new)
