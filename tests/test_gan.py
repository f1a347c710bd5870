"""Each phase moves its own network, by the step a tape and an optimizer would take by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import batch, pictures_gan, small_gan, small_networks

from helpers import gan, layers, losses, metrics
from helpers.data import toys

DENSE = keras.layers.Dense


def values(parts):
    """Copies of weights."""
    return [np.array(part) for part in parts]


def moved(before, parts):
    """Which weights are no longer what they were."""
    return [not np.array_equal(old, new) for old, new in zip(before, parts, strict=True)]


GAMES = [(objective, "none") for objective in losses.OBJECTIVES]
GAMES += [("non_saturating", penalty) for penalty in losses.PENALTIES[1:]]
GAMES += [("wasserstein", "wgan_gp")]


@pytest.mark.parametrize(("objective", "penalty"), GAMES)
@pytest.mark.parametrize("batches", gan.BATCHES)
def test_each_phase_moves_all_of_one_network_and_nothing_of_the_other(objective, penalty, batches):
    model = small_gan(objective=objective, penalty=penalty, batches=batches)
    g, d = model.generator, model.discriminator
    before = values(g.weights), values(d.weights)
    loss, length, real_logits, fake_logits = model.discriminator_step(batch(), batch(width=3))
    assert np.isfinite(loss) and length > 0 and real_logits.shape == fake_logits.shape == (16, 1)
    assert not any(moved(before[0], g.weights))
    # Where the loss is linear in the logits, the last bias cancels: it has no gradient.
    still = objective in ("wasserstein", "hinge")
    assert all(moved(before[1], d.weights)[: -1 if still else None])
    before = values(d.weights)
    loss, length = model.generator_step(batch(width=3, seed=1))
    assert np.isfinite(loss) and length > 0
    assert not any(moved(before, d.weights)) and all(
        moved(values(small_networks()[0].weights), g.weights)
    )


@pytest.mark.parametrize(("objective", "penalty"), GAMES)
def test_training_moves_both_networks(objective, penalty):
    model = small_gan(objective=objective, penalty=penalty)
    before = values(model.generator.weights), values(model.discriminator.weights)
    history = model.fit(np.array(batch(64)), batch_size=16, verbose=0).history
    assert set(history) == set(gan.METERS) and np.isfinite(list(history.values())).all()
    assert all(moved(before[0], model.generator.weights))
    assert np.mean(moved(before[1], model.discriminator.weights)) > 0.8


@pytest.mark.parametrize("batches", gan.BATCHES)
def test_batch_statistics_move_unless_told_to_stay(batches):
    model = small_gan(norm=True, batches=batches)
    d_norm, g_norm = (net.layers[2] for net in (model.discriminator, model.generator))
    fresh = values(d_norm.non_trainable_weights), values(g_norm.non_trainable_weights)
    model.discriminator_step(batch(), batch(width=3))
    assert moved(fresh[0], d_norm.non_trainable_weights) == [batches != "inference"] * 2
    assert all(moved(fresh[1], g_norm.non_trainable_weights))


def test_mixed_batches_are_normalised_together_and_separate_ones_apart():
    real, fake, computed = batch(), 5 + batch(seed=1), {}
    for batches in gan.BATCHES:
        model = small_gan(norm=True, batches=batches)
        computed[batches] = np.concatenate(values(model.discriminate_both(real, fake, ())))
    d = small_networks(norm=True)[1]
    together = np.array(d(tf.concat([real, fake], 0), training=True))
    apart = np.concatenate([d(part, training=True) for part in (real, fake)])
    still = small_networks(norm=True)[1](tf.concat([real, fake], 0))
    for batches, expected in zip(gan.BATCHES, (apart, together, still), strict=True):
        np.testing.assert_allclose(computed[batches], expected, atol=1e-5)
    assert np.abs(together - apart).max() > 0.1


@pytest.mark.parametrize("penalty", ["none", "r1"])
def test_a_step_is_the_step_by_hand(penalty):
    model = small_gan(0.1, penalty=penalty, penalty_weight=3.0, optimizer=keras.optimizers.Adam)
    g, d = small_networks()
    optimizers = [keras.optimizers.Adam(0.1) for _ in range(2)]
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    real, ones, zeros = batch(), tf.ones((16, 1)), tf.zeros((16, 1))
    for number in range(3):
        z, second = batch(width=3, seed=number), batch(width=3, seed=9 + number)
        computed = *model.discriminator_step(real, z)[:2], *model.generator_step(second)
        with tf.GradientTape() as tape:
            d_loss = cross_entropy(ones, d(real)) + cross_entropy(zeros, d(g(z)))
            if penalty == "r1":
                with tf.GradientTape() as inner:
                    inner.watch(real)
                    total = tf.reduce_sum(d(real))
                d_loss += 1.5 * tf.reduce_mean(tf.reduce_sum(inner.gradient(total, real) ** 2, 1))
        d_gradients = tape.gradient(d_loss, d.trainable_weights)
        optimizers[0].apply_gradients(zip(d_gradients, d.trainable_weights, strict=True))
        with tf.GradientTape() as tape:
            g_loss = cross_entropy(ones, d(g(second)))
        g_gradients = tape.gradient(g_loss, g.trainable_weights)
        optimizers[1].apply_gradients(zip(g_gradients, g.trainable_weights, strict=True))
        lengths = [
            np.sqrt(sum(np.sum(np.square(part)) for part in parts))
            for parts in (d_gradients, g_gradients)
        ]
        np.testing.assert_allclose(computed, [d_loss, lengths[0], g_loss, lengths[1]], rtol=1e-4)
    for mine, other in ((model.generator, g), (model.discriminator, d)):
        for one, two in zip(mine.weights, other.weights, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


def trained(seed=1, **settings):
    keras.utils.set_random_seed(5)
    model = gan.GAN(*small_networks(), seed=seed, **settings)
    model.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2), jit_compile=False)
    return model, model.fit(np.array(batch(96)), batch_size=16, epochs=2, verbose=0).history


def test_a_seed_repeats_to_the_last_bit_and_another_does_not():
    settings = {"penalty": "dragan", "flip": 0.1, "average": 0.9}
    (first, one), (second, two), (other, _) = (trained(seed, **settings) for seed in (1, 1, 2))
    assert one == two
    for mine, same in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert any(moved(values(first.generator.weights), other.generator.weights))


@pytest.mark.parametrize(
    ("classes", "settings"),
    [
        (0, {"penalty": "r1", "penalty_weight": 2.5, "labels": (0.9, 0.0), "flip": 0.05}),
        (0, {"average": 0.9, "batches": "mixed", "discriminator_steps": 2}),
        (4, {"average": 0.5, "objective": "hinge"}),
        (0, {"replay": layers.ReplayBuffer(32, seed=3)}),
    ],
)
def test_a_saved_model_draws_and_discriminates_the_same(classes, settings, tmp_path):
    model = small_gan(classes=classes, norm="penalty" not in settings, **settings)
    conditions = [np.eye(4, dtype="float32")[np.arange(32) % 4]] if classes else []
    real = [np.array(batch(32)), *conditions] if classes else np.array(batch(32))
    model.fit(real, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    assert again.settings == model.settings
    z, conditions = batch(32, 3, seed=4), [tf.constant(part) for part in conditions]
    np.testing.assert_array_equal(again.sample(z, *conditions), model.sample(z, *conditions))
    judged = [net.discriminate(batch(32), conditions, training=False) for net in (model, again)]
    np.testing.assert_array_equal(*judged)
    for mine, same in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(mine, same)
    again.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False)
    again.fit(real, batch_size=8, verbose=0)


@pytest.mark.parametrize("wrap", ["batch norm", "spectral norm"])
def test_a_norm_in_d_leaves_the_weights_of_d_to_its_optimizer(wrap):
    keras.utils.set_random_seed(0)
    layer = DENSE(8, "tanh")
    hidden = [keras.layers.SpectralNormalization(layer)] if wrap == "spectral norm" else [layer]
    hidden += [keras.layers.BatchNormalization(momentum=0.5)] if wrap == "batch norm" else []
    d = keras.Sequential([keras.Input((2,)), *hidden, DENSE(1)])
    model = gan.GAN(small_networks()[0], d, seed=1)
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), jit_compile=False)
    for seed in range(30):  # the norm settles
        model.discriminator_step(batch(seed=seed), batch(width=3, seed=seed))
    trained, noted = values(d.trainable_weights), values(d.non_trainable_weights)
    model.generator_step(batch(width=3, seed=40))
    for old, new in zip(trained, d.trainable_weights, strict=True):
        if wrap == "batch norm":
            np.testing.assert_array_equal(old, new)
        else:  # Keras divides the kernel in place by a norm that it estimates anew at every look
            np.testing.assert_allclose(old, new, rtol=0.02)
    assert any(moved(noted, d.non_trainable_weights))


def test_spectral_norm_holds_every_kernel_at_a_norm_of_one_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    wrap = keras.layers.SpectralNormalization
    hidden = [wrap(DENSE(16, "relu")), wrap(DENSE(1))]
    model = gan.GAN(
        small_networks()[0], keras.Sequential([keras.Input((2,)), *hidden]), "wasserstein"
    )
    model.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(np.array(batch(512)), batch_size=16, epochs=2, verbose=0)
    for layer in hidden:
        norm = np.linalg.norm(np.array(layer.layer.kernel), 2)
        assert norm == pytest.approx(1, abs=0.15)
    points = batch(200, seed=3), batch(200, seed=4)
    logits = [np.array(model.discriminate(x, (), training=False)).ravel() for x in points]
    apart = np.linalg.norm(points[0] - points[1], axis=1)
    assert np.max(np.abs(logits[0] - logits[1]) / apart) <= 1.3  # both kernels allow about 1
    model.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    np.testing.assert_array_equal(
        again.discriminate(points[0], (), False), logits[0].reshape(-1, 1)
    )


def test_a_model_saved_before_training_has_its_buffer_too(tmp_path):
    small_gan(replay=layers.ReplayBuffer(8, share=0.25)).save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    assert (again.replay.capacity, again.replay.share) == (8, 0.25)


def test_replay_shows_the_discriminator_older_fakes():
    class Remembering(layers.ReplayBuffer):
        def call(self, fakes):
            self.handed = super().call(fakes)
            return self.handed

    model = small_gan(replay=Remembering(8, share=0.5, seed=0))
    drawn = []
    for seed in range(4):
        drawn.append(np.array(model.draw(batch(16, 3, seed), ())))
        model.discriminator_step(batch(), batch(16, 3, seed))
        model.generator_step(batch(16, 3, seed))
    handed = np.array(model.replay.handed)
    np.testing.assert_allclose(handed[8:], drawn[-1][8:], rtol=1e-5)
    gaps = np.linalg.norm(handed[:8, np.newaxis] - np.concatenate(drawn[:3]), axis=2)
    assert gaps.min(axis=1).max() < 1e-5


def test_several_steps_of_the_discriminator_on_disjoint_parts():
    class Recording(gan.GAN):
        seen = ()

        def discriminator_step(self, real, z, conditions=()):
            self.seen += ((np.array(real)[:, 0], np.array(z)),)
            return super().discriminator_step(real, z, conditions)

    model = Recording(*small_networks(), discriminator_steps=3, seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    x = np.column_stack([np.arange(25), np.zeros(25)]).astype("float32")
    model.fit(x, batch_size=4, shuffle=False, verbose=0)
    assert int(model.discriminator_optimizer.iterations) == 9
    assert int(model.generator_optimizer.iterations) == 3
    parts, noise = zip(*model.seen, strict=True)
    assert [len(part) for part in parts] == [4] * 6 + [1] * 3
    assert sorted(np.concatenate(parts[:3])) == list(range(12))
    assert sorted(np.concatenate(parts[3:6])) == list(range(12, 24))
    assert np.concatenate(parts[6:]).tolist() == [24, 24, 24]
    assert len({z.tobytes() for z in noise}) == 9


def test_the_average_follows_by_its_formula():
    model = small_gan(0.1, norm=True, average=0.9)
    slow = values(model.averaged.trainable_variables)
    np.testing.assert_array_equal(slow[0], model.generator.trainable_variables[0])
    for seed in range(3):
        model.generator_step(batch(width=3, seed=seed))
        fast = values(model.generator.trainable_variables)
        slow = [0.9 * old + 0.1 * new for old, new in zip(slow, fast, strict=True)]
    for computed, expected in zip(model.averaged.trainable_variables, slow, strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-7)
    statistics = (net.non_trainable_variables for net in (model.averaged, model.generator))
    for computed, expected in zip(*statistics, strict=True):
        np.testing.assert_array_equal(computed, expected)
    z = batch(5, 3)
    np.testing.assert_allclose(model.sample(z), model.averaged(z), rtol=1e-5)
    assert np.abs(model.sample(z) - np.array(model.generator(z))).max() > 1e-4


def test_labels_reach_the_loss():
    real, fake = batch(64, 1), batch(64, 1, seed=1)
    computed = float(small_gan(labels=(0.9, 0.2)).discriminator_loss(real, fake))
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = cross_entropy(tf.fill((64, 1), 0.9), real) + cross_entropy(
        tf.fill((64, 1), 0.2), fake
    )
    assert computed == pytest.approx(float(expected), rel=1e-5)


def test_a_share_of_the_labels_is_wrong():
    real, fake = tf.fill((20_000, 1), 2.0), tf.fill((20_000, 1), -1.0)
    computed = float(small_gan(flip=0.2).discriminator_loss(real, fake))
    mean = sum(
        0.8 * float(losses.label_loss(part[:1], right))
        + 0.2 * float(losses.label_loss(part[:1], wrong))
        for part, right, wrong in ((real, 1.0, 0.0), (fake, 0.0, 1.0))
    )
    assert computed == pytest.approx(mean, abs=0.02)


def test_conditions_reach_both_networks():
    model = small_gan(classes=4, average=0.9)
    conditions = np.eye(4, dtype="float32")[np.arange(64) % 4]
    model.fit([np.array(batch(64)), conditions], batch_size=16, verbose=0)
    z = np.repeat(np.array(batch(1, 3)), 4, axis=0)
    assert np.ptp(model.sample(z, np.eye(4)), axis=0).max() > 1e-3
    logits = model.discriminate(tf.zeros((4, 2)), [tf.eye(4)], training=False)
    assert np.ptp(logits) > 1e-3


@pytest.mark.parametrize("batches", ["separate", "mixed"])
@pytest.mark.parametrize("penalty", losses.PENALTIES)
def test_real_and_fake_are_judged_under_their_own_conditions(penalty, batches):
    model = small_gan(classes=4, penalty=penalty, batches=batches)
    conditions = tf.one_hot(tf.range(8) % 4, 4)
    z = batch(8, 3)
    expected = [
        np.array(model.discriminator([part, conditions]))
        for part in (batch(8), model.generator([z, conditions]))
    ]
    _, _, *computed = model.discriminator_step(batch(8), z, [conditions])
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(model.generator_step(z, [conditions])[0])


def test_the_layers_of_this_course_work_inside_fit(tmp_path):
    model = pictures_gan(0.1)
    x = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 1)).astype("float32")
    history = model.fit(x, batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert int(model.replay.seen) == 64 and np.abs(model.replay.kept).min(axis=0).max() > 0
    model.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    np.testing.assert_array_equal(again.replay.kept, model.replay.kept)
    np.testing.assert_array_equal(
        *[net.discriminate(x, (), training=False) for net in (model, again)]
    )


class Recording(gan.GAN):
    """Keeps what the two steps returned."""

    def discriminator_step(self, *given):
        self.kept_d = super().discriminator_step(*given)
        return self.kept_d

    def generator_step(self, *given):
        self.kept_g = super().generator_step(*given)
        return self.kept_g


@pytest.mark.parametrize(("objective", "border"), [("hinge", 0.0), ("least_squares", 0.5)])
def test_meters_hold_what_their_names_say(objective, border):
    model = Recording(*small_networks(), objective, seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    computed = model.train_step(batch(64))
    d_loss, d_gradient, real, fake = (np.array(part) for part in model.kept_d)
    g_loss, g_gradient = (float(part) for part in model.kept_g)
    expected = {"d_loss": float(d_loss), "g_loss": g_loss}
    expected |= {"d_real": np.mean(real > border), "d_fake": np.mean(fake < border)}
    expected |= {"d_gradient": float(d_gradient), "g_gradient": g_gradient}
    assert tuple(expected) == gan.METERS
    assert {name: float(computed[name]) for name in computed} == pytest.approx(expected)
    assert len({round(value, 4) for value in expected.values()}) == 6


def test_short_training_on_the_ring_reaches_modes():
    keras.utils.set_random_seed(0)
    toy, hidden = toys.ring(), [64, 64]
    g, d = (
        keras.Sequential(
            [keras.Input((wide,)), *[DENSE(h, "relu") for h in hidden], DENSE(outputs)]
        )
        for wide, outputs in ((2, 2), (2, 1))
    )
    model = gan.GAN(g, d, penalty="r1", penalty_weight=0.1, average=0.99, seed=0)
    model.compile(*(keras.optimizers.Adam(2e-3, 0.5) for _ in range(2)), jit_compile=False)
    z = np.random.default_rng(1).normal(size=(2000, 2))
    modes, near = metrics.mode_coverage(model.sample(z), toy)
    model.fit(toy.points(128 * 1500), batch_size=128, verbose=0)
    after, closer = metrics.mode_coverage(model.sample(z), toy)
    assert after >= max(6, modes + 3) and closer > near + 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "wgan"}, "objective is 'wgan': use one of minimax"),
        ({"penalty": "r2"}, "penalty is 'r2': use one of none"),
        ({"batches": "both"}, "batches is 'both': use one of separate, mixed, inference"),
        ({"discriminator_steps": 0}, "discriminator_steps is 0: use a whole number of 1 or more"),
        ({"discriminator_steps": 1.5}, r"discriminator_steps is 1\.5: use a whole"),
        ({"penalty_weight": -1}, "penalty_weight is -1: use 0 or a positive number"),
        ({"average": 1.0}, r"average is 1\.0: use a number from 0 to below 1"),
        ({"flip": -0.1}, r"flip is -0\.1: use a number from 0 to below 1"),
        ({"penalty_weight": float("nan")}, "penalty_weight is nan: use 0 or a positive number"),
        ({"labels": (2, -1)}, r"labels are \[2, -1\]: use two numbers from 0 to 1"),
        ({"labels": 0.9}, r"labels are \[0\.9\]: use two numbers"),
        ({"objective": "hinge", "flip": 0.1}, "hinge has no labels to change: use one of minimax"),
        ({"objective": "wasserstein", "labels": (0.9, 0.0)}, "wasserstein has no labels"),
    ],
)
def test_settings_outside_their_range(settings, message):
    with pytest.raises(ValueError, match=message):
        gan.GAN(*small_networks(), **settings)


def test_networks_that_do_not_fit():
    g, d = small_networks()
    with pytest.raises(ValueError, match="the first two must agree"):
        gan.GAN(g, small_networks(width=4)[1])
    with pytest.raises(ValueError, match=r"answers \(None, 2\)"):
        gan.GAN(g, keras.Model(d.input, DENSE(2)(d.output)))
    with pytest.raises(ValueError, match="The networks take 1 and 2 inputs: use one each"):
        gan.GAN(g, small_networks(classes=4)[1])
    with pytest.raises(ValueError, match="The networks take 4 and 5 numbers as conditions"):
        gan.GAN(small_networks(classes=4)[0], small_networks(classes=5)[1])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((64, 3), "float32"), r"shape \(64, 3\): use \(n, 2\), as the discriminator"),
        (np.zeros((8, 2), "float32"), "A step needs 16 pictures and there are 8: use a smaller"),
    ],
)
def test_points_that_cannot_be_trained_on(x, message):
    with pytest.raises(ValueError, match=message):
        small_gan().fit(x, batch_size=16, verbose=0)


@pytest.mark.parametrize(
    ("classes", "x", "message"),
    [
        (0, np.full((32, 2), np.nan, "float32"), r"lie in \[nan, nan\]: look for what is not"),
        (0, [np.zeros((32, 2)), np.zeros((32, 4))], "learn from one array of pictures"),
        (4, np.zeros((32, 2)), r"learn from \[pictures, conditions\]"),
        (4, [np.zeros((32, 2)), np.zeros((40, 4))], "There are 32 pictures and 40 rows: give one"),
    ],
)
def test_data_that_do_not_fit_the_networks(classes, x, message):
    with pytest.raises(ValueError, match=message):
        small_gan(classes=classes).fit(x, batch_size=16, verbose=0)


def test_targets_are_not_swallowed():
    with pytest.raises(ValueError, match="y is given: a GAN has no targets"):
        small_gan().fit(np.array(batch(32)), np.zeros(32))


def test_optimizers_by_name_and_one_for_both():
    model = gan.GAN(*small_networks())
    model.compile("sgd", "adam", jit_compile=False)
    assert isinstance(model.generator_optimizer, keras.optimizers.SGD)
    assert isinstance(model.discriminator_optimizer, keras.optimizers.Adam)
    one = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="share one optimizer"):
        model.compile(one, one)


def test_a_replay_buffer_refuses_conditions():
    with pytest.raises(ValueError, match="A replay buffer keeps no conditions"):
        gan.GAN(*small_networks(classes=4), replay=layers.ReplayBuffer(8))


def test_pictures_outside_the_range_of_tanh():
    x = np.full((32, 8, 8, 1), 2.0, "float32")
    with pytest.raises(ValueError, match=r"lie in \[2, 2\]: bring them to .* data.to_tanh_range"):
        pictures_gan().fit(x, batch_size=16, verbose=0)


@pytest.mark.parametrize("size", [0, 2.5])
def test_impossible_batches(size):
    with pytest.raises(ValueError, match="batch_size"):
        small_gan().fit(np.array(batch(64)), batch_size=size, verbose=0)


@pytest.mark.parametrize("shape", [(4, 2), (3,)])
def test_noise_of_another_width(shape):
    with pytest.raises(ValueError, match=r"have shapes .*: use \(n, 3\)"):
        small_gan().sample(np.zeros(shape))


@pytest.mark.parametrize(
    "conditions", [[], [np.zeros((3, 4))], [np.zeros((5, 4))], [np.zeros((4, 3))]]
)
def test_conditions_of_another_shape(conditions):
    with pytest.raises(ValueError, match=r"use \(n, 3\) and \(n, 4\)"):
        small_gan(classes=4).sample(np.zeros((4, 3)), *conditions)


def test_samples_come_in_inference_mode_however_many():
    model = small_gan(norm=True)
    z = np.array(batch(1201, 3))
    computed = model.sample(z)
    assert computed.shape == (1201, 2)
    np.testing.assert_allclose(computed, model.generator(z, training=False), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(computed, model(z), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(computed, gan.sample(model.generator, z.astype("float32")))
