"""The panel saves its model, loads one, and goes on as if it had never stopped."""

import random
from functools import partial

import keras
import numpy as np
import pytest
from conftest import drawn_globally, every_control, small_gan
from test_training_panel import POINTS, WORDS, plain, plain_panel, same, trained

from helpers import pretrained, widgets
from helpers.widgets import jobs


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of notebooks, empty, where a kernel runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def steady(learning_rate, steps):
    """A network whose dropout draws at every step, its rate always the same."""
    model = plain(learning_rate, steps)
    model.compile(keras.optimizers.Adam(learning_rate), "mse", run_eagerly=True)
    return model


def playing(learning_rate, steps, discriminator_steps=1):
    """A GAN with an averaged generator; it draws noise at every step."""
    model = small_gan(average=0.9, discriminator_steps=discriminator_steps)
    optimizers = [keras.optimizers.Adam(learning_rate, 0.5) for _ in "GD"]
    model.compile(*optimizers, run_eagerly=True)
    return model


def did(panel, action):
    """Press a button and wait; what the caption says."""
    (button,) = (b for b in panel.model_buttons if b.description == action)
    button.click()
    panel.join()
    return panel.caption.text


def refused(panel, action):
    with pytest.raises(jobs.Refused) as caught:
        did(panel, action)
    assert panel.caption.text == str(caught.value) and "\n" not in str(caught.value)
    assert not panel.go.disabled and not any(button.disabled for button in panel.model_buttons)
    return panel.caption.text


def printed(panel):
    """The numbers of the last run as the caption prints them, and all points of the curves."""
    return panel.runs[-1].split(" → ")[1].split(" (")[0], panel.history


CASES = {
    "plain": (steady, (POINTS, POINTS)),
    "GAN": (playing, (WORDS,)),
    "GAN, three steps of D": (partial(playing, discriminator_steps=3), (WORDS,)),
}


@pytest.mark.parametrize(
    ("name", "through_a_file"),
    [("plain", False), ("GAN", True), ("GAN, three steps of D", True)],
)
def test_two_epochs_and_two_more_are_four_to_the_last_digit(name, through_a_file):
    build, data = CASES[name]
    whole = plain_panel(build, data, epochs=4)
    expected = trained(whole)
    panel = plain_panel(build, data)
    trained(panel)
    if through_a_file:
        assert "The model is saved as my_model.keras." in did(panel, "Save model")
        panel = plain_panel(build, data)
        assert "The model of my_model.keras is loaded." in did(panel, "Load model")
    random.seed(1), did(panel, "Go on")
    numbers, curves = printed(whole)
    later, points = printed(panel)
    assert later == numbers and same(panel.model, expected)
    later_half = {name: [(x, y) for x, y in curve if x > 2] for name, curve in curves.items()}
    assert points == (later_half if through_a_file else curves)


def test_going_on_says_which_sliders_have_no_effect_and_where_its_rate_stands():
    panel = plain_panel(steady, learning_rate=1e-2)
    trained(panel)
    panel.controls["learning_rate"].value = 1e-4
    panel.controls["epochs"].value, panel.controls["batch_size"].value = 1, 32
    assert did(panel, "Go on").splitlines()[0] == (
        "Done. run 1 went on: of the sliders only batch size and epochs have an effect on it, and "
        "its optimizer went on where it stood (learning rate 0.01). "
    )
    assert panel.runs[1].startswith("run 2: run 1 goes on, batch_size 32, epochs 1 → loss ")
    assert panel.settings_in_words() == panel.runs[1]
    assert int(panel.model.optimizer.iterations) == 2 * 5 + 3
    assert [x for x, _ in panel.history["loss"]][-3:] == pytest.approx([2 + 1 / 3, 2 + 2 / 3, 3])


def test_a_schedule_that_ended_is_told_and_one_that_was_stopped_runs_its_rest():
    panel = plain_panel(epochs=3)
    ended = trained(panel).get_weights()
    assert refused(panel, "Go on") == (
        "Its optimizer's schedule has ended at a learning rate of 0, so to go on would change "
        "nothing: press Train with more epochs."
    )
    assert len(panel.runs) == 1 and panel.history["loss"][-1][0] == 3
    ends_early = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, _: setattr(ends_early.model, "stop_training", True)
    )
    fit = keras.Model.fit
    panel.build = lambda **given: stops_after(plain(**given), fit, ends_early)
    stopped = trained(panel)
    del stopped.fit
    panel.controls["epochs"].value = 2
    assert "(learning rate 0.000667 to 0). " in did(panel, "Go on")
    for one, other in zip(panel.model.get_weights(), ended, strict=True):
        np.testing.assert_array_equal(one, other)


def stops_after(model, fit, callback):
    """A model whose `fit` is stopped by a callback, as by the button after one epoch."""
    model.fit = lambda *data, callbacks, **given: fit(
        model, *data, callbacks=[*callbacks, callback], **given
    )
    return model


def test_what_cannot_be_done_is_said_in_a_sentence(folder):
    panel = plain_panel()
    assert "press Train" in refused(panel, "Go on") and "press Train" in refused(
        panel, "Save model"
    )
    assert refused(panel, "Load model").startswith("There is no file my_model.keras: give")
    (folder / "my_model.keras").write_bytes(b"none")
    assert refused(panel, "Load model").startswith("my_model.keras cannot be read (BadZipFile")
    before = trained(panel)
    panel.file.value = "mine.h5"
    assert refused(panel, "Save model").startswith("Nothing is saved: 'mine.h5' is no name for a")
    panel.file.value = "none/mine.keras"
    assert refused(panel, "Save model").startswith("Nothing is saved: There is no folder none:")
    bare = keras.Model.from_config(before.get_config())
    bare.save("bare.keras")
    panel.file.value = "bare.keras"
    did(panel, "Load model")
    assert "saved without its optimizer" in refused(panel, "Go on")
    assert not list(folder.glob(".*"))


def test_a_model_that_the_panel_cannot_show_leaves_its_own():
    small_gan().save("gan.keras")
    panel = plain_panel(steady)
    panel.sample = lambda model: np.ones((4, 4, 4, 1)) * float(model.layers[-1].units > 0)
    before = trained(panel)
    panel.file.value = "gan.keras"
    said = refused(panel, "Load model")
    assert said.startswith("gan.keras holds a GAN that this panel cannot show (")
    assert panel.model is before and panel.source == "run 1" and panel.history["loss"]


def test_nothing_is_overwritten_and_the_caption_says_the_name(folder):
    panel = plain_panel(steady)
    trained(panel)
    (folder / "my_model.keras").write_bytes(b"of the learner")
    said = did(panel, "Save model")
    assert "saved as my_model_2.keras, as my_model.keras was there; to load it, name it." in said
    assert said.splitlines()[1] == panel.runs[0]
    assert (folder / "my_model.keras").read_bytes() == b"of the learner"
    assert same(pretrained.load("my_model_2.keras"), panel.model)


def test_each_epoch_is_kept_only_where_a_file_is_named(folder):
    panel = plain_panel(steady)
    trained(panel)
    assert list(folder.iterdir()) == []
    panel.each_epoch.value = "on_the_way.keras"
    trained(panel)
    assert panel.caption.text.startswith("Done. Each epoch was kept in on_the_way.keras.\nrun 1")
    first = (folder / "on_the_way.keras").read_bytes()
    did(panel, "Go on")
    assert "Each epoch was kept in on_the_way_2.keras." in panel.caption.text
    assert (folder / "on_the_way.keras").read_bytes() == first
    assert same(pretrained.load("on_the_way_2.keras"), panel.model)
    assert sorted(path.name for path in folder.iterdir()) == [
        "on_the_way.keras", "on_the_way_2.keras",
    ]  # fmt: skip
    panel.each_epoch.value = "on_the_way"
    panel.start()
    with pytest.raises(jobs.Refused, match=r"^Nothing is trained: 'on_the_way' is no name"):
        panel.join()
    assert panel.history["loss"] and len(panel.runs) == 3


def test_a_full_disk_stops_a_run_and_its_model_stays(folder, monkeypatch):
    def full(model, path, **options):
        raise OSError(28, "No space left on device")

    panel = plain_panel(steady)
    panel.each_epoch.value = "on_the_way.keras"
    monkeypatch.setattr(keras.Model, "save", full)
    panel.start()
    with pytest.raises(jobs.Refused, match=r"^Stopped. on_the_way.keras cannot be written \(No sp"):
        panel.join()
    assert panel.runs[0].endswith("→ stopped") and int(panel.model.optimizer.iterations) == 5
    panel.each_epoch.value = ""
    did(panel, "Go on")
    assert panel.history["loss"][-1][0] == 3


def test_going_on_that_diverges_gives_back_the_model_before_it():
    panel = plain_panel(steady)
    model = trained(panel)
    before, curves = model.get_weights(), panel.history
    rate = float(model.optimizer.learning_rate)
    model.optimizer.learning_rate = 1e30
    panel.go_on()
    with pytest.raises(widgets.Diverged, match=r"^loss is (nan|inf) at step"):
        panel.join()
    assert panel.runs[1] == "run 2: run 1 goes on, batch_size 16, epochs 2 → diverged"
    for one, other in zip(panel.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert panel.model is model and int(model.optimizer.iterations) == 10
    model.optimizer.learning_rate = rate
    did(panel, "Go on")
    assert panel.history["loss"][: len(curves["loss"])] == curves["loss"]
    assert panel.history["loss"][-1][0] == 4 and "run 3: run 1 goes on" in panel.caption.text


def test_a_loaded_model_is_shown_and_named_as_what_made_the_picture():
    trained(panel := plain_panel(steady))
    did(panel, "Save model")
    fresh = plain_panel(steady)
    fresh.sample = lambda model: np.full((4, 4, 4, 1), 0.25)
    assert fresh.empty
    did(fresh, "Load model")
    assert not fresh.empty and fresh.full_size()["samples"].min() == 0.25
    assert fresh.settings_in_words() == "the model of my_model.keras"


def test_buttons_wait_while_it_trains_and_their_names_hide_no_other():
    panel = plain_panel(steady, epochs=100)
    panel.start()
    assert all(button.disabled for button in panel.model_buttons)
    panel.save_model()
    panel.request_stop()
    panel.join()
    assert not any(button.disabled for button in panel.model_buttons)
    names = [part.description for part in every_control(panel) if hasattr(part, "description")]
    for own in ("train", "stop", "save picture"):
        assert [name for name in names if own in name.lower()] == [own.capitalize()]
    assert "saved" not in panel.caption.text


def test_the_file_of_a_model_is_no_setting_of_what_is_shown():
    panel = plain_panel(steady)
    before = widgets.base.controls.describe(panel)
    panel.file.value = panel.each_epoch.value = "other.keras"
    assert widgets.base.controls.describe(panel) == before and "model" not in before


def test_saving_and_loading_draw_nothing_that_others_draw():
    panel = plain_panel(steady)
    trained(panel)
    keras.utils.set_random_seed(6)
    alone = [*drawn_globally(), *drawn_globally()]
    keras.utils.set_random_seed(6)
    first = drawn_globally()
    for action in ("Save model", "Load model", "Go on"):
        did(panel, action)
    for one, other in zip(alone, [*first, *drawn_globally()], strict=True):
        np.testing.assert_array_equal(one, other)
