"""The stepper plays the GAN's own game, loses nothing, starts again alike; the quiz counts."""

import random
import threading
import time

import ipywidgets
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import every_control, size

from helpers import gan, losses, widgets
from helpers.data import toys
from helpers.layers import ReplayBuffer
from helpers.widgets import stepper_drawing


def build(objective="non_saturating", width=2):
    """A small compiled GAN of points."""
    layers = keras.layers
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(16, "relu"), layers.Dense(width)])
    judge = [keras.Input((width,)), layers.Dense(16, "tanh"), layers.Dense(1)]
    model = gan.GAN(generator, keras.Sequential(judge), objective, seed=0)
    optimizers = (keras.optimizers.Adam(1e-2, beta_1=0.5) for _ in range(2))
    model.compile(*optimizers, jit_compile=False)
    return model


@pytest.fixture
def stepper():
    lab = widgets.GanStepper(build)
    yield lab
    lab.pause()


def weights(network):
    return [np.array(weight) for weight in network.weights]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_each_button_moves_one_network(stepper):
    networks = stepper.model.discriminator, stepper.model.generator
    for button, moved, still in ((stepper.step_d, *networks), (stepper.step_g, *networks[::-1])):
        before, held, picture = weights(moved), weights(still), stepper.image.value
        button.click()
        assert not same(before, weights(moved)) and same(held, weights(still))
        assert stepper.image.value != picture
    assert stepper.done == 2 and stepper.caption.text.startswith("Phase 2: loss of D")


def test_a_step_is_the_models_own(stepper):
    other = build()
    other.generator.set_weights(stepper.model.generator.get_weights())
    other.discriminator.set_weights(stepper.model.discriminator.get_weights())
    random = np.random.default_rng(0)
    random.normal(size=(stepper.POINTS, 3))
    for _ in range(2):
        z = random.normal(size=(128, 3)).astype("float32")
        real = tf.constant(stepper.real[random.integers(len(stepper.real), size=128)])
        stepper.step_discriminator()
        loss = other.discriminator_step(real, tf.constant(z))[0]
        assert stepper.history["D"][-1][1] == pytest.approx(float(loss), rel=1e-5)
        stepper.step_generator()
        loss = other.generator_step(random.normal(size=(128, 3)).astype("float32"))[0]
        assert stepper.history["G"][-1][1] == pytest.approx(float(loss), rel=1e-5)


def test_a_reset_repeats_exactly(stepper):
    def play():
        stepper.play(steps=30)
        stepper.join()
        return stepper.history, weights(stepper.model), stepper.image.value

    first = play()
    stepper.restart.click()
    assert stepper.done == 0 and stepper.history["D"] == []
    again = play()
    assert first[0] == again[0] and same(first[1], again[1]) and first[2] == again[2]


def test_pause_loses_nothing_and_play_goes_on(stepper):
    stepper.toggle.click()
    assert stepper.toggle.description == "pause"
    deadline = time.time() + 30
    while stepper.done < 20 and time.time() < deadline:
        time.sleep(0.01)
    stepper.toggle.click()
    stopped = stepper.done
    assert not stepper.playing and stepper.toggle.description == "play" and stopped >= 20
    assert len(stepper.history["D"]) + len(stepper.history["G"]) == stopped
    assert stepper.caption.text.startswith(f"Phase {stopped}:")
    stepper.play(steps=6)
    stepper.join()
    assert stepper.done == stopped + 6


def test_steps_during_play_are_counted_and_no_two_overlap(stepper, monkeypatch):
    under_way, most, step = [], [], stepper._step

    def slow(phase):
        under_way.append(phase)
        most.append(len(under_way))
        time.sleep(0.002)
        step(phase)
        under_way.pop()

    monkeypatch.setattr(stepper, "_step", slow)
    stepper.play(steps=200)
    others = [threading.Thread(target=stepper.step_discriminator) for _ in range(5)]
    for thread in others:
        thread.start()
    for thread in (*others, stepper.job.thread):
        thread.join()
    assert stepper.done == 205
    assert [len(stepper.history[name]) for name in "DG"] == [105, 100]
    assert max(most) == 1


def test_slow_shows_every_step(stepper, monkeypatch):
    monkeypatch.setattr(stepper, "SLOW_SECONDS", 0.001)
    stepper.slow.value, seen = True, []
    stepper.caption.observe(lambda change: seen.append(change["new"]), "text")
    stepper.play(steps=8)
    stepper.join()
    assert [text.split(":")[0] for text in seen] == [f"Phase {n}" for n in range(1, 9)]


@pytest.mark.parametrize("name", list(toys.TOYS))
def test_every_cloud_can_be_chosen(stepper, name):
    before = stepper.image.value
    stepper.menu.value = name
    stepper.step_g.click()
    assert stepper.image.value != before
    assert f"of {len(toys.TOYS[name]().centres)} modes" in stepper.caption.text


def test_another_cloud_while_playing_starts_anew(stepper):
    stepper.play()
    stepper.menu.value = "grid"
    assert not stepper.playing and stepper.done == 0


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_arrows_point_down_the_loss_of_g(objective):
    lab = widgets.GanStepper(lambda: build(objective))
    for _ in range(5):
        lab.step_discriminator()
    fakes, pull = (np.array(part) for part in (lab.fakes, lab.opinion(lab.fakes)[1]))

    def loss(points):
        logits = lab.model.discriminator(points)
        return np.array([float(losses.generator_loss(objective, logit)) for logit in logits])

    step = 1e-2
    for axis in (0, 1):
        offset = step * np.eye(2, dtype="float32")[axis]
        slope = (loss(fakes[:20] + offset) - loss(fakes[:20] - offset)) / (2 * step)
        np.testing.assert_allclose(-pull[:20, axis], slope, atol=0.02, rtol=0.05)


def test_heat_map_is_ds_probability_with_up_above(stepper):
    heat = np.array(stepper.opinion(stepper.fakes)[0]).reshape(stepper.CELLS, stepper.CELLS)
    reach = stepper_drawing.REACH
    corners = np.array([[-reach, reach], [reach, -reach]], "float32")
    logits = np.array(stepper.model.discriminator(corners))[:, 0]
    np.testing.assert_allclose([heat[0, 0], heat[-1, -1]], 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_errors_are_shown_and_raised_by_join(stepper):
    def broken(*given):
        raise RuntimeError("the dice are loaded")

    stepper.phases["G"] = broken
    stepper.step_g.click()
    assert stepper.caption.text.endswith("RuntimeError: the dice are loaded")
    stepper.play()
    stepper.job.thread.join()
    with pytest.raises(RuntimeError, match="dice"):
        stepper.join()
    assert stepper.toggle.description == "play"


def test_negative_losses_stay_in_their_own_panel(stepper):
    panel = stepper_drawing.SIDE + stepper_drawing.LEGEND
    stepper.history["G"] = [(1, -5.0), (2, -0.7)]
    stepper.show()
    below = stepper.picture()[panel:, stepper_drawing.SIDE :]
    stepper.history["G"] = []
    stepper.show()
    np.testing.assert_array_equal(below, stepper.picture()[panel:, stepper_drawing.SIDE :])


def test_a_long_game_is_drawn_from_few_points():
    long = [(float(step), float(step % 7)) for step in range(100_000)]
    thin = stepper_drawing._thinned(long)
    assert len(thin) < 700 and tuple(thin[0]) == long[0] and tuple(thin[-1]) == long[-1]
    np.testing.assert_array_equal(stepper_drawing._thinned([]), [[0, 0]])


def test_undecided_is_white_under_least_squares_too():
    lab = widgets.GanStepper(lambda: build("least_squares"))
    kernel, bias = lab.model.discriminator.layers[-1].get_weights()
    lab.model.discriminator.layers[-1].set_weights([0 * kernel, 0 * bias + 0.5])
    heat, _ = lab.opinion(lab.fakes)
    np.testing.assert_allclose(heat, 0.5, atol=1e-6)


def test_a_reset_empties_the_replay_buffer():
    def with_replay():
        plain = build()
        model = gan.GAN(plain.generator, plain.discriminator, replay=ReplayBuffer(256), seed=0)
        model.compile("sgd", "sgd", jit_compile=False)
        return model

    lab, losses = widgets.GanStepper(with_replay), []
    for _ in range(2):
        lab.reset()
        assert int(lab.model.replay.seen) == 0
        for _ in range(6):
            lab.step_discriminator()
        losses.append(lab.history["D"])
    assert losses[0] == losses[1]


def test_networks_begin_where_the_seed_lets_them_and_no_global_generator_is_touched():
    keras.utils.set_random_seed(5)
    expected = weights(build())
    keras.utils.set_random_seed(99)
    before = random.getstate(), np.random.get_state()[1].tolist()
    for seed, alike in ((5, True), (6, False)):
        lab = widgets.GanStepper(build, seed=seed)
        assert same(weights(lab.model.generator), expected[:4]) == alike
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert same(expected[:4], weights(widgets.GanStepper(build, seed=5).model.generator))


def test_a_game_played_beside_others_is_the_same_game():
    """Two steppers play at once, while a cell steps a third and begins generators anew."""

    def played(lab):
        lab.join()
        return lab.history["D"][-1], weights(lab.model)

    labs = [widgets.GanStepper(build, seed=seed) for seed in (1, 2, 3)]
    alone = []
    for lab in labs[:2]:
        lab.play(steps=60)
        alone.append(played(lab))
        lab.reset()
    for lab in labs[:2]:
        lab.play(steps=60)
    while labs[0].playing or labs[1].playing:
        keras.utils.set_random_seed(labs[2].done)
        labs[2].step_discriminator()
    for lab, (loss, expected) in zip(labs, alone, strict=False):
        again = played(lab)
        assert again[0] == loss and same(again[1], expected)


def test_a_closed_stepper_stops_playing(stepper):
    stepper.play()
    stepper.close()
    stepper.job.thread.join(20)
    assert not stepper.playing


def test_play_at_the_moment_a_game_ends_goes_on(stepper):
    """The button is pressed the instant it says "play" again: the old thread still runs."""
    pressed = []

    def press(change):
        if change["new"] == "play" and len(pressed) < 5:
            pressed.append(stepper.done)
            stepper.play(steps=2)

    stepper.toggle.observe(press, "description")
    stepper.play(steps=2)
    stepper.join()
    assert stepper.done == 12 and pressed == [2, 4, 6, 8, 10]


def test_a_game_that_diverges_stops_says_where_and_begins_again_after_a_reset(stepper):
    step = stepper.phases["G"]
    stepper.phases["G"] = lambda z: step(z) * (np.nan if stepper.done == 5 else 1)
    stepper.play()
    with pytest.raises(widgets.Diverged, match=r"^loss of G is nan in phase 6: press reset, and"):
        stepper.job.join()
    assert stepper.caption.text.startswith("Stopped. loss of G is nan in phase 6")
    assert stepper.done == 5 and not stepper.playing and len(stepper.history["G"]) == 2
    stepper.phases["G"] = step
    stepper.restart.click()
    stepper.play(steps=8)
    stepper.join()
    assert stepper.done == 8 and np.isfinite(stepper.history["G"][-1][1])


def test_join_says_what_to_do(stepper):
    with pytest.raises(RuntimeError, match=r"call play\(steps=…\) first"):
        stepper.join()
    stepper.play()
    with pytest.raises(RuntimeError, match="press pause first"):
        stepper.join()


@pytest.mark.parametrize("steps", [0, -1, 2.5])
def test_stepper_plays_whole_numbers_of_phases(stepper, steps):
    with pytest.raises(ValueError, match=r"use a whole number of 1 or more, or None"):
        stepper.play(steps)
    assert not stepper.playing


def test_stepper_refuses_other_models():
    with pytest.raises(ValueError, match=r"draws \(None, 3\): the stepper needs 2-D points"):
        widgets.GanStepper(lambda: build(width=3))
    parts = build()
    with pytest.raises(ValueError, match="not compiled"):
        widgets.GanStepper(lambda: gan.GAN(parts.generator, parts.discriminator))
    inputs = [[keras.Input((wide,)), keras.Input((3,))] for wide in (3, 2)]
    dense = [keras.layers.Dense(outputs) for outputs in (2, 1)]
    networks = [
        keras.Model(pair, layer(keras.layers.Concatenate()(pair)))
        for pair, layer in zip(inputs, dense, strict=True)
    ]
    with pytest.raises(ValueError, match="take conditions: the stepper needs networks without"):
        widgets.GanStepper(lambda: gan.GAN(*networks))


@pytest.fixture
def quiz():
    real, fake = np.full((30, 8, 8, 1), 0.9), np.full((30, 8, 8, 1), 0.1)
    return widgets.Quiz(real, fake, questions=10)


def test_quiz_keeps_score(quiz):
    for number, truth in enumerate(quiz.truth):
        assert quiz.pictures[number].mean() == pytest.approx(0.9 if truth else 0.1)
        before = quiz.image.value, quiz.strip.value
        wrong = number in (2, 5)
        (quiz.real if truth != wrong else quiz.generated).click()
        assert quiz.caption.text.startswith("Wrong" if wrong else "Right")
        assert quiz.strip.value != before[1]
    assert "8 of 10 right" in quiz.caption.text and "Press again" in quiz.caption.text
    assert quiz.real.disabled and quiz.generated.disabled


def test_quiz_scores_each_kind_as_d_does(quiz):
    for _ in range(10):
        quiz.real.click()
    right = int(quiz.truth.sum())
    assert f"{right} of 10 right (real 100%, generated 0%)" in quiz.caption.text


def test_quiz_ignores_answers_after_the_last_and_begins_again(quiz):
    first = quiz.truth
    for _ in range(12):
        quiz.answer(True)
    assert len(quiz.answers) == 10
    quiz.again.click()
    assert quiz.answers == [] and not quiz.real.disabled
    assert quiz.caption.text == "Real or generated?" and not np.array_equal(first, quiz.truth)


def test_quiz_frames_right_and_wrong_apart(quiz):
    quiz.answer(bool(quiz.truth[0]))
    quiz.answer(not quiz.truth[1])
    strip, cell = quiz._answered(), 7 * 8 + 8 + 4
    np.testing.assert_allclose(strip[0, 0], quiz.RIGHT, rtol=1e-6)
    np.testing.assert_allclose(strip[0, cell], quiz.WRONG, rtol=1e-6)


def test_quiz_refuses_pictures_that_do_not_fit():
    small, large = np.zeros((20, 8, 8, 1)), np.zeros((20, 9, 9, 1))
    with pytest.raises(ValueError, match="use one shape"):
        widgets.Quiz(small, large)
    with pytest.raises(ValueError, match="20 real and 20 generated pictures for 21 questions"):
        widgets.Quiz(small, small, questions=21)
    with pytest.raises(ValueError, match="questions is 0"):
        widgets.Quiz(small, small, questions=0)
    with pytest.raises(ValueError, match="and squares"):
        widgets.Quiz(small[:, :4], small[:, :4])
    with pytest.raises(ValueError, match="images reach from -1 to -1: scale them"):
        widgets.Quiz(small, small - 1)


def test_labels_and_static_pictures(stepper, quiz):
    for lab in (stepper, quiz):
        assert lab._repr_mimebundle_()[0]["text/plain"] == f"<{lab.title}; nothing to show yet>"
        parts = list(every_control(lab))
        named = (ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.Dropdown)
        assert all(part.description for part in parts if isinstance(part, named))
        pictures = [part for part in parts if isinstance(part, ipywidgets.Image)]
        assert len(pictures) == len(lab.caption.alternatives)
        assert lab.picture().shape[2] == 3 and size(pictures[0].value)[0] > 150
