"""What Keras' fit, compile and save promise, a GAN keeps, or refuses in a sentence."""

import functools
import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import batch, drawn_globally, pictures_gan, small_gan, small_networks

from helpers import gan, layers, losses

TOLD = np.eye(4, dtype="float32")[np.arange(64) % 4]
POINTS = np.array(batch(64))


def weights(model):
    """All that training moves, in one row."""
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def eager(classes=0, **settings):
    """A GAN that needs no graph: a step or two are done before one is traced."""
    model = small_gan(classes=classes, **settings)
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), run_eagerly=True)
    return model


class Batches(keras.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]


def elements(classes, size):
    """Batches as datasets and generators give them."""
    for start in range(0, 64, size):
        here = slice(start, start + size)
        yield ((POINTS[here], TOLD[here]),) if classes else (POINTS[here],)


def dataset(classes, size):
    whole = ((POINTS, TOLD),) if classes else POINTS
    return tf.data.Dataset.from_tensor_slices(whole).batch(size)


SOURCES = {
    "dataset": dataset,
    "PyDataset": lambda classes, size: Batches(list(elements(classes, size))),
    "generator": elements,
    "bare arrays": lambda classes, size: (one if classes else one[0] for one in elements(0, size)),
}


@functools.cache
def trained_on_arrays(classes, size):
    """Weights and history of a GAN that was given arrays, in their order."""
    x, model = [POINTS, TOLD] if classes else POINTS, eager(classes)
    history = model.fit(x, batch_size=size, shuffle=False, verbose=0).history
    return weights(model), history


@pytest.mark.parametrize(("classes", "kind"), [
    (0, "dataset"), (0, "PyDataset"), (0, "generator"), (0, "bare arrays"), (4, "dataset"),
    (4, "PyDataset"), (4, "generator"),
])  # fmt: skip
def test_batches_from_elsewhere_train_as_arrays_do(classes, kind, size=24):
    model, (arrays, expected) = eager(classes), trained_on_arrays(classes, size)
    steps = -(-64 // size) if kind in ("generator", "bare arrays") else None
    x, options = SOURCES[kind](classes, size), {"shuffle": False} if kind == "PyDataset" else {}
    computed = model.fit(x, steps_per_epoch=steps, verbose=0, **options)
    np.testing.assert_allclose(weights(model), arrays, atol=1e-6)
    assert int(model.generator_optimizer.iterations) == -(-64 // size)
    for name, values in computed.history.items():
        assert values == pytest.approx(expected[name], rel=1e-4)


def test_numbers_of_another_width_train_alike():
    """Datasets of float64 or of whole numbers, which Keras does not turn to float32."""
    computed = []
    for kind in ("float32", "float64", "int32"):
        model = eager(batches="mixed", penalty="wgan_gp")
        given = tf.data.Dataset.from_tensors(np.round(POINTS).astype(kind))
        model.fit(given, verbose=0)
        computed.append(weights(model))
    np.testing.assert_array_equal(computed[0], computed[1])
    np.testing.assert_array_equal(computed[0], computed[2])


PAIRS = r"or to \(\(pictures, conditions\),\) where networks take both"
REDUCE = keras.callbacks.ReduceLROnPlateau("d_loss", mode="min")
FALL = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
LABELLED = tf.data.Dataset.from_tensors((POINTS, np.zeros(64)))


@pytest.mark.parametrize(
    ("x", "options", "said"),
    [
        (LABELLED, {}, r"gives more than pictures: map it to pictures alone"),
        ((one for one in [(POINTS, None, np.ones(64))]), {}, "generator gives more than pictures"),
        (tf.data.Dataset.from_tensors(POINTS[:, :1]), {}, r"shape \(64, 1\): use \(n, 2\)"),
        (tf.data.Dataset.from_tensors(POINTS * np.nan), {}, r"lie in \[nan, nan\]: look for"),
        (tf.data.Dataset.from_tensors((POINTS,)).take(0), {}, "is empty: give one with batches"),
        ((one for one in ()), {}, "The generator is empty"),
        (tf.data.Dataset.from_tensors(POINTS), {"batch_size": 8}, "has batches: leave batch_size"),
        (POINTS, {"y": np.zeros(64)}, r"^y is given: a GAN has no targets, so leave it out; label"),
        (POINTS, {"sample_weight": np.ones(64)}, "^sample_weight is given: every picture counts"),
        (POINTS, {"class_weight": {0: 1.0}}, "^class_weight is given: every picture counts alike"),
        (POINTS, {"validation_split": 0.2}, r"^validation_split is given: .*metrics\.score_pict"),
        (POINTS, {"validation_data": (POINTS,)}, "^validation_data is given: no loss of a GAN"),
        (POINTS, {"epochs": 0}, "^epochs is 0: use a whole number"),
        (POINTS, {"steps_per_epoch": math.nan}, "^steps_per_epoch is nan: use a whole number"),
        (POINTS, {"callbacks": [REDUCE]}, "^ReduceLROnPlateau sets one learning rate and a GAN ha"),
        (POINTS, {"callbacks": [[FALL]]}, "^LearningRateScheduler sets one .* for example Cosine"),
        ([POINTS, TOLD[:, :3]], {}, r"conditions have shape \(64, 3\): use \(n, 4\)"),
        (tf.data.Dataset.from_tensors((POINTS, TOLD)), {}, PAIRS),
    ],
)  # fmt: skip
def test_what_means_nothing_to_a_gan_is_refused_in_a_sentence(x, options, said):
    conditional = isinstance(x, list) or said == PAIRS
    with pytest.raises(ValueError, match=said) as caught:
        eager(4 if conditional else 0).fit(x, verbose=0, **options)
    assert str(caught.value).count("\n") == 0


def test_options_that_change_nothing_pass_and_evaluate_is_refused():
    model = eager()
    model.fit(POINTS, None, 64, validation_split=0.0, sample_weight=None, verbose=0)
    with pytest.raises(ValueError, match="evaluate was called: no loss of a GAN"):
        model.evaluate(POINTS)
    for epochs in (1, 2):
        places, named = eager(), eager()
        assert len(places.fit(POINTS, None, 64, epochs, 0, None, 0.0).history["g_loss"]) == epochs
        named.fit(POINTS, epochs=epochs, verbose=0)
        np.testing.assert_array_equal(weights(places), weights(named))
    with pytest.raises(ValueError, match="An optimizer is None: give one for G and one for D"):
        model.compile("sgd", None)
    with pytest.raises(ValueError, match=r"shapes \[\(\)\]: use \(n, 3\)"):
        model.sample(3)
    with pytest.raises(ValueError, match="replay is 3: use a layers"):
        eager(replay=3)
    with pytest.raises(TypeError, match="loss"):
        model.compile("sgd", "sgd", loss="mse")


def image_gan(end, reshape=True):
    """A GAN over 4x4 pictures whose G ends in a layer, an operation or nothing."""
    z = keras.Input((3,))
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(16), *end])
    g = keras.Model(z, keras.layers.Reshape((4, 4, 1))(inner(z)))
    d = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model = gan.GAN(g, d)
    model.compile("sgd", "sgd", run_eagerly=True)
    return model


UNIT = np.random.default_rng(0).random((16, 4, 4, 1)).astype("float32")
TANH = [[keras.layers.Activation("tanh")], [keras.layers.Dense(16, "tanh")]]
SIGMOID = [keras.layers.Dense(16, "sigmoid")]


@pytest.mark.parametrize(
    ("end", "pictures", "said"),
    [
        (
            TANH[0],
            UNIT,
            r"lie in \[0\.\d+, 0\.\d+\], and G, which ends in tanh, draws in \[-1, 1\]",
        ),
        (TANH[1], UNIT, r"bring them to \[-1, 1\] with data\.to_tanh_range"),
        (SIGMOID, 2 * UNIT - 1, r"ends in sigmoid, draws in \[0, 1\]: bring them to \[0, 1\] with"),
        (SIGMOID, 255 * UNIT, r"ends in sigmoid"),
        (TANH[0], 255 * UNIT, r"lie in \[.*, 25\d.*\], and G, which ends in tanh"),
        ([], 255 * UNIT, r"lie in \[.*, 25\d[.\d]*\]: bring them to \[-1, 1\]"),
    ],
)
def test_pictures_that_g_could_never_draw_are_refused(end, pictures, said):
    with pytest.raises(ValueError, match=said):
        image_gan(end).fit(pictures, batch_size=16, verbose=0)


@pytest.mark.parametrize(
    ("end", "pictures"),
    [
        (TANH[0], 2 * UNIT - 1), (SIGMOID, UNIT), ([], UNIT), ([], 2 * UNIT - 1),
        ([keras.layers.Activation("tanh"), keras.layers.Rescaling(0.5, 0.5)], UNIT),
    ],
)  # fmt: skip
def test_pictures_in_the_range_of_g_pass(end, pictures):
    model = image_gan(end)
    before = [weights.numpy() for weights in model.discriminator.trainable_variables]
    history = model.fit(pictures, batch_size=16, verbose=0).history
    assert np.all(np.isfinite([history["d_loss"], history["g_loss"]]))
    after = [weights.numpy() for weights in model.discriminator.trainable_variables]
    assert not np.allclose(before[0], after[0], atol=0)


def test_an_operation_at_the_end_of_g_is_read_as_a_layer():
    z = keras.Input((3,))
    g = keras.Model(z, keras.ops.tanh(keras.layers.Dense(2)(z)))
    model = gan.GAN(g, small_networks()[1])
    model.compile("sgd", "sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="ends in tanh"):
        model.fit(np.abs(POINTS) % 1, verbose=0)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("count", [64, 65, 70, 94, 95])
def test_no_picture_is_left_out_and_parts_are_equally_long(steps, count):
    """Sixteen pictures a step: what is left over is the last batch, of one picture at least."""
    numbers = np.arange(count * 2, dtype="float32").reshape(count, 2)
    seen = []

    class Recording(gan.GAN):
        def discriminator_step(self, real, z, conditions=()):
            seen.append((np.array(real)[:, 0] / 2, len(z)))
            return super().discriminator_step(real, z, conditions)

    model = Recording(*small_networks(), discriminator_steps=steps)
    model.compile("sgd", "sgd", run_eagerly=True)
    model.fit(numbers, batch_size=16, shuffle=False, verbose=0)
    assert set(np.concatenate([part for part, _ in seen])) == set(range(count))
    batches = -(-count // (16 * steps))
    assert len(seen) == steps * batches and int(model.generator_optimizer.iterations) == batches
    for first in range(0, len(seen), steps):
        assert len({len(part) for part, _ in seen[first : first + steps]}) == 1
    assert all(len(part) == count > 0 for part, count in seen)


def test_each_step_of_each_network_draws_noise_of_its_own():
    drawn = []

    class Recording(gan.GAN):
        def discriminator_step(self, real, z, conditions=()):
            drawn.append(np.array(z))
            return super().discriminator_step(real, z, conditions)

        def generator_step(self, z, conditions=()):
            drawn.append(np.array(z))
            return super().generator_step(z, conditions)

    model = Recording(*small_networks(), discriminator_steps=2, seed=0)
    model.compile("sgd", "sgd", run_eagerly=True)
    model.fit(POINTS, batch_size=16, verbose=0)
    assert len(drawn) == 6
    for number, one in enumerate(drawn):
        assert all(np.abs(one - other).min() > 0 for other in drawn[:number])


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"steps_per_execution": 3}])
def test_meters_weigh_steps_by_their_pictures(options):
    """Constant networks: the share of an epoch is that of all its pictures."""
    model = small_gan(objective="wasserstein")
    model.compile(
        keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False, **options
    )
    x = np.array(batch(67))
    logits = np.array(model.discriminate(x, (), training=False))
    history = model.fit(x, batch_size=16, shuffle=False, verbose=0).history
    assert history["d_real"] == [pytest.approx(np.mean(logits > 0), abs=1e-6)]
    by_batch = [np.mean(logits[start : start + 16] > 0) for start in range(0, 67, 16)]
    assert abs(np.mean(by_batch) - np.mean(logits > 0)) > 1e-3


class Listed(keras.layers.Layer):
    """A layer with a weight that takes no part in what it gives."""

    def build(self, shape):
        self.idle = self.add_weight(shape=(2,), name="idle")

    def call(self, x):
        return x


def embedding_networks(embed, idle=False):
    """Networks that are told a class as one number, embedded in a table or as one-hot times it."""
    built = []
    for wide, outputs in ((3, 2), (2, 1)):
        x, label = keras.Input((wide,)), keras.Input((1,), dtype="int32")
        first = keras.initializers.RandomNormal(0.5, seed=outputs)
        if embed:
            rows = keras.layers.Embedding(4, 3, embeddings_initializer=first)(label)
        else:
            one_hot = keras.layers.CategoryEncoding(4, "one_hot")(label)
            rows = keras.layers.Dense(3, use_bias=False, kernel_initializer=first)(one_hot)
        h = keras.layers.Concatenate()([x, keras.layers.Flatten()(rows)])
        h = Listed()(h) if idle else h
        start = keras.initializers.GlorotUniform(outputs)
        built.append(
            keras.Model([x, label], keras.layers.Dense(outputs, kernel_initializer=start)(h))
        )
    return built


def test_an_embedding_learns_as_a_matrix_does():
    computed, classes = [], (np.arange(64) % 4)[:, None]
    for embed in (True, False):
        model = gan.GAN(*embedding_networks(embed), seed=0, average=0.5)
        model.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1), run_eagerly=True)
        before = weights(model)
        history = model.fit([POINTS, classes], batch_size=32, shuffle=False, verbose=0).history
        assert np.abs(weights(model) - before).max() > 0.05
        computed.append((weights(model), *(history[name][0] for name in gan.METERS)))
        drawn = model.sample(np.zeros((4, 3)), np.arange(4)[:, None])
        assert np.ptp(drawn, axis=0).max() > 1e-3
    np.testing.assert_allclose(*(np.sort(one[0]) for one in computed), atol=1e-5)
    assert computed[0][1:] == pytest.approx(computed[1][1:], rel=1e-4)


def test_a_weight_without_a_gradient_stays_and_keras_says_so():
    model = gan.GAN(*embedding_networks(True, idle=True), seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False)
    idle = [weight for weight in model.weights if weight.name == "idle"]
    before, others = [np.array(one) for one in idle], weights(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit([POINTS, np.zeros((64, 1))], verbose=0).history
    assert "Gradients do not exist" in "".join(str(one.message) for one in caught)
    for old, new in zip(before, idle, strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(weights(model) - others).max() > 1e-3 and history["d_gradient"][0] > 0


MIXERS = {"batch norm": keras.layers.BatchNormalization, "spread": layers.MinibatchStdDev}


def mixing_networks(mixer):
    g, x = small_networks()[0], keras.Input((2,))
    return g, keras.Model(x, keras.layers.Dense(1)(MIXERS[mixer]()(keras.layers.Dense(4)(x))))


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("penalty", losses.PENALTIES[1:])
def test_a_penalty_on_a_d_that_mixes_its_batch_is_refused(mixer, penalty):
    networks = mixing_networks(mixer)
    before = [np.array(variable) for variable in networks[1].variables]
    with pytest.raises(ValueError, match="D mixes the pictures of a batch"):
        gan.GAN(*networks, penalty=penalty)
    for old, new in zip(before, networks[1].variables, strict=True):
        np.testing.assert_array_equal(old, new)
    gan.GAN(*networks)


def test_stored_statistics_do_not_mix_a_batch_and_the_spread_does():
    gan.GAN(*mixing_networks("batch norm"), penalty="r1", batches="inference")
    with pytest.raises(ValueError, match="D mixes the pictures"):
        gan.GAN(*mixing_networks("spread"), penalty="r1", batches="inference")


@pytest.fixture
def half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "settings",
    [
        {"penalty": "r1", "average": 0.9, "labels": (0.9, 0.1), "flip": 0.1},
        {"objective": "wasserstein", "penalty": "wgan_gp", "discriminator_steps": 2},
        {"batches": "mixed", "norm": True, "replay": True},
    ],
)
def test_mixed_precision_trains_to_about_the_same_numbers(settings, half_precision):
    computed = []
    for policy in ("mixed_float16", "float32"):
        keras.config.set_dtype_policy(policy)
        choices = dict(settings)
        if "replay" in choices:
            choices["replay"] = layers.ReplayBuffer(32, seed=0)
        model = eager(**choices)
        assert model.generator.compute_dtype == policy.removeprefix("mixed_")
        before = weights(model)
        history = model.fit(POINTS, batch_size=32, epochs=2, shuffle=False, verbose=0).history
        assert np.isfinite(list(history.values())).all()
        assert np.abs(weights(model) - before).max() > 0.005
        computed.append([history["d_loss"][0], history["g_loss"][0], history["d_gradient"][0]])
        assert model.sample(np.zeros((2, 3))).dtype == np.float32
    np.testing.assert_allclose(*computed, rtol=0.1, atol=0.02)


def test_a_step_that_float16_cannot_hold_is_not_taken_and_has_no_length(half_precision):
    model = eager()
    model.discriminator_optimizer.dynamic_scale.assign(1e30)
    before = [np.array(weight) for weight in model.discriminator.weights]
    _, computed, _, _ = model.discriminator_step(batch(), batch(width=3))
    assert float(computed) == 0
    for old, new in zip(before, model.discriminator.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(model.discriminator_optimizer.dynamic_scale) < 1e30


def test_the_layers_of_this_course_work_in_mixed_precision(half_precision):
    model = pictures_gan(0.1)
    model.compile("adam", "adam", run_eagerly=True)
    x = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 1)).astype("float32")
    history = model.fit(x, batch_size=16, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert isinstance(model.generator_optimizer, keras.optimizers.LossScaleOptimizer)


def nested_generator():
    """A generator with a network inside, and noise of its own in two places."""
    inner = [keras.Input((3,)), keras.layers.Dense(8), layers.KeptGaussianDropout(0.5)]
    z = keras.Input((3,))
    h = layers.KeptGaussianDropout(0.5)(keras.Sequential(inner)(z))
    return keras.Model(z, keras.layers.Dense(2)(h))


def test_the_averaged_generator_is_made_without_a_draw_and_has_noise_of_its_own():
    draws = []
    for average in (0.0, 0.9):
        keras.utils.set_random_seed(3)
        model = gan.GAN(nested_generator(), small_networks(seed=4)[1], average=average, seed=0)
        draws.append(drawn_globally())
    for without, with_average in zip(*draws, strict=True):
        np.testing.assert_array_equal(without, with_average)
    for mine, averaged in zip(model.generator.weights, model.averaged.weights, strict=True):
        np.testing.assert_array_equal(mine, averaged)
    states = [v for v in model.averaged.variables if v.name == "seed_generator_state"]
    assert len(states) == 2 and np.any(np.array(states[0]) != np.array(states[1]))
    assert np.ptp(model.sample(np.ones((50, 3))), axis=0).min() > 0.1


@pytest.mark.parametrize("flip", [0.0, 0.05, 0.3])
def test_mean_labels_are_what_d_is_told_on_average(flip):
    model = small_gan(labels=(0.9, 0.2), flip=flip)
    labels = [model._flip(tf.zeros((40_000, 1)), *pair) for pair in ((0.9, 0.2), (0.2, 0.9))]
    means = [float(np.mean(one)) for one in labels] if flip else [0.9, 0.2]
    assert model.mean_labels == pytest.approx(means, abs=0.01)
