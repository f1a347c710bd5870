"""Every control changes the picture, training starts once, stops when asked, and reports errors."""

import threading
import time

import ipywidgets
import keras
import numpy as np
import pytest
from conftest import every_control, size, small_vae

from helpers import latent, widgets


@pytest.fixture
def labels():
    return np.arange(256) % 10


@pytest.fixture
def explorer(model, images, labels):
    return widgets.LatentExplorer(model.decode, model.encode(images)[0], labels)


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


def test_slider_pad_and_picture_move_together(explorer):
    before = explorer.image.value
    explorer.sliders[0].value = 1.0
    assert explorer.pad.x == 1.0 and explorer.image.value != before
    after = explorer.image.value
    explorer.pad.y = -0.7
    assert explorer.sliders[1].value == pytest.approx(-0.7) and explorer.image.value != after
    assert "z1 = 1.00, z2 = -0.70. The nearest test code has label" in explorer.caption.text


def test_explorer_shows_what_the_decoder_says(explorer, model):
    explorer.sliders[0].value, explorer.sliders[1].value = 0.5, -0.25
    np.testing.assert_allclose(explorer.decoded, model.decode([[0.5, -0.25]])[0], atol=1e-6)
    assert size(explorer.image.value) == (224, 224)


def test_caption_names_the_nearest_label(explorer, labels):
    chosen = explorer.coordinates[17]
    for slider, value in zip(explorer.sliders, chosen, strict=True):
        slider.step, slider.value = 1e-9, value
    assert explorer.caption.text.endswith(f"label {labels[17]}.")


def test_explorer_of_many_dimensions_moves_along_principal_axes(images, labels):
    model = small_vae(latent_dim=6)
    codes = model.encode(images)[0]
    explorer = widgets.LatentExplorer(model.decode, codes, labels)
    assert [s.description for s in explorer.sliders] == ["axis 1", "axis 2", "axis 3"]
    np.testing.assert_allclose(explorer.code, codes.mean(axis=0), atol=1e-5)
    explorer.sliders[0].value = 0.5
    _, _, directions = np.linalg.svd(codes - codes.mean(axis=0))
    moved = explorer.code - codes.mean(axis=0)
    np.testing.assert_allclose(np.abs(moved @ directions[0]), 0.5, rtol=1e-4)


def test_explorer_refuses_one_dimension(labels):
    with pytest.raises(ValueError, match=r"codes have shape \(256, 1\): use \(n, latent\)"):
        widgets.LatentExplorer(lambda z: z, np.zeros((256, 1)), labels)


def test_pad_marks_where_the_slider_is(explorer):
    middle = explorer.picture()
    explorer.sliders[0].value = 0.8
    moved = explorer.picture()
    left, _, width, _ = explorer.pad.frame
    changed = np.argwhere(np.abs(moved - middle).max(axis=(0, 2)) > 0.5)
    expected = (left + width * (0.8 - explorer.pad.x_range[0]) / np.ptp(explorer.pad.x_range)) * 484
    assert np.min(np.abs(changed - expected)) < 10


def test_interpolator_ends_and_path(model, images):
    codes = model.encode(images)[0]
    lab = widgets.Interpolator(model.decode, codes[:50], images[:50])
    lab.second.value = 7
    lab.t.value = 0.0
    np.testing.assert_allclose(lab.decoded, model.decode(codes[:1])[0], atol=1e-6)
    lab.t.value = 1.0
    np.testing.assert_allclose(lab.decoded, model.decode(codes[7:8])[0], atol=1e-6)
    lab.t.value = 0.3
    straight, strip = lab.at(0.3), lab.strip.value
    np.testing.assert_allclose(straight, latent.lerp(codes[0], codes[7], 0.3))
    lab.path.value = "slerp"
    np.testing.assert_allclose(lab.at(0.3), latent.slerp(codes[0], codes[7], 0.3))
    assert lab.strip.value != strip


def test_interpolator_between_codes_alone(model):
    lab = widgets.Interpolator(model.decode, latent.prior_codes(4, 2))
    before = lab.ends.value
    lab.first.value = 3
    assert lab.ends.value != before


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
    monkeypatch.setattr(widgets.training, "REFRESH_SECONDS", 0.0)
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


def test_beta_switcher_shows_each_model(images, labels):
    models = {0.5: small_vae(beta=0.5), 4.0: small_vae(beta=4.0, seed=8)}
    lab = widgets.BetaSwitcher(models, images, labels)
    before = lab.pictures.value, lab.plane.value
    lab.beta.value = 4.0
    assert lab.pictures.value != before[0] and lab.plane.value != before[1]
    assert lab.caption.text.startswith("beta 4.")


def every_widget(model, images, labels, make_panel):
    codes = model.encode(images)[0]
    return [
        widgets.LatentExplorer(model.decode, codes, labels),
        widgets.Interpolator(model.decode, codes[:20], images[:20]),
        make_panel(),
        widgets.BetaSwitcher({1.0: model}, images, labels),
    ]


def test_saved_notebooks_get_a_picture_and_a_stable_text(model, images, labels, make_panel):
    for lab in every_widget(model, images, labels, make_panel):
        bundle = lab._repr_mimebundle_()
        assert bundle["text/plain"] == f"<{lab.title}>"
        assert "application/vnd.jupyter.widget-view+json" in bundle
        picture = np.asarray(lab.picture())
        assert picture.shape[2] in (1, 3) and picture.shape[1] > 150 and len(np.unique(picture)) > 2


def test_every_control_is_named_and_every_picture_described(model, images, labels, make_panel):
    named = (ipywidgets.FloatSlider, ipywidgets.IntSlider, ipywidgets.SelectionSlider)
    for lab in every_widget(model, images, labels, make_panel):
        parts = list(every_control(lab))
        assert all(part.description for part in parts if isinstance(part, named))
        pictures = [part for part in parts if isinstance(part, ipywidgets.Image)]
        assert len(lab.caption.alternatives) == len(pictures) and all(lab.caption.alternatives)
        assert lab.caption in parts


def test_fast_moves_from_several_threads_end_in_one_state(explorer, model):
    def wiggle(offset):
        for value in np.linspace(-1, 1, 40):
            explorer.sliders[0].value = value + offset

    threads = [threading.Thread(target=wiggle, args=(offset,)) for offset in (0.0, 0.01)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    explorer.sliders[0].value = 0.4
    expected = model.decode(explorer.code[None])[0]
    np.testing.assert_allclose(explorer.decoded, expected, atol=1e-6)
