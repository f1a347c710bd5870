"""What Keras' fit, evaluate, compile and save promise holds for every model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from model_cases import (
    BETA,
    CASES,
    DRAWING,
    IMAGES,
    RATE,
    TOLD,
    VAES,
    WEIGHTS,
    DrawAlike,
    build,
    compiled,
    each_model,
    each_of_pictures,
    evaluated,
    fitted,
    weights,
)

from helpers import losses

GRAPH = {"run_eagerly": False, "jit_compile": False}
ways = pytest.mark.parametrize(
    ("aimed", "sample_weight"),
    [(False, None), (True, None), (False, WEIGHTS), (True, WEIGHTS[:, np.newaxis])],
    ids=["input", "target", "weights", "both"],
)


def by_hand(name, model, target, sample_weight, training):
    """The loss of all pictures: the mean of each sample's, weighed."""
    outputs = model(CASES[name].x, training=training)
    per_sample = CASES[name].per_sample(model, outputs, IMAGES if target is None else target)
    return ops.mean(per_sample * (1 if sample_weight is None else sample_weight.ravel()))


@ways
@each_model
def test_a_step_is_the_step_by_hand(name, aimed, sample_weight):
    model, twin, target = compiled(name), build(name), CASES[name].clean if aimed else None
    options = {"sample_weight": sample_weight, "batch_size": 20, "shuffle": False, "verbose": 0}
    history = model.fit(CASES[name].x, target, **options).history
    with tf.GradientTape() as tape:
        loss = by_hand(name, twin, target, sample_weight, training=True)
    gradients = tape.gradient(loss, twin.trainable_weights)
    for weight, gradient in zip(twin.trainable_weights, gradients, strict=True):
        weight.assign_sub(RATE * gradient)
    assert history["loss"] == [pytest.approx(float(loss), rel=1e-5)]
    np.testing.assert_allclose(weights(model), weights(twin), atol=1e-5)
    assert np.abs(weights(model) - weights(build(name))).max() > 1e-4


@each_model
def test_evaluation_is_the_loss_by_hand(name):
    target = CASES[name].clean
    computed = evaluated(name, CASES[name].x, target, sample_weight=WEIGHTS)["loss"]
    expected = by_hand(name, build(name), target, WEIGHTS, training=False)
    assert computed == pytest.approx(float(expected), rel=1e-5)


@each_model
def test_what_is_given_by_place_counts_as_by_name(name):
    case = CASES[name]
    by_name = evaluated(name, case.x, case.clean, sample_weight=WEIGHTS)["loss"]
    computed = compiled(name).evaluate(case.x, case.clean, 20, 0, WEIGHTS, return_dict=True)
    assert computed["loss"] == pytest.approx(by_name, rel=1e-6)
    assert computed["loss"] != pytest.approx(evaluated(name, case.x, case.clean)["loss"], rel=1e-3)
    places = compiled(name), case.x, None, 20, 2, 0, None, 0.0, None, False, None, WEIGHTS
    places[0].fit(*places[1:])
    named = fitted(name, epochs=2, sample_weight=WEIGHTS)
    np.testing.assert_allclose(weights(places[0]), weights(named), atol=1e-6)


def with_norms(name):
    """A model whose encoder and decoder begin with batch norm, and the two norms."""
    base, norms = build(name), [keras.layers.BatchNormalization() for _ in range(2)]
    image, taken = keras.Input((4, 4, 1)), [keras.Input(i.shape[1:]) for i in base.decoder.inputs]
    decoded = base.decoder([norms[1](taken[0]), *taken[1:]] if taken[1:] else norms[1](taken[0]))
    networks = keras.Model(image, base.encoder(norms[0](image))), keras.Model(taken, decoded)
    if not taken[1:]:
        networks = networks[0], keras.Model(taken[0], decoded)
    model = type(base)(*networks, **({"seed": 3} if name in VAES else {}))
    model.compile("sgd", CASES[name].loss, run_eagerly=True)
    return model, [statistic for norm in norms for statistic in norm.non_trainable_variables]


@each_of_pictures
def test_both_networks_are_in_training_mode_while_they_train_and_never_else(name):
    model, statistics = with_norms(name)
    before = [np.array(statistic) for statistic in statistics]
    evaluated(name, model=model)
    model.predict(CASES[name].x, verbose=0)
    model(CASES[name].x)
    for old, new in zip(before, statistics, strict=True):
        np.testing.assert_array_equal(old, new)
    fitted(name, model=model)
    for old, new in zip(before, statistics, strict=True):
        assert np.abs(old - np.array(new)).max() > 1e-6


def test_each_code_is_decoded_under_its_own_conditions():
    model, z = build("ConditionalVAE"), np.random.default_rng(1).normal(size=(20, 2))
    expected = ops.sigmoid(model.decoder([z.astype("float32"), TOLD]))
    np.testing.assert_allclose(model.decode(z, TOLD), expected, atol=1e-6)
    own = ops.sigmoid(model.decoder([model.encode(IMAGES)[0], TOLD]))
    np.testing.assert_allclose(model.reconstruct(IMAGES, TOLD), own, atol=1e-6)


@each_model
def test_penalties_of_layers_count_in_the_loss_and_in_the_step(name):
    model = compiled(name, penalty=keras.regularizers.L2(0.01))
    kernel = model.trainable_weights[0].numpy()
    extra = evaluated(name, model=model)["loss"] - evaluated(name)["loss"]
    assert extra == pytest.approx(0.01 * np.sum(kernel**2), rel=1e-3)
    fitted(name, model=model, sample_weight=np.zeros(20))
    shrunk = (1 - RATE * 2 * 0.01) * kernel
    np.testing.assert_allclose(model.trainable_weights[0], shrunk, rtol=1e-5)


@pytest.mark.parametrize("kind", ["data", "data and weights", "split"])
@each_model
def test_validation_is_evaluation(name, kind):
    case, few = CASES[name], slice(15, 20)
    settings = {
        "data": {"validation_data": (case.part(few),)},
        "data and weights": {"validation_data": (case.part(few), None, WEIGHTS[few])},
        "split": {"validation_split": 0.25},
    }[kind]
    model = compiled(name)
    options = {"callbacks": [DrawAlike()]}
    history = model.fit(case.x, batch_size=15, verbose=0, **settings, **options).history
    options |= {"sample_weight": WEIGHTS[few]} if "weights" in kind else {}
    expected = evaluated(name, case.part(few), model=model, **options)
    assert {f"val_{key}" for key in expected} <= set(history)
    for key, value in expected.items():
        assert history[f"val_{key}"] == [pytest.approx(value, rel=1e-4)]


class Batches(keras.utils.PyDataset):
    def __init__(self, items):
        super().__init__()
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def halves(case, targets):
    """Two batches, the second smaller, `(x,)` or `(x, y)`."""
    for here in (slice(0, 12), slice(12, 20)):
        x = case.part(here)
        x = tuple(x) if isinstance(x, list) else x
        yield (x, case.clean[here]) if targets else (x,)


def dataset(case, targets):
    x = tuple(case.x) if isinstance(case.x, list) else case.x
    whole = (x, case.clean) if targets else (x,)
    return tf.data.Dataset.from_tensor_slices(whole).batch(12)


KINDS = {
    "dataset": dataset,
    "PyDataset": lambda case, targets: Batches(list(halves(case, targets))),
    "generator": halves,
    "bare arrays": lambda case, targets: (batch for (batch,) in halves(case, targets)),
}


@pytest.mark.parametrize(
    ("kind", "targets"),
    [("dataset", True), ("PyDataset", True), ("generator", False), ("bare arrays", False)],
)
@each_model
def test_batches_from_elsewhere_train_as_arrays_do(name, kind, targets):
    case, model = CASES[name], compiled(name)
    y = case.clean if targets else None
    steps, targets = 2 if kind in ("generator", "bare arrays") else None, y is not None
    if kind == "bare arrays" and isinstance(case.x, list):
        kind = "generator"  # a pair without a tuple around it would be data and targets
    arrays = fitted(name, case.x, y, batch_size=12)
    model.fit(KINDS[kind](case, targets), steps_per_epoch=steps, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(model), weights(arrays), atol=1e-6)
    options = {"callbacks": [DrawAlike()], "return_dict": True, "verbose": 0}
    computed = model.evaluate(KINDS[kind](case, targets), steps=steps, **options)
    expected = evaluated(name, case.x, y, model=arrays, batch_size=12, **options)
    assert computed == pytest.approx(expected, rel=1e-4)


@each_model
def test_a_graph_of_several_steps_gives_the_numbers_of_single_ones(name):
    settings = {"batch_size": 5, "epochs": 2}
    model = fitted(name, model=compiled(name, **GRAPH, steps_per_execution=3), **settings)
    eager = fitted(name, **settings)
    np.testing.assert_allclose(weights(model), weights(eager), atol=1e-5)


def test_a_model_compiled_by_xla_trains():
    """Under XLA the draws differ, so the numbers do."""
    model = fitted("GaussianVAE", model=compiled("GaussianVAE", **{**GRAPH, "jit_compile": True}))
    np.testing.assert_allclose(weights(model), weights(fitted("GaussianVAE")), atol=0.5)
    assert not np.allclose(weights(model), weights(build("GaussianVAE")))


@each_model
def test_the_same_seed_gives_the_same_numbers(name):
    first, again = (fitted(name, batch_size=10) for _ in range(2))
    np.testing.assert_array_equal(weights(first), weights(again))


def drawn(name, model):
    """What random numbers have a part in."""
    return np.array(model(CASES[name].x)["logits" if name in VAES else "line"])


@pytest.mark.parametrize("name", DRAWING)
def test_draws_follow_the_models_seed_not_the_global_one_and_are_fresh_each_time(name):
    draws = []
    for global_seed in (5, 6):
        model = build(name)
        keras.utils.set_random_seed(global_seed)
        draws.append([drawn(name, model) for _ in range(2)])
    np.testing.assert_array_equal(*draws)
    assert not np.allclose(*draws[0])
    assert not np.allclose(draws[0][0], drawn(name, build(name, seed=4)))


@each_model
def test_callbacks_stop_and_save(name, tmp_path):
    model, path = compiled(name, rate=0.0), tmp_path / "best.keras"
    best = {"monitor": "loss", "mode": "min"}
    early = keras.callbacks.EarlyStopping(patience=1, **best)
    saver = keras.callbacks.ModelCheckpoint(path, save_best_only=True, **best)
    callbacks = [DrawAlike(), early, saver]
    history = model.fit(CASES[name].x, epochs=9, verbose=0, callbacks=callbacks).history
    assert len(history["loss"]) == 2
    np.testing.assert_array_equal(weights(keras.models.load_model(path)), weights(model))


@pytest.mark.parametrize("ending", ["h5", "hdf5", "weights", ""])
def test_a_file_that_could_not_be_read_again_is_not_written(ending, tmp_path):
    path = tmp_path / f"model.{ending}"
    for name in ("VAE", "Flow"):
        with pytest.raises(ValueError, match="is no name for a model: give one"):
            compiled(name).save(path)
    with pytest.raises(ValueError, match="There is no folder "):
        compiled("Autoencoder").save(str(tmp_path / "nowhere" / "model.keras"))
    assert list(tmp_path.iterdir()) == []


@each_model
def test_a_saved_model_trains_on_where_it_stopped(name, tmp_path):
    model = build(name)
    model.compile(keras.optimizers.Adam(0.01), CASES[name].loss, metrics=["mae"], run_eagerly=True)
    fitted(name, model=model)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for old, new in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    for one in (model, again):
        one.run_eagerly = True
        fitted(name, model=one)
    np.testing.assert_allclose(weights(again), weights(model), atol=1e-6)
    assert {"loss", "mae"} <= set(evaluated(name, model=again))


@pytest.mark.parametrize("name", VAES)
def test_the_parts_add_up_to_the_loss_whatever_is_left_over(name):
    """Twenty pictures in batches of eight: the last four weigh four."""
    model = compiled(name)
    whole, computed = (evaluated(name, model=model, batch_size=size) for size in (20, 8))
    trained = model.fit(CASES[name].x, batch_size=8, verbose=0).history
    for said in (computed, {key: values[0] for key, values in trained.items()}):
        assert said["loss"] == pytest.approx(said["reconstruction"] + BETA * said["kl"], rel=1e-5)
    assert computed["kl"] == pytest.approx(whole["kl"], rel=1e-5)


@each_model
def test_compiled_metrics_compare_the_picture_with_the_target(name):
    outputs = build(name)(CASES[name].x)
    picture = ops.sigmoid(outputs["logits"]) if name in VAES else outputs
    for target in (None, CASES[name].clean):
        model = compiled(name, metrics=["mae"])
        computed = evaluated(name, CASES[name].x, target, model=model)["mae"]
        if name == "Flow":
            picture, aim = outputs["velocity"], outputs["line"]
        else:
            aim = IMAGES if target is None else target
        expected = np.abs(picture - aim).mean()
        assert computed == pytest.approx(expected, rel=1e-5)


@each_model
def test_mixed_precision_gives_the_numbers_to_two_digits_and_trains(name):
    single = evaluated(name, callbacks=[DrawAlike()])
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled(name)
        half = evaluated(name, model=model, callbacks=[DrawAlike()])
        before = weights(model)
        fitted(name, model=model, epochs=3)  # the first finds how far a loss can be scaled
    finally:
        keras.config.set_dtype_policy("float32")
    steady = "kl" if name in VAES else "loss"  # draws of half precision are others
    assert half[steady] == pytest.approx(single[steady], rel=0.02)
    assert half["loss"] == pytest.approx(single["loss"], rel=0.2)
    assert np.isfinite(weights(model)).all() and np.abs(weights(model) - before).max() > 1e-3
    x, *conditions = CASES[name].x if isinstance(CASES[name].x, list) else [CASES[name].x]
    made = model.sample(x, 2, *conditions) if name == "Flow" else model.reconstruct(x, *conditions)
    assert made.dtype == np.float32


@pytest.mark.parametrize(
    "loss", ["mse", keras.losses.MeanSquaredError(), losses.bernoulli_per_image]
)
@pytest.mark.parametrize("size", [4, 20])
def test_sample_weights_reach_losses_of_any_rank(loss, size):
    """Batches as long as a picture's side as well, where a wrong axis would go unseen."""
    model = build("Autoencoder")
    model.compile("sgd", loss, run_eagerly=True)
    picture = np.array(build("Autoencoder")(IMAGES))
    if loss is losses.bernoulli_per_image:
        expected = np.array(loss(IMAGES, picture))
    else:
        expected = np.mean((picture - IMAGES) ** 2, axis=(1, 2, 3))
    computed = model.evaluate(IMAGES, sample_weight=WEIGHTS, batch_size=size, verbose=0)
    assert computed == pytest.approx(np.mean(WEIGHTS * expected), rel=1e-5)
