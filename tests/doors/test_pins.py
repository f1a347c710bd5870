"""What Colab and Kaggle have installed is what the labs can use as it is."""

import re
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = ROOT / "tests" / "doors"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_THERE = {"python-avatars", "resvg-py"}  # the labs bring these, and they need nothing themselves


def pins(name):
    """Package to version of a list."""
    lines = (HERE / f"{name}.txt").read_text().splitlines()
    found = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(package): version for package, version in found}


def broken(dependencies, installed):
    """Those dependencies for which pip would replace what is installed."""
    wanted = [Requirement(entry) for entry in dependencies]
    known = [(entry, installed.get(canonicalize_name(entry.name))) for entry in wanted]
    return [str(entry) for entry, version in known if version and version not in entry.specifier]


@pytest.mark.parametrize("name", ["colab", "kaggle"])
def test_pip_leaves_alone_what_is_installed(name):
    assert broken(PROJECT["dependencies"], pins("colab") | pins(name)) == []


def test_a_dependency_that_would_be_replaced_is_seen():
    """The front end of `make lab` is one, so it is no base dependency."""
    lab = broken(PROJECT["optional-dependencies"]["lab"], pins("colab"))
    assert [re.match(r"\w+", entry).group() for entry in lab] == ["ipykernel", "ipywidgets"]
    assert broken(["Keras<3.13"], pins("colab")) == ["Keras<3.13"]
    assert broken(["anywidget>=0.9.22", "numpy"], pins("colab")) == ["anywidget>=0.9.22"]


def test_every_base_dependency_is_in_the_list_or_known_not_to_be():
    names = {canonicalize_name(Requirement(entry).name) for entry in PROJECT["dependencies"]}
    assert names - set(pins("colab")) == NOT_THERE


@pytest.mark.parametrize("version", ["3.12.13", "3.13.5"])
def test_the_python_of_colab_is_admitted(version):
    assert version in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_each_list_says_where_it_is_from_and_when():
    for name in ("colab", "kaggle"):
        text = (HERE / f"{name}.txt").read_text()
        assert re.search(r"\((googlecolab|Kaggle)/[\w-]+, [\w.-]+\.txt\).* 2026", text, re.S)
