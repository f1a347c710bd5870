"""Layers draw what they say, repeat by seed, let gradients through, and survive a file."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy.stats import chisquare, kstest, norm

from helpers import layers


def test_draws_have_the_mean_and_variance_asked_for():
    z_mean = np.tile([1.0, -2.0], (200_000, 1)).astype("float32")
    z_log_var = np.tile([0.0, -1.5], (200_000, 1)).astype("float32")
    z = ops.convert_to_numpy(layers.Sampling(0)([z_mean, z_log_var]))
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=0.01)
    np.testing.assert_allclose(z.var(axis=0), np.exp([0, -1.5]), rtol=0.02)


def test_gradients_match_finite_differences():
    z_mean, z_log_var = tf.constant([[0.3, -0.7]]), tf.constant([[0.2, -1.0]])

    def square(mean, log_var):
        return tf.reduce_sum(layers.Sampling(4)([mean, log_var]) ** 2)

    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_log_var])
        value = square(z_mean, z_log_var)
    gradients = tape.gradient(value, [z_mean, z_log_var])
    step = 1e-2
    for which, gradient in enumerate(gradients):
        for unit in np.eye(2, dtype="float32"):
            shifts = [(step * unit if i == which else 0.0 * unit) for i in (0, 1)]
            up = square(z_mean + shifts[0], z_log_var + shifts[1])
            down = square(z_mean - shifts[0], z_log_var - shifts[1])
            slope = np.sum(gradient.numpy() * unit)
            np.testing.assert_allclose((up - down) / (2 * step), slope, 1e-2)


def test_same_seed_same_draws_and_fresh_noise_each_call():
    inputs = [np.zeros((3, 2), "float32")] * 2
    first, second = layers.Sampling(1), layers.Sampling(1)
    one, again = ops.convert_to_numpy(first(inputs)), ops.convert_to_numpy(first(inputs))
    np.testing.assert_array_equal(one, second(inputs))
    assert not np.array_equal(one, again)


def test_round_trip_through_config():
    layer = layers.Sampling(seed=9, name="draw")
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert (copy.seed, copy.name) == (9, "draw")


def test_adain_gives_the_content_the_styles_mean_and_standard_deviation():
    rng = np.random.default_rng(0)
    content = rng.normal(3, 2, (2, 6, 8, 4)).astype("float32")
    style = rng.normal(-1, 5, (2, 5, 5, 4)).astype("float32")
    computed = ops.convert_to_numpy(layers.AdaIN()([content, style]))
    over = {"axis": (1, 2), "keepdims": True}
    normal = (content - content.mean(**over)) / content.std(**over)
    expected = normal * style.std(**over) + style.mean(**over)
    np.testing.assert_allclose(computed, expected, rtol=1e-3, atol=1e-3)


def test_adain_of_a_flat_channel_stays_finite():
    flat, style = np.zeros((1, 4, 4, 1), "float32"), np.ones((1, 4, 4, 1), "float32")
    np.testing.assert_allclose(layers.AdaIN()([flat, style]), style, atol=1e-6)


def test_adain_survives_a_round_trip(tmp_path):
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    model = keras.Model(inputs, layers.AdaIN(epsilon=0.1)(inputs))
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    arrays = list(np.random.default_rng(0).normal(size=(2, 1, 4, 4, 3)).astype("float32"))
    np.testing.assert_array_equal(model(arrays), again(arrays))
    assert again.layers[-1].epsilon == 0.1


GREY = np.full((4, 50, 50, 1), 0.4, "float32")


def test_gaussian_damage_by_hand():
    epsilon = np.array(keras.random.normal(GREY.shape, seed=3))
    computed = np.array(layers.corrupt(GREY, "gaussian", 0.5, seed=3))
    np.testing.assert_allclose(computed, np.clip(GREY + 0.5 * epsilon, 0, 1), atol=1e-6)
    assert epsilon.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 1.0])
def test_shares_of_damaged_values(level):
    salt = np.array(layers.corrupt(GREY, "salt_and_pepper", level, seed=0))
    mask = np.array(layers.corrupt(GREY, "masking", level, seed=0))
    for damaged, value, share in ((salt, 0, level / 2), (salt, 1, level / 2), (mask, 0, level)):
        assert np.mean(damaged == value) == pytest.approx(share, abs=0.02)
    assert set(np.unique(salt)) <= {0, 1, np.float32(0.4)} and mask.max() <= np.float32(0.4)


@pytest.mark.parametrize("kind", layers.KINDS)
def test_corruption_acts_only_while_training_and_repeats_by_seed(kind):
    first, second = (layers.Corruption(kind, 0.3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first(GREY), GREY)
    once, again = np.array(first(GREY, training=True)), np.array(first(GREY, training=True))
    np.testing.assert_array_equal(once, second(GREY, training=True))
    assert not np.array_equal(once, again) and not np.array_equal(once, GREY)


def test_corruption_acts_inside_fit():
    image = keras.Input((50, 50, 1))
    model = keras.Model(
        image, keras.layers.Rescaling(1.0)(layers.Corruption("masking", 0.5)(image))
    )
    model.compile(loss="mse")
    assert model.evaluate(GREY, GREY, verbose=0) == 0
    with pytest.warns(UserWarning, match="trainable weights"):
        history = model.fit(GREY, GREY, verbose=0)
    assert history.history["loss"][0] == pytest.approx(0.5 * 0.4**2, rel=0.1)


def test_corruption_round_trip_through_config():
    config = keras.saving.serialize_keras_object(layers.Corruption("masking", 0.2, seed=4))
    copy = keras.saving.deserialize_keras_object(config)
    assert (copy.kind, copy.level, copy.seed) == ("masking", 0.2, 4)


BAD_DAMAGE = [("snow", 0.1), ("gaussian", -1), ("masking", 1.5), ("gaussian", "much")]
BAD_DAMAGE += [("gaussian", np.nan), ("gaussian", np.inf), ("masking", True)]


@pytest.mark.parametrize(("kind", "level"), BAD_DAMAGE)
def test_unknown_damage_is_named(kind, level):
    calls = [lambda: layers.corrupt(GREY, kind, level, seed=0)]
    calls += [lambda: layers.Corruption(kind, level)]  # not only when `fit` calls it
    for call in calls:
        with pytest.raises(
            ValueError, match=f"kind is '{kind}' and level {level}: use one of gaus"
        ):
            call()


def pictures(count=6, side=16, channels=3, seed=0):
    """Pictures in [-1, 1]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, side, side, channels)).astype("float32")


def saved(layer, x, tmp_path):
    """The layer in a model, and the same model from its file."""
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "layer.keras")
    return model, keras.models.load_model(tmp_path / "layer.keras")


@pytest.mark.parametrize(
    ("layer", "own"),
    [
        (layers.MinibatchStdDev(), ()),
        (layers.InstanceNoise(0.3, seed=2), ("start", "seed")),
        (layers.KeptGaussianDropout(0.2, seed=2), ("rate", "seed")),
        (layers.DiffAugment(seed=2), ("seed",)),
    ],
)
def test_layers_of_gans_survive_a_round_trip(layer, own, tmp_path):
    x = pictures()
    model, again = saved(layer, x, tmp_path)
    assert type(again.layers[-1]) is type(layer)
    for name in own:
        assert getattr(again.layers[-1], name) == getattr(layer, name)
    np.testing.assert_array_equal(again(x, training=True), model(x, training=True))


@pytest.mark.parametrize("shape", [(7, 5), (7, 4, 4, 3)])
def test_minibatch_standard_deviation_is_numpys_mean_of_deviations(shape):
    x = np.random.default_rng(0).normal(2, 3, shape).astype("float32")
    computed = np.array(layers.MinibatchStdDev()(x))
    np.testing.assert_array_equal(computed[..., :-1], x)
    np.testing.assert_allclose(computed[..., -1], np.std(x, axis=0).mean(), rtol=1e-5)
    inputs = keras.Input(shape[1:])
    assert layers.MinibatchStdDev()(inputs).shape == (None, *shape[1:-1], shape[-1] + 1)


def test_minibatch_standard_deviation_of_equal_pictures_is_nothing_and_has_a_gradient():
    x = tf.ones((4, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        number = layers.MinibatchStdDev()(x)[..., -1]
    np.testing.assert_allclose(number, np.zeros(4), atol=1e-3)
    assert np.isfinite(tape.gradient(number, x)).all()


def test_instance_noise_has_the_standard_deviation_asked_for_and_can_be_turned_down():
    x, layer = np.full((100, 20, 20, 1), 0.5, "float32"), layers.InstanceNoise(0.3, seed=0)
    np.testing.assert_array_equal(layer(x), x)
    noise = np.array(layer(x, training=True)) - x
    assert norm.fit(noise.ravel()) == (pytest.approx(0, abs=0.005), pytest.approx(0.3, rel=0.02))
    layer.std.assign(0.1)
    assert np.std(layer(x, training=True)) == pytest.approx(0.1, rel=0.02)
    assert layer.trainable_weights == []


def test_instance_noise_that_was_turned_down_stays_so_in_the_file(tmp_path):
    layer = layers.InstanceNoise(0.3, seed=0)
    layer.build((None, 4, 4, 1))
    layer.std.assign(0.05)
    _, again = saved(layer, pictures(side=4, channels=1), tmp_path)
    assert float(again.layers[-1].std) == pytest.approx(0.05)


def test_instance_noise_differs_between_pictures_and_passes_the_gradient():
    x, layer = tf.zeros((2, 8, 8, 1)), layers.InstanceNoise(1.0, seed=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    assert np.abs(y[0] - y[1]).max() > 0.1
    np.testing.assert_array_equal(tape.gradient(y, x), np.ones((2, 8, 8, 1)))


def test_negative_noise_is_refused():
    for std in (-1, np.nan, np.inf, "x", None, True):
        with pytest.raises(ValueError, match=f"std is {std}: use 0 or a positive number"):
            layers.InstanceNoise(std)


@pytest.mark.parametrize("training", [False, True])
def test_kept_dropout_has_its_variance_also_after_training(training):
    dropout, ones = layers.KeptGaussianDropout(0.2, seed=0), np.ones((200, 500))
    factors = np.array(dropout(ones, training=training))
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.var() == pytest.approx(0.2 / 0.8, rel=0.02)


def test_kept_dropout_acts_in_a_models_prediction():
    inputs = keras.Input((50,))
    model = keras.Model(inputs, layers.KeptGaussianDropout(0.5, seed=0)(inputs))
    assert np.std(model.predict(np.ones((20, 50)), verbose=0)) == pytest.approx(1, rel=0.1)


def test_augmentation_leaves_pictures_alone_after_training():
    x = pictures()
    np.testing.assert_array_equal(layers.DiffAugment(seed=0)(x), x)
    changed = np.array(layers.DiffAugment(seed=0)(x, training=True))
    assert changed.shape == x.shape and all(np.abs(changed - x).max(axis=(1, 2, 3)) > 0.1)


def test_augmentation_passes_the_gradient():
    x = tf.constant(pictures())
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.DiffAugment(seed=0)(x, training=True)
    gradient = np.array(tape.gradient(y, x))
    assert np.isfinite(gradient).all() and all(np.abs(gradient).max(axis=(1, 2, 3)) > 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_augmentation_changes_colours_by_the_same_three_numbers_everywhere(channels):
    x = pictures(count=300, side=8, channels=channels)
    y = np.array(layers.DiffAugment(seed=0).colour(x)).astype(float)
    mean, grey = x.mean(axis=(1, 2, 3)), x.mean(axis=-1, keepdims=True)
    brighter = y.mean(axis=(1, 2, 3)) - mean
    contrast = y.mean(axis=-1).std(axis=(1, 2)) / grey[..., 0].std(axis=(1, 2))
    bands = [(brighter, -0.5, 1), (contrast, 0.5, 1)]
    if channels == 3:
        vivid = (y - y.mean(axis=-1, keepdims=True)).std(axis=(1, 2, 3))
        bands.append((vivid / (x - grey).std(axis=(1, 2, 3)) / contrast, 0, 2))
    for values, low, width in bands:
        assert kstest(values, "uniform", (low, width)).pvalue > 0.01


def moved(picture, down, right):
    """A picture moved by whole pixels, zeros coming in: by padding and cutting."""
    side = len(picture)
    padded = np.pad(picture, ((side, side), (side, side), (0, 0)))
    return padded[side - down : 2 * side - down, side - right : 2 * side - right]


def test_augmentation_moves_by_whole_pixels_up_to_an_eighth():
    x = pictures(count=200)
    steps = []
    for before, after in zip(x, np.array(layers.DiffAugment(seed=0).shift(x)), strict=True):
        fits = [s for s in np.ndindex(7, 7) if np.array_equal(moved(before, *np.add(s, -3)), after)]
        assert len(fits) == 1
        steps.append(np.add(fits[0], -3))
    counts = [np.unique(column, return_counts=True) for column in np.transpose(steps)]
    for values, count in counts:
        assert values.tolist() == [-2, -1, 0, 1, 2] and chisquare(count).pvalue > 0.01


def test_augmentation_covers_one_square_of_half_a_side():
    covered = np.array(layers.DiffAugment(seed=0).cover(np.ones((500, 16, 16, 1), "float32"))) == 0
    for axis, other in ((1, 2), (2, 1)):
        lengths = covered[..., 0].any(axis=other).sum(axis=1)
        assert lengths.max() == 8 and lengths.min() >= 4
        shares = covered[..., 0].any(axis=other).mean(axis=0)
        assert shares.min() > 0.2 and shares.argmax() in range(4, 12), axis
    for mask in covered[..., 0]:
        assert mask.sum() == mask.any(axis=0).sum() * mask.any(axis=1).sum()


@pytest.mark.parametrize("shape", [(4, 8, 16, 1), (4, 16, 8, 3)])
def test_augmentation_keeps_the_shape_of_a_picture_that_is_no_square(shape):
    x = np.random.default_rng(0).uniform(0.5, 1, shape).astype("float32")
    layer = layers.DiffAugment(seed=0)
    assert layer(x, training=True).shape == shape
    shifted = np.array(layer.shift(x))
    for axis, pixels in enumerate(shape[1:3], 1):
        other = tuple({0, 1, 2, 3} - {0, axis})
        empty = (shifted == 0).all(axis=other).sum(axis=1)
        assert empty.max() <= pixels // 8


def test_augmentation_treats_each_picture_differently_and_repeats_by_seed():
    x = np.repeat(pictures(count=1), 4, axis=0)
    first, second = (layers.DiffAugment(seed=5) for _ in range(2))
    once = np.array(first(x, training=True))
    np.testing.assert_array_equal(once, second(x, training=True))
    assert not np.array_equal(once, first(x, training=True))
    assert np.abs(once - once[:1])[1:].max(axis=(1, 2, 3)).min() > 0.1


def numbered(start, count=4):
    """Fakes that say when they were drawn."""
    return np.arange(start, start + count, dtype="float32").reshape(count, 1)


def test_replay_hands_out_older_fakes_once_it_is_full():
    buffer = layers.ReplayBuffer(capacity=4, share=0.5, seed=0)
    for start in (0, 4):
        np.testing.assert_array_equal(buffer(numbered(start)), numbered(start))
    assert sorted(np.array(buffer.kept)[:, 0]) == [0, 1, 4, 5]
    computed = np.array(buffer(numbered(8)))
    np.testing.assert_array_equal(computed[2:], numbered(10, 2))
    assert set(computed[:2, 0]) <= {0, 1, 4, 5}
    assert {8, 9} & set(np.array(buffer.kept)[:, 0])


def test_replay_under_a_graph_whose_batch_has_no_length():
    buffer = layers.ReplayBuffer(capacity=6, share=0.5, seed=0)
    call = tf.function(buffer, input_signature=[tf.TensorSpec((None, 1))])
    handed = [np.array(call(numbered(4 * step))) for step in range(40)]
    assert all(part.shape == (4, 1) for part in handed)
    ages = [4 * step - part[:2, 0] for step, part in enumerate(handed)]
    assert np.max(ages[:3]) <= 0 and np.min(ages[4:]) > 0 and np.max(ages) >= 8
    np.testing.assert_array_equal([part[2:, 0] for part in handed[-1:]], [[158, 159]])
    assert call(numbered(0, 1)).shape == (1, 1)


@pytest.mark.parametrize(("share", "old"), [(0.0, 0), (0.25, 2), (1.0, 8)])
def test_replays_share_of_a_batch(share, old):
    buffer = layers.ReplayBuffer(capacity=8, share=share, seed=0)
    for start in range(0, 96, 8):
        computed = np.array(buffer(numbered(start, 8)))
    assert np.sum(computed[:, 0] < 88) == old


def test_replay_keeps_its_fakes_in_the_file(tmp_path):
    buffer = layers.ReplayBuffer(capacity=4, share=0.5, seed=0)
    for start in (0, 4, 8):
        buffer(numbered(start))
    model, again = saved(buffer, numbered(0), tmp_path)
    np.testing.assert_array_equal(again.layers[-1].kept, buffer.kept)
    kept = set(np.array(buffer.kept)[:, 0])
    for network in (model, again):
        assert set(np.array(network(numbered(20)))[:2, 0]) <= kept


IMPOSSIBLE = [(0, 0.5), (4, -0.1), (4, 1.5), (2.5, 0.5), (np.inf, 0.5), (True, 0.5)]
IMPOSSIBLE += [("x", 0.5), (4, np.nan), (4, "x")]


@pytest.mark.parametrize(("capacity", "share"), IMPOSSIBLE)
def test_impossible_replay(capacity, share):
    with pytest.raises(ValueError, match=f"capacity is {capacity} and share {share}: use a"):
        layers.ReplayBuffer(capacity, share)
