"""Paintings repeat with their seed, differ from one another, and keep their texture when scaled."""

import numpy as np
import pytest

from helpers import data
from helpers.data import paintings


@pytest.mark.parametrize("paint", paintings.PAINTINGS.values(), ids=paintings.PAINTINGS)
def test_a_seed_repeats_and_another_differs(paint):
    picture = paint(64, seed=3)
    assert picture.shape == (64, 64, 3) and picture.dtype == np.float32
    assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0.1
    np.testing.assert_array_equal(picture, paint(64, seed=3))
    assert np.abs(picture - paint(64, seed=4)).mean() > 0.05


@pytest.mark.parametrize("paint", paintings.PAINTINGS.values(), ids=paintings.PAINTINGS)
def test_a_small_painting_is_the_large_one_made_smaller(paint):
    large, small = paint(128), paint(64)
    halved = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(halved.ravel(), small.ravel())[0, 1] > 0.85


def test_style_images_hold_starry_night_and_five_of_our_own():
    styles = data.style_images(48)
    assert list(styles) == ["starry_night", *paintings.PAINTINGS] and len(styles) == 6
    assert all(picture.shape == (48, 48, 3) for picture in styles.values())
    red, green, blue = styles["starry_night"].mean(axis=(0, 1))
    assert blue > green > red


def test_starry_night_has_no_frame():
    night = data.load_image(data.STARRY_NIGHT)
    for edge in (night[:4], night[-4:], night[:, :4], night[:, -4:]):
        assert edge.mean() > 0.12


def test_photographs_come_with_scikit_image():
    photographs = data.photographs(40)
    assert set(photographs) == {"astronaut", "cat", "coffee", "rocket"}
    for picture in photographs.values():
        assert picture.shape == (40, 40, 3) and 0 <= picture.min() < picture.max() <= 1
