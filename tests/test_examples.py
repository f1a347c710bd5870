"""The examples in the formulas' docstrings give the numbers that stand beneath them."""

import doctest
import inspect

import pytest

from helpers import latent, layers, losses, penalties

MODULES = (layers, penalties, losses, latent)
WITHOUT = {
    *("check_game", "check_penalty"),  # refuse, or say nothing
    *("Corruption", "InstanceNoise", "KeptGaussianDropout", "DiffAugment"),  # draw at random
    *("RandomLayer", "as_tensors", "weigh"),  # serve the formulas and are none
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
