"""Sliders, presets, random face and reset of the studio."""

import io

import ipywidgets
import numpy as np
import pytest
from conftest import every_control
from PIL import Image

from helpers import widgets

RNG = np.random.default_rng(0)
CODES = RNG.random((6, 3)).astype("float32") / 2


def decode(codes):
    """A flat 8x8 colour: the code is the colour."""
    return np.broadcast_to(np.clip(codes, 0, 1)[:, None, None, :], (len(codes), 8, 8, 3))


@pytest.fixture
def studio():
    red, green, blue = np.eye(3) / 2
    groups = {"warm": {"red": red}, "cold": {"green": green, "blue": blue}}
    presets = {"violet": {"red": 0.8, "blue": 0.6}, "dark": {"red": -1.0}}
    return widgets.FaceStudio(decode, CODES, groups, presets)


def shown(studio):
    """Before and after as the browser sees them, one colour each."""
    pixels = np.asarray(Image.open(io.BytesIO(studio.image.value))) / 255
    return pixels[4, 4], pixels[4, -4]


def test_a_slider_adds_its_direction_to_the_face_on_the_right(studio):
    studio.which.value = 2
    studio.sliders["green"].value = 0.5
    before, after = shown(studio)
    np.testing.assert_allclose(before, CODES[2], atol=0.01)
    np.testing.assert_allclose(after, CODES[2] + [0, 0.25, 0], atol=0.01)
    assert studio.caption.text == "Left: face 2. Right: green +0.50"


def test_a_direction_may_belong_to_the_face():
    own = np.zeros((6, 3))
    own[4, 1] = 0.5
    studio = widgets.FaceStudio(decode, CODES, {"own": {"green": own}}, {})
    studio.sliders["green"].value = 1.0
    np.testing.assert_allclose(*shown(studio), atol=0.01)
    studio.which.value = 4
    np.testing.assert_allclose(shown(studio)[1], CODES[4] + [0, 0.5, 0], atol=0.01)


def test_sliders_of_several_groups_add_up(studio):
    studio.sliders["red"].value, studio.sliders["blue"].value = 1.0, -0.5
    np.testing.assert_allclose(studio.code, CODES[0] + [0.5, 0, -0.25], atol=1e-6)


def test_a_preset_sets_its_sliders_and_clears_the_others(studio):
    studio.sliders["green"].value = 1.0
    studio.preset.value = "violet"
    assert {n: s.value for n, s in studio.sliders.items()} == {"red": 0.8, "green": 0, "blue": 0.6}
    np.testing.assert_allclose(shown(studio)[1], CODES[0] + [0.4, 0, 0.3], atol=0.01)


def test_reset_gives_the_face_back_and_the_preset_can_be_chosen_again(studio):
    studio.preset.value = "violet"
    studio.reset.click()
    np.testing.assert_allclose(*shown(studio), atol=0.01)
    assert "nothing moved yet" in studio.caption.text
    studio.preset.value = "violet"
    assert studio.sliders["red"].value == 0.8


def test_a_slider_moved_by_hand_frees_the_preset(studio):
    studio.preset.value = "violet"
    studio.sliders["blue"].value = 0.2
    assert studio.preset.value == "none" and studio.sliders["red"].value == 0.8
    studio.preset.value = "violet"
    assert studio.sliders["blue"].value == 0.6


def test_a_preset_draws_once(studio, monkeypatch):
    calls = []
    monkeypatch.setattr(studio, "decode", lambda codes: calls.append(codes) or decode(codes))
    studio.preset.value = "violet"
    assert len(calls) == 1


def test_random_faces_come_from_the_codes_and_keep_the_sliders(studio):
    studio.sliders["red"].value = 0.4
    seen = set()
    for _ in range(12):
        studio.another.click()
        seen.add(studio.which.value)
    assert len(seen) > 2 and studio.sliders["red"].value == 0.4


def test_names_picture_and_description(studio):
    named = (ipywidgets.FloatSlider, ipywidgets.IntSlider, ipywidgets.Dropdown, ipywidgets.Button)
    assert all(part.description for part in every_control(studio) if isinstance(part, named))
    assert len(studio.caption.alternatives) == 1 and studio.picture().shape[2] == 3
    assert {"image/png", "image/jpeg"} & set(studio._repr_mimebundle_()[0])


@pytest.mark.parametrize(
    ("groups", "presets", "sentence"),
    [
        ({}, {}, "There are 0 groups of sliders: give one to three"),
        ({str(n): {str(n): np.ones(3)} for n in range(4)}, {}, "There are 4 groups of sliders"),
        ({"a": {"x": np.ones(3)}, "b": {"x": np.ones(3)}}, {}, "Two sliders have one name"),
        ({"a": {"x": np.ones(2)}}, {}, r"Directions have shapes \{\(2,\)\}: use \(3,\)"),
        ({"a": {"x": np.ones(3)}}, {"p": {"x": 2.0}}, "values reach 2: .* stay within 1.5"),
        ({"a": {"x": np.ones(3)}}, {"none": {}}, 'name it otherwise than "none"'),
        ({"a": {"x": np.ones(3)}}, {"p": {"y": 1.0}}, "A preset moves y: there is no such slider"),
    ],
)
def test_a_studio_that_cannot_be(groups, presets, sentence):
    with pytest.raises(ValueError, match=sentence):
        widgets.FaceStudio(decode, CODES, groups, presets)
