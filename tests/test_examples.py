"""The examples in the formulas' docstrings give the numbers that stand beneath them."""

import doctest
import inspect
import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from helpers import flow, latent, layers, losses, penalties, runtime

MODULES = (layers, penalties, losses, latent, flow)
WITHOUT = {
    *("check_game", "check_penalty"),  # refuse, or say nothing
    *("Corruption", "InstanceNoise", "KeptGaussianDropout", "DiffAugment"),  # draw at random
    *("RandomLayer", "as_tensors", "weigh", "Flow"),  # serve the formulas and are none
    *("bernoulli_nats", "undecided_logit"),  # the mean of an example's numbers; two numbers
}


def formulas(module):
    """Public functions and classes that a module defines."""
    for name, thing in vars(module).items():
        kind = inspect.isfunction(thing) or inspect.isclass(thing)
        if kind and not name.startswith("_") and thing.__module__ == module.__name__:
            yield name, thing


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_hold(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_formula_has_an_example(module):
    without = {name for name, thing in formulas(module) if ">>>" not in thing.__doc__}
    assert without <= WITHOUT


def test_the_loss_that_contributing_adds_is_right_and_its_test_notices_a_fault():
    """The page's three blocks of code: the formula, its test, and the cell of a lab."""
    page = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
    blocks = re.findall(r"^   ```python\n(.*?)^   ```", page, flags=re.S | re.M)
    formula, test, cell = (textwrap.dedent(block) for block in blocks)
    names = {"as_tensors": penalties.as_tensors, "ops": keras.ops, "tf": tf, "np": np}
    names |= {"pytest": pytest, "scipy": scipy, "runtime": runtime}
    x, y = np.random.default_rng(0).uniform(0, 1, (2, 3, 4, 4, 1))
    for delta in (0.1, 30.0):
        exec(formula + test, names)
        names["test_pseudo_huber_is_that_of_scipy"]((2, 3, 4, 3), delta)
        exec(cell, {**names, "x": x, "y": y, "delta": delta})
        exec(formula.replace("delta**2", "delta"), names)
        with pytest.raises(AssertionError):
            names["test_pseudo_huber_is_that_of_scipy"]((2, 3, 4, 3), delta)
    exec(formula, names)
    example = doctest.DocTestFinder().find(names["pseudo_huber_per_image"], "it", globs=names)[0]
    assert doctest.DocTestRunner().run(example) == (0, 1)
