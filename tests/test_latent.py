"""Paths against SciPy's Slerp and the geometry they promise."""

import numpy as np
import pytest
from scipy.spatial import geometric_slerp
from scipy.stats import norm

from helpers import latent

RNG = np.random.default_rng(0)


def unit(dimensions):
    vector = RNG.normal(size=dimensions)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("dimensions", [2, 3, 16])
def test_slerp_matches_scipy_on_the_unit_sphere(dimensions):
    a, b, t = unit(dimensions), unit(dimensions), np.linspace(0, 1, 9)
    np.testing.assert_allclose(latent.slerp(a, b, t), geometric_slerp(a, b, t), atol=1e-9)


@pytest.mark.parametrize("path", [latent.lerp, latent.slerp])
def test_paths_begin_and_end_where_they_should(path):
    a, b = RNG.normal(size=(2, 5))
    np.testing.assert_allclose(path(a, b, 0), a)
    np.testing.assert_allclose(path(a, b, 1), b)
    assert path(a, b, 0.3).shape == (5,) and path(a, b, [0.1, 0.2, 0.3]).shape == (3, 5)


def test_slerp_keeps_a_common_norm_and_lerp_does_not():
    a, b = 3 * unit(16), 3 * unit(16)
    norms = np.linalg.norm(latent.slerp(a, b, np.linspace(0, 1, 11)), axis=1)
    np.testing.assert_allclose(norms, 3)
    assert np.linalg.norm(latent.lerp(a, b, 0.5)) < 2.7


def test_slerp_moves_the_norm_evenly():
    norms = np.linalg.norm(latent.slerp(2 * unit(4), 6 * unit(4), np.linspace(0, 1, 5)), axis=1)
    np.testing.assert_allclose(norms, [2, 3, 4, 5, 6])


@pytest.mark.parametrize("dimensions", [2, 3, 16])
def test_slerp_between_opposite_codes_keeps_the_norm(dimensions):
    a = unit(dimensions)
    path = latent.slerp(a, -a, np.linspace(0, 1, 7))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1)
    np.testing.assert_allclose(path[-1], -a, atol=1e-12)
    np.testing.assert_allclose(path[3] @ a, 0, atol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 2.5, 1.0 + 1e-9])
def test_slerp_between_parallel_codes_is_straight(factor):
    a = unit(3)
    t = np.linspace(0, 1, 5)
    np.testing.assert_allclose(latent.slerp(a, factor * a, t), latent.lerp(a, factor * a, t))


def test_slerp_from_zero_is_straight():
    a = unit(3)
    np.testing.assert_allclose(latent.slerp(0 * a, a, 0.25), 0.25 * a)


def test_quantile_grid_cuts_the_prior_evenly():
    grid = latent.quantile_grid(10)
    assert grid.shape == (100, 2)
    np.testing.assert_allclose(norm.cdf(grid[:10, 0]), np.arange(0.05, 1, 0.1))
    assert grid[0, 1] > grid[-1, 1] and grid[0, 0] < grid[9, 0]


def test_prior_codes_repeat_by_seed_and_are_normal():
    codes = latent.prior_codes(50_000, 2, seed=1)
    np.testing.assert_array_equal(codes, latent.prior_codes(50_000, 2, seed=1))
    np.testing.assert_allclose([codes.mean(), codes.std()], [0, 1], atol=0.01)


def clouds(count=4000, shift=(2.0, 1.0, 0.0)):
    """Codes of two groups, the second shifted, whose first two axes vary together."""
    values = RNG.integers(0, 2, count)
    noise = RNG.normal(size=(count, 3)) @ np.array([[1.0, 0.9, 0], [0, 0.3, 0], [0, 0, 1]])
    return noise + np.outer(values, shift), values


def test_direction_from_means_is_the_shift():
    codes, values = clouds()
    np.testing.assert_allclose(
        latent.attribute_direction(codes, values), [2.0, 1.0, 0.0], atol=0.15
    )


def test_direction_from_a_classifier_is_fishers_and_crosses_over():
    """Between two normal clouds of one covariance, logistic regression finds Fisher's normal."""
    codes, values = clouds()
    step = latent.attribute_direction(codes, values, "classifier")
    within = np.cov(np.vstack([codes[values == v] - codes[values == v].mean(0) for v in (0, 1)]).T)
    fisher = np.linalg.solve(within, [2.0, 1.0, 0.0])
    assert step @ fisher / np.linalg.norm(step) / np.linalg.norm(fisher) > 0.99
    arrived = (codes[values == 0].mean(axis=0) + step) @ fisher
    assert arrived == pytest.approx(codes[values == 1].mean(axis=0) @ fisher, rel=0.05)


@pytest.mark.parametrize("method", latent.DIRECTIONS)
def test_direction_of_many_values_joins_the_ends(method):
    values = np.repeat([0, 1, 2, 3], 50)
    codes = np.column_stack([values, RNG.normal(0, 0.01, 200)]).astype(float)
    np.testing.assert_allclose(latent.attribute_direction(codes, values, method)[0], 3.0, atol=0.05)


@pytest.mark.parametrize(
    ("values", "method", "sentence"),
    [
        ([0, 1, 0], "mean", "method is 'mean': use one of means, classifier"),
        ([1, 1, 1], "means", "3 codes and 3 values, 1 different: give one value per code and two"),
        ([0, 1], "means", "3 codes and 2 values, 2 different: give one value per code"),
    ],
)
def test_directions_that_cannot_be_had(values, method, sentence):
    with pytest.raises(ValueError, match=sentence):
        latent.attribute_direction(np.zeros((3, 2)), values, method)


def test_matched_directions_find_what_one_mean_cancels():
    """The attribute adds in one group what it takes away in the other."""
    values, groups = RNG.integers(0, 2, 4000), RNG.integers(0, 2, 4000)
    codes = RNG.normal(size=(4000, 2))
    codes[:, 0] += 3 * values * np.where(groups == 0, 1, -1)
    assert abs(latent.attribute_direction(codes, values)[0]) < 0.4
    arrows = latent.matched_directions(codes, values, groups, [0, 1, 1])
    np.testing.assert_allclose(arrows, [[3, 0], [-3, 0], [-3, 0]], atol=0.25)


def test_a_group_without_both_ends_takes_the_arrow_of_all():
    codes, values = clouds()
    groups = np.where(np.arange(len(codes)) < 3, 7, 0)
    everywhere = latent.attribute_direction(codes, np.where(groups == 7, 0, values))
    arrows = latent.matched_directions(codes, np.where(groups == 7, 0, values), groups, [7])
    np.testing.assert_array_equal(arrows[0], everywhere)


def test_mixture_draws_lie_where_the_codes_do():
    """Two far clouds: the draws have their shares, places and shapes, and none falls between."""
    left = RNG.multivariate_normal([-5, 0], [[1.0, 0.8], [0.8, 1.0]], 3000)
    right = RNG.multivariate_normal([5, 0], [[0.2, 0.0], [0.0, 2.0]], 1000)
    draws = latent.mixture_codes(np.concatenate([left, right]), 20_000, components=2, seed=1)
    on_the_left = draws[:, 0] < 0
    assert on_the_left.mean() == pytest.approx(0.75, abs=0.02)
    assert np.mean(np.abs(draws[:, 0]) < 1.0) < 0.001
    np.testing.assert_allclose(np.cov(draws[on_the_left].T), [[1, 0.8], [0.8, 1]], atol=0.1)
    first = on_the_left[:10_000].mean()
    assert first == pytest.approx(on_the_left.mean(), abs=0.03)
    again = latent.mixture_codes(np.concatenate([left, right]), 20_000, components=2, seed=1)
    np.testing.assert_array_equal(draws, again)


@pytest.mark.parametrize("count", [0, -1, 2.5, np.nan, np.inf, True, "3"])
def test_as_many_codes_as_none_are_named(count):
    calls = {
        "side": lambda: latent.quantile_grid(count),
        "count": lambda: latent.prior_codes(count, 2),
        "latent_dim": lambda: latent.prior_codes(2, count),
        "components": lambda: latent.mixture_codes(np.eye(5), 2, count),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"{name} is {count}: use a whole number of 1 or more"):
            call()


def test_values_that_are_not_finite_give_no_direction():
    codes, values = np.eye(4), np.array([0, 0, 1, 1.0])
    for where in (codes, values):
        kept, where.flat[0] = where.flat[0], np.nan
        with pytest.raises(
            ValueError, match="codes or values are not finite: look for what is NaN"
        ):
            latent.attribute_direction(codes, values)
        where.flat[0] = kept
