"""Every control of week 2's widgets changes the picture, and what is shown is what it says."""

import io

import numpy as np
import pytest
from conftest import every_control
from PIL import Image

from helpers import layers, metrics, widgets
from helpers.widgets import autoencoders

RNG = np.random.default_rng(0)


@pytest.fixture
def turner():
    points = RNG.normal(size=(50, 3))
    flat = points * [1, 1, 0]
    return widgets.CloudTurner(points, {"flat": flat, "whole": points})


@pytest.fixture
def walker(images):
    """Codes of 64 numbers that are the pixels themselves."""
    return widgets.UnitWalker(
        lambda codes: codes.reshape(-1, 8, 8, 1), images.reshape(-1, 64), images
    )


@pytest.fixture
def bench(images):
    return widgets.NoiseBench(images[:6], {"as it is": lambda x: x, "white": np.ones_like})


def test_each_control_of_the_turner_changes_the_picture(turner):
    moves = [(turner.code, "whole"), (turner.azimuth, 80), (turner.elevation, -30)]
    for control, value in moves:
        before = turner.image.value
        control.value = value
        assert turner.image.value != before
    assert turner.caption.text == "whole: mean squared error 0.0000"


def test_turner_names_the_error(turner):
    error = np.mean((turner.points - turner.reconstructions["flat"]) ** 2)
    assert turner.caption.text == f"flat: mean squared error {error:.4f}"


def test_walker_moves_one_unit_and_nothing_else(walker, images):
    walker.which.value, walker.unit.value = 7, 20
    assert walker.value.value == pytest.approx(images[7].ravel()[20], abs=0.011)
    before = walker.image.value
    walker.value.value = walker.value.max
    assert walker.image.value != before
    assert f"unit 20 moved from {images[7].ravel()[20]:.2f} to" in walker.caption.text
    moved = walker._moved([walker.value.value])[0].ravel()
    assert moved[20] == pytest.approx(walker.value.max, abs=1e-6)
    rest = np.arange(64) != 20
    np.testing.assert_array_equal(moved[rest], images[7].ravel()[rest])


def test_walker_slider_spans_what_the_unit_takes(walker, images):
    for unit in (0, 27, 63):
        walker.unit.value = unit
        values = images.reshape(-1, 64)[:, unit]
        assert walker.value.min == pytest.approx(values.min())
        assert walker.value.max == pytest.approx(max(values.max(), values.min() + 0.1))


def test_a_unit_that_never_moves_still_has_a_slider():
    images = np.ones((3, 4, 4, 1), "float32")
    walker = widgets.UnitWalker(lambda c: np.ones((len(c), 4, 4, 1)), np.zeros((3, 2)), images)
    assert walker.value.max > walker.value.min


@pytest.mark.parametrize("kind", layers.KINDS)
def test_bench_shows_and_scores_each_kind(bench, images, kind):
    bench.kind.value, bench.level.value = kind, 0.3
    noisy = np.array(layers.corrupt(images[:6], kind, 0.3, seed=bench.SEED))
    expected = metrics.psnr(images[:6], noisy)
    assert f"noisy {expected:.1f} dB, as it is {expected:.1f} dB, white" in bench.caption.text
    drawn = np.asarray(Image.open(io.BytesIO(bench.image.value)))[..., 0] / 255
    width = 2 * (6 * 10 - 2)
    assert drawn.shape[0] == 2 * (4 * 10 - 2) and drawn.shape[1] > width + 40  # names on the left
    np.testing.assert_allclose(drawn[20:36:2, -width:][:, :16:2], noisy[0, ..., 0], atol=0.01)


def test_level_zero_leaves_the_pictures(bench):
    bench.level.value = 0.0
    assert "noisy inf dB" in bench.caption.text


def test_each_has_a_static_picture_and_named_controls(turner, walker, bench):
    for lab in (turner, walker, bench):
        assert lab.picture().ndim == 3 and lab.caption.text
        assert {"image/png", "image/jpeg"} & set(lab._repr_mimebundle_()[0])
        for control in every_control(lab):
            if hasattr(control, "description") and hasattr(control, "value"):
                assert control.description


def test_turning_keeps_distances_and_faces_the_axes():
    points = RNG.normal(size=(20, 3))
    seen = autoencoders.turn(points, 37, -62)
    np.testing.assert_allclose(seen @ seen.T, points @ points.T, atol=1e-12)
    np.testing.assert_allclose(
        autoencoders.turn(np.eye(3), 0, 0), [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-12
    )


def test_cloud_shows_both_colours_and_hides_what_agrees():
    points = RNG.normal(size=(30, 3))
    apart = autoencoders.draw_cloud(points, points * [1, 1, 0], 30, 20)
    assert apart.shape == (420, 420, 3)
    orange = np.all(np.abs(apart - np.array([255, 127, 14]) / 255) < 0.02, axis=-1)
    blue = np.all(np.abs(apart - np.array([31, 119, 180]) / 255) < 0.02, axis=-1)
    assert orange.sum() > 300 and blue.sum() > 300
    together = autoencoders.draw_cloud(points, points, 30, 20)
    grey = np.all(np.abs(together - 0x55 / 255) < 0.02, axis=-1)
    lines = np.all(np.abs(apart - 0x55 / 255) < 0.02, axis=-1)
    assert grey.sum() < 0.1 * lines.sum()
