"""The clouds have the centres, the spread and the shares they promise."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest
from sklearn.datasets import make_moons

from helpers.data import toys

COUNTS = {"ring": 8, "grid": 25, "moons": 24, "line": 16}


@pytest.mark.parametrize("name", toys.TOYS)
def test_points_scatter_evenly_and_normally_around_the_centres(name):
    toy = toys.TOYS[name]()
    assert toy.centres.shape == (COUNTS[name], 2) and np.abs(toy.centres).max() <= 1.2
    wide = toy._replace(centres=1000 * toy.centres)
    points = wide.points(20_000)
    assert points.shape == (20_000, 2) and points.dtype == np.float32
    offsets = points[:, np.newaxis] - wide.centres
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    assert chisquare(np.bincount(nearest, minlength=COUNTS[name])).pvalue > 0.001
    away = offsets[np.arange(20_000), nearest]
    np.testing.assert_allclose(np.cov(away.T), toy.std**2 * np.eye(2), atol=1e-4)
    for column in away.T:
        assert kstest(column, "norm", (0, toy.std)).pvalue > 0.001


def test_ring_stands_on_the_unit_circle_at_equal_distances():
    centres = toys.ring(6).centres
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), np.ones(6))
    steps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(steps, np.ones(6))


def test_grid_is_square():
    expected = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    np.testing.assert_allclose(toys.grid(3).centres, expected)


def test_moons_are_scikit_learns_moved_and_scaled():
    rows, _ = make_moons(24, shuffle=False)
    np.testing.assert_allclose(1.5 * toys.moons().centres, rows - rows.mean(axis=0), atol=1e-12)


def test_line_has_one_dimension():
    centres = toys.line().centres
    assert np.linalg.matrix_rank(centres - centres.mean(axis=0)) == 1


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_centres_stand_far_apart(name):
    toy = toys.TOYS[name]()
    gaps = np.linalg.norm(toy.centres[:, np.newaxis] - toy.centres, axis=2)
    assert np.min(gaps[~np.eye(len(gaps), dtype=bool)]) > 6 * toy.std


def test_the_same_seed_repeats_and_another_does_not():
    toy = toys.ring()
    np.testing.assert_array_equal(toy.points(50, seed=1), toy.points(50, seed=1))
    assert not np.array_equal(toy.points(50, seed=1), toy.points(50, seed=2))
