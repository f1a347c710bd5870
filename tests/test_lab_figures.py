"""Figures that labs draw themselves: the lab's own function, on numbers whose picture is known."""

import nbformat
import numpy as np
import pytest
from conftest import ROOT

from helpers import plots


def function(lab, name, **known):
    """A function that a lab defines, without whatever else its cell does."""
    (path,) = (ROOT / "notebooks").glob(f"{lab}*.ipynb")
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    parts = [part for cell in cells for part in cell.split("\n\n\n")]
    space = {"plots": plots, "np": np, **known}
    exec(next(part for part in parts if part.startswith(f"def {name}(")), space)
    return space[name]


def test_clouds_share_the_plane_of_the_real_points():
    real, far = np.array([[-1.0, 0.0], [2.0, 1.0]]), np.full((3, 2), 50.0)
    clouds = function("09", "clouds", points=real)
    figure = clouds("two generators", {"near": real, "lost": far})
    assert [axes.get_title() for axes in figure.axes] == ["near", "lost"]
    assert all(axes.get_xlim() == pytest.approx((-2.6, 2.6)) for axes in figure.axes)


def test_versus_shows_each_seed_the_mean_and_how_far_they_reach():
    versus = function("12", "versus")
    figure = versus("runs", {"off": [1.0, 2.0, 6.0], "on": [4.0, 4.0, 4.0]}, "error", None)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["off", "on"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal([line.get_xdata() for line in dots], [[1, 2, 6], [4, 4, 4]])
    assert all(len(set(line.get_ydata())) == 3 for line in dots)
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "o"]
    wide, narrow = axes.patches
    assert means == [3, 4] and (wide.get_x(), wide.get_width()) == (1, 5)
    assert narrow.get_width() == 0 and axes.get_xlim()[0] == 0
    (axes,) = versus("signed", {"off": [-1.0, 1.0]}, "correlation", 0).axes
    assert axes.get_xlim()[0] < -1
