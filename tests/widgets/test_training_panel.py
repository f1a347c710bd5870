"""The panel trains what it says, stops when asked or lost, and shares no random number."""

import random
import time

import ipywidgets
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import size, small_gan, small_vae

from helpers import gan, latent, widgets


def build(learning_rate, steps, beta=1.0, latent_dim=2):
    """A compiled VAE, as a notebook would build it."""
    model = small_vae(latent_dim, beta)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule))
    return model


@pytest.fixture
def make_panel(images):
    def make(**options):
        given = {
            "build": build,
            "data": (images,),
            "sample": lambda model: model.decode(latent.prior_codes(9, model.latent_dim)),
            "controls": {"latent_dim": (2, 1, 8, 1), "beta": (1.0, 0.0, 8.0, 0.5)},
            "batch_size": 32,
            "epochs": 2,
        }
        return widgets.TrainingPanel(**{**given, **options})

    return make


def test_training_panel_trains_and_draws(make_panel):
    panel = make_panel(measure=lambda model: {"answer": 42.0})
    empty = panel.curve_image.value
    panel.train.click()
    assert panel.train.disabled and not panel.stop.disabled
    panel.join()
    assert not panel.train.disabled and panel.stop.disabled
    assert set(panel.history) == {"loss", "reconstruction", "kl"}
    assert panel.progress.value == 1.0 and panel.curve_image.value != empty
    assert panel.caption.text.startswith("Done.") and "answer 42 (" in panel.caption.text
    assert size(panel.sample_image.value)[0] > 40


def test_the_grid_is_named_in_words(make_panel):
    rows = "in pairs: test digits, and below them what is left"
    panel = make_panel(sample_shows=rows)
    assert panel.caption.alternatives[1] == rows in panel.described_images


def test_noted_losses_average_to_what_keras_reports(make_panel, monkeypatch):
    monkeypatch.setattr(widgets.TrainingPanel, "WINDOW", 3)
    panel = make_panel(epochs=1)
    panel.start()
    panel.join()
    (steps, values) = np.array(panel.history["loss"]).T
    weights = np.diff(steps, prepend=0)
    logged = panel.model.history.history["loss"][0]
    assert np.sum(weights * values) == pytest.approx(logged, rel=1e-4)


def test_same_settings_train_the_same_model(make_panel):
    weights = []
    for _ in range(2):
        panel = make_panel()
        panel.start()
        panel.join()
        weights.append(panel.model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_sliders_reach_the_model(make_panel):
    panel = make_panel()
    panel.controls["latent_dim"].value, panel.controls["beta"].value = 5, 2.5
    panel.controls["learning_rate"].value = 1e-2
    panel.start()
    panel.join()
    assert (panel.model.latent_dim, panel.model.beta) == (5, 2.5)
    assert "learning_rate 0.01, batch_size 32, epochs 2 → kl" in panel.runs[0]


def test_a_list_of_words_becomes_a_menu(make_panel):
    chosen = []

    def with_word(flavour, **settings):
        chosen.append(flavour)
        return build(**settings)

    panel = make_panel(build=with_word, controls={"flavour": ["plain", "bold"]}, epochs=1)
    menu = panel.controls["flavour"]
    assert isinstance(menu, ipywidgets.Dropdown) and menu.description == "flavour"
    for word in ("plain", "bold"):
        menu.value = word
        panel.start()
        panel.join()
    assert chosen == ["plain", "bold"]
    assert "flavour plain, learning_rate" in panel.runs[0] and "flavour bold" in panel.runs[1]


def test_two_clicks_start_one_training(make_panel):
    builds = []

    def counting(**settings):
        builds.append(settings)
        time.sleep(0.2)
        return build(**settings)

    panel = make_panel(build=counting)
    panel.train.click()
    panel.start()
    panel.train.click()
    panel.join()
    assert len(builds) == 1 and len(panel.runs) == 1


def test_stop_leaves_a_usable_model(make_panel, images):
    panel = make_panel(epochs=100)
    panel.train.click()
    deadline = time.time() + 30
    while panel.progress.value == 0 and time.time() < deadline:
        time.sleep(0.05)
    panel.stop.click()
    panel.join()
    assert 0 < panel.progress.value < 1 and "Stopped." in panel.caption.text
    assert np.all(np.isfinite(panel.model.decode(panel.model.encode(images)[0])))
    panel.controls["epochs"].value = 1
    panel.train.click()
    panel.join()
    assert panel.progress.value == 1.0 and "run 2" in panel.caption.text


def test_time_left_is_shown_while_training(make_panel, monkeypatch):
    monkeypatch.setattr(widgets.watching, "REFRESH_SECONDS", 0.0)
    panel = make_panel()
    said = []
    panel.time_left.observe(lambda change: said.append(change["new"]), "value")
    panel.start()
    panel.join()
    assert any("of 16" in text and "s left" in text for text in said) and "in all" in said[-1]


def test_join_before_any_run_says_what_to_do(make_panel):
    with pytest.raises(RuntimeError, match="press Train first"):
        make_panel().join()


def test_an_error_is_shown_and_raised_by_join(make_panel):
    def broken(**settings):
        raise RuntimeError("the kiln is cold")

    panel = make_panel(build=broken)
    panel.train.click()
    with pytest.raises(RuntimeError, match="the kiln is cold"):
        panel.join()
    assert "RuntimeError: the kiln is cold" in panel.caption.text
    assert not panel.train.disabled and panel.model is None


def test_a_failing_run_keeps_the_model_before_it(make_panel):
    panel = make_panel(epochs=1)
    panel.start()
    panel.join()
    before = panel.model
    panel.build = lambda **settings: 1 / 0
    panel.start()
    with pytest.raises(ZeroDivisionError):
        panel.join()
    assert panel.model is before


def test_panel_trains_a_model_that_is_no_vae(images):
    def plain(learning_rate, steps, width):
        layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(width)]
        tail = [keras.layers.Dense(64, "sigmoid"), keras.layers.Reshape((8, 8, 1))]
        model = keras.Sequential([*layers, *tail])
        model.compile(keras.optimizers.Adam(learning_rate), "mse")
        return model

    panel = widgets.TrainingPanel(
        plain,
        data=(images, images),
        sample=lambda model: np.array(model(images[:4])),
        controls={"width": (4, 1, 16, 1)},
        unit="squared error",
        epochs=1,
    )
    panel.start()
    panel.join()
    assert set(panel.history) == {"loss"}


def test_curves_of_several_units_get_axes_of_their_own(make_panel):
    panel = make_panel()
    panel.unit = {"nats": ("d_loss", "g_loss"), "length": ("gradient",)}
    losses = {"d_loss": [(0.5, 1.0), (1.0, 2.0)], "g_loss": [(0.5, 0.9), (1.0, 0.8)]}
    panel.history = {**losses, "gradient": [(0.5, 100.0), (1.0, 1.0)]}
    above, below = panel._curves().axes
    assert [axes.get_ylabel() for axes in (above, below)] == ["nats", "length"]
    np.testing.assert_allclose([line.get_ydata() for line in above.lines], [[1, 2], [0.9, 0.8]])
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")


def test_the_names_of_three_curves_stand_above_them(make_panel):
    panel = make_panel()
    panel.history = {name: [(0.5, 1.0), (1.0, 9.0)] for name in ("loss", "reconstruction", "kl")}
    figure = panel._curves()
    figure.pixels()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= axes.get_window_extent().y1 and legend.x1 <= figure.bbox.x1


def test_parts_of_the_loss_are_stacked(make_panel):
    panel = make_panel()
    panel.history = {"a": [(0.5, 1.0), (2.0, 3.0)], "b": [(0.5, 4.0), (2.0, 5.0)], "c": []}
    figure = panel.stacked("a and b", ("a", "b"))
    (axes,) = figure.axes
    tops = [part.get_paths()[0].vertices[:, 1].max() for part in axes.collections]
    assert tops == [3, 8] and axes.get_xlim() == (0, 2) and figure.title == "a and b"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "nats per image")


@pytest.mark.parametrize(
    "bad", [{"batch_size": 0}, {"epochs": 1.5}, {"learning_rate": 0}, {"learning_rate": np.nan}]
)
def test_a_panel_refuses_settings_that_train_nothing(make_panel, bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"^{name} is .*: use a "):
        make_panel(**bad)


RNG = np.random.default_rng(5)
POINTS = RNG.normal(size=(70, 4)).astype("float32")
WORDS = RNG.normal(size=(70, 2)).astype("float32")


def plain(learning_rate, steps, loss="mse"):
    """A small network whose layers have no seed, its rate falling to 0 over all steps."""
    h = keras.layers.Dropout(0.2)(keras.layers.Dense(6, "tanh")(x := keras.Input((4,))))
    model = keras.Model(x, keras.layers.Dense(4)(h))
    schedule = keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, 0.0)
    model.compile(keras.optimizers.SGD(schedule), loss, jit_compile=False)
    model.announced = steps
    return model


def plain_panel(build=plain, data=(POINTS, POINTS), **options):
    blank = np.zeros((4, 4, 4, 1))
    given = {"controls": {}, "batch_size": 16, "epochs": 2, "unit": "error", "seed": 3}
    return widgets.TrainingPanel(build, data, lambda model: blank, **{**given, **options})


def trained(panel):
    """Train with the panel; what it trained, once it is done."""
    panel.start()
    panel.join()
    return panel.model


def same(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def by_keras(seed):
    keras.utils.set_random_seed(seed)
    model = plain(1e-3, 10)
    model.fit(POINTS, POINTS, batch_size=16, epochs=2, verbose=0)
    return model


def test_a_panel_trains_what_keras_trains_under_a_global_seed():
    expected = by_keras(3)
    keras.utils.set_random_seed(99)
    assert same(trained(plain_panel()), expected)
    assert not same(trained(plain_panel(seed=4)), expected)


def test_panels_and_a_cell_that_draws_at_once_change_nothing_of_each_other():
    """Three panels at work, while a cell draws, builds and begins generators anew."""
    alone = [trained(plain_panel(seed=seed)) for seed in (3, 4, 5)]
    panels = [plain_panel(seed=seed) for seed in (3, 4, 5)]
    random.seed(1), np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1), np.random.seed(1)
    for panel in panels:
        panel.start()
    while any(panel.working for panel in panels):
        assert (random.random(), np.random.random()) == expected
        plain(1e-3, 10)
        tf.random.set_seed(random.randrange(9))
        random.seed(1), np.random.seed(1)
    for panel, model in zip(panels, alone, strict=True):
        panel.join()
        assert same(panel.model, model)


class Pair(keras.Model):
    """A network of two inputs, for `fit([points, words])`."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(keras.ops.concatenate(inputs, axis=1))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y_pred))


def pair(learning_rate, steps):
    model = Pair()
    schedule = keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, 0.0)
    model.compile(keras.optimizers.SGD(schedule), jit_compile=False)
    model.announced = steps
    return model


def points_gan(learning_rate, steps, discriminator_steps=1):
    model = small_gan(discriminator_steps=discriminator_steps)
    model.announced = steps
    return model


def gan_of_three(**settings):
    return points_gan(**settings, discriminator_steps=3)


@pytest.mark.parametrize(
    ("build", "data", "steps"),
    [
        (plain, (POINTS, POINTS), 10),  # 70 rows in fives of 16, the last with 6
        (pair, ([POINTS, WORDS],), 10),
        (points_gan, (WORDS,), 10),
        (gan_of_three, (WORDS,), 4),  # 48 points each, then the rest
    ],
)
def test_steps_told_are_steps_taken(monkeypatch, build, data, steps):
    monkeypatch.setattr(widgets.watching, "REFRESH_SECONDS", 0.0)
    panel, texts = plain_panel(build, data), []
    panel.time_left.observe(lambda change: texts.append(change["new"]), "value")
    model = trained(panel)
    optimizer = getattr(model, "generator_optimizer", None) or model.optimizer
    assert model.announced == steps == int(optimizer.iterations)
    shown = [text.split(",")[0] for text in texts[1:-1]]
    assert shown == [f"step {n} of {steps}" for n in [*range(1, steps + 1), steps]][: len(shown)]
    assert len(shown) >= steps and panel.progress.value == 1
    if not isinstance(model, gan.GAN):
        assert float(optimizer.learning_rate) == pytest.approx(0)
    places = [place for place, _ in next(iter(panel.history.values()))]
    assert places[-1] == 2 and places == sorted(places)


def test_the_last_batch_of_an_epoch_counts_by_its_rows():
    """Seventy rows in steps of 64: each note is the mean over its own rows, one by one."""
    panel = plain_panel(batch_size=64, epochs=1, learning_rate=1e-5)
    model = trained(panel)
    (_, first), (_, last) = panel.history["loss"]
    logged = model.history.history["loss"][0]
    assert (64 * first + 6 * last) / 70 == pytest.approx(logged, rel=1e-5)


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_run_that_diverges_stops_says_where_and_loses_nothing(at_once):
    def wild(learning_rate, steps):
        model = plain(learning_rate, steps)
        rate = 1e9 if learning_rate > 0.05 else learning_rate
        model.compile(keras.optimizers.SGD(rate), "mse", steps_per_execution=at_once)
        return model

    panel = plain_panel(wild, epochs=4)
    before = trained(panel)
    panel.controls["learning_rate"].value = 0.1
    panel.start()
    with pytest.raises(widgets.Diverged, match=r"^loss is (nan|inf) at step") as caught:
        panel.join()
    line, first, second = panel.caption.text.splitlines()
    step = int(line.split(" of 20")[0].split()[-1])
    assert (
        step < 20 and "try a smaller learning rate" in line and line in f"Stopped. {caught.value}"
    )
    assert first.startswith("run 1:") and second == (
        "run 2: learning_rate 0.1, batch_size 16, epochs 4 → diverged"
    )
    assert panel.model is before and not panel.go.disabled and panel.progress.value < 0.2
    assert np.isfinite([value for _, value in panel.history.get("loss", [])]).all()
    panel.controls["learning_rate"].value = 1e-3
    assert np.isfinite(trained(panel).get_weights()[0]).all()


def test_weights_that_the_last_step_spoilt_are_not_kept(tmp_path):
    def wild(learning_rate, steps):
        model = plain(learning_rate, steps)
        model.compile(keras.optimizers.SGD(np.inf), "mse", run_eagerly=True)
        return model

    panel = plain_panel(wild, epochs=1, batch_size=70)
    panel.each_epoch.value = str(tmp_path / "kept.keras")
    panel.start()
    with pytest.raises(widgets.Diverged, match="a weight is nan or infinite at step 1 of 1: try"):
        panel.join()
    assert panel.model is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data", [(POINTS, POINTS[:9]), (tf.data.Dataset.from_tensors(POINTS),), ([1.0, 2.0],), ()]
)
def test_a_panel_refuses_data_that_it_cannot_count(data):
    with pytest.raises(ValueError, match=r"^data hold .*: give arrays of equally many rows"):
        plain_panel(data=data)
