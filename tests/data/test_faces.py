"""Faces are drawn as their labels say, the same for the same seed, and cached by their recipe."""

import itertools

import numpy as np
import pytest

from helpers import data
from helpers.data import cache, faces


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("GDL_HOME", str(tmp_path))
    return tmp_path


def face(**changes):
    """A face whose factors all have their first value, but for the changes."""
    values = dict.fromkeys(faces.FACTORS, 0) | changes
    chosen = {factor: faces.FACTORS[factor][value][0] for factor, value in values.items()}
    return {**chosen, "view": f"{faces.LEFT} {faces.TOP} {faces.SIDE} {faces.SIDE}"}


@pytest.mark.parametrize("factor", faces.FACTORS)
def test_every_value_of_every_factor_can_be_seen(factor):
    hair = {} if factor == "hair_length" else {"hair_length": 1}
    count = len(faces.FACTORS[factor])
    drawn = [faces.render(face(**hair, **{factor: value}), 48) for value in range(count)]
    for first, second in itertools.combinations(drawn, 2):
        assert np.abs(first.astype(int) - second).max() > 12


@pytest.mark.parametrize("hair", [h for cuts in faces.FACTORS["hair_length"] for h in cuts])
@pytest.mark.parametrize("factor", ["glasses", "beard", "smile"])
def test_no_hair_hides_what_a_label_says(factor, hair):
    plain, changed = (
        faces.render({**face(**{factor: value}), "hair_length": hair}, 64).astype(int)
        for value in (0, 1)
    )
    assert np.sum(np.abs(changed - plain).max(axis=-1) > 20) > 25


@pytest.mark.parametrize("factor", faces.FACTORS)
def test_no_drawing_belongs_to_two_values(factor):
    drawings = [name for value in faces.FACTORS[factor] for name in value]
    assert len(drawings) == len(set(drawings))


def test_no_two_faces_are_equal():
    images = faces.draw(32, 1500, seed=0)["images"]
    assert len({image.tobytes() for image in images}) == 1500


def test_skin_and_background_have_the_colour_asked_for():
    pixels = faces.render(face(skin=4, background=2), 64)
    skin, background = (tuple(bytes.fromhex(c[1:])) for c in ("#614335", "#DCEFDC"))
    assert tuple(pixels[0, 0]) == background
    assert np.all(np.abs(pixels[28, 32].astype(int) - skin) <= 3)


def test_factors_are_even_and_independent():
    labels, _ = faces.plan(20_000, seed=0)
    for factor, values in faces.FACTORS.items():
        shares = np.bincount(labels[factor], minlength=len(values)) / 20_000
        np.testing.assert_allclose(shares, 1 / len(values), atol=0.015)
    correlations = np.corrcoef(np.stack(list(labels.values())))
    assert np.abs(correlations - np.eye(len(labels))).max() < 0.03


def test_a_longer_plan_begins_with_the_shorter():
    short, long = faces.plan(10, seed=3), faces.plan(50, seed=3)
    assert short[1] == long[1][:10] and faces.plan(10, seed=4)[1] != short[1]


def test_cores_change_nothing_and_a_terminal_sees_progress(monkeypatch, capsys):
    alone = faces.draw(16, 60, seed=1)
    monkeypatch.setattr(faces, "CHUNK", 20)
    monkeypatch.setattr(faces.sys.stderr, "isatty", lambda: True, raising=False)
    together = faces.draw(16, 60, seed=1)
    for name in alone:
        np.testing.assert_array_equal(alone[name], together[name])
    assert "60 of 60" in capsys.readouterr().err


def test_recipe_follows_everything_that_changes_the_pictures(monkeypatch):
    names = {faces.recipe(32, 10, 0), faces.recipe(64, 10, 0), faces.recipe(32, 10, 1)}
    monkeypatch.setitem(faces.FACTORS, "beard", (("NONE",), ("BEARD_LIGHT",)))
    assert len(names | {faces.recipe(32, 10, 0)}) == 4


def test_avatars_are_images_with_labels(home):
    avatars = data.avatars(size=32, count=12, seed=5)
    assert avatars.images.shape == (12, 32, 32, 3) and avatars.images.dtype == np.float32
    assert avatars.images.min() >= 0 and avatars.images.max() <= 1
    assert set(avatars.attributes) == set(faces.FACTORS)
    assert all(values.shape == (12,) for values in avatars.attributes.values())


def test_avatars_are_drawn_once_and_again_when_damaged(home, monkeypatch):
    drawn = []
    draw = faces.draw
    monkeypatch.setattr(faces, "draw", lambda *a: drawn.append(a) or draw(*a))
    first, second = data.avatars(16, 4, 0), data.avatars(16, 4, 0)
    np.testing.assert_array_equal(first.images, second.images)
    assert len(drawn) == 1
    (path,) = home.glob("avatars_16px_*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged .*replacing it"):
        third = data.avatars(16, 4, 0)
    np.testing.assert_array_equal(first.images, third.images)
    assert len(drawn) == 2


@pytest.mark.parametrize(("size", "count"), [(8, 10), (1024, 10), (32, 0)])
def test_sizes_out_of_range_are_named(size, count):
    with pytest.raises(ValueError, match=f"size is {size} and count {count}: use a size from 16"):
        data.avatars(size, count)


def test_a_seal_that_does_not_fit_is_noticed(home):
    cache.compute("thing", lambda: {"a": np.arange(3)})
    other = {"a": np.arange(4), cache.SEAL: np.array("0" * 64)}
    np.savez(home / "thing.npz", **other)
    with pytest.warns(UserWarning, match="wrong SHA-256"):
        again = cache.compute("thing", lambda: {"a": np.arange(3)})
    np.testing.assert_array_equal(again["a"], np.arange(3))
