"""What a reader of the saved notebooks relies on, checked without running them."""

import ast
import os
import re
import statistics
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
LAB = os.environ.get("GDL_LAB", "")
NOTEBOOKS = sorted((ROOT / "notebooks").glob(f"{LAB}*.ipynb"))
STANDARD_BUDGET = {"cells": (27, 59), "words": (900, 1800)}
BUDGETS = {
    "00_start_here": {"cells": (11, 27), "words": (300, 1300)},
    "12_gan_tricks": {"cells": (53, 89), "words": (1300, 2400)},  # seventeen of them
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def sources(notebook, kind):
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def words(text):
    """Words a reader reads: no link targets, no formulas, nothing folded away."""
    text = re.sub(r"<details>.*?</details>", " ", text, flags=re.S)
    return len(re.sub(r"\]\([^)]*\)|\$[^$]*\$", " ", text).split())


def tree(notebook):
    return ast.parse("\n".join(sources(notebook, "code")))


def helper_names():
    """Functions and classes that helpers define, read without importing them."""
    modules = [ast.parse(file.read_text()) for file in (ROOT / "helpers").rglob("*.py")]
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for module in modules for node in module.body if isinstance(node, kinds)}


def test_there_are_notebooks():
    assert NOTEBOOKS, f"no notebook begins with {LAB!r}: see notebooks/"


def test_is_valid_and_of_kernel_python3(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_every_code_cell_was_run_in_order(notebook):
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_no_saved_error_or_warning(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


def test_no_saved_output_holds_an_address(notebook):
    """An object's address differs from run to run, so nbval would fail on it."""
    texts = [
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    assert not [text for text in texts if " at 0x" in text]


def test_nothing_is_left_to_be_filled_in(notebook):
    text = "\n".join(sources(notebook, "markdown"))
    assert not re.findall(r"\bSEC\d\d\b|TODO|FIXME|XXX|\?\?\?", text)


def test_no_widget_state_but_a_picture_for_each_widget(notebook):
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {}))
            assert not any("widget" in kind for kind in kinds)
            pictures, words = {"image/png", "image/jpeg"}, {"text/plain", "text/html"}
            assert not kinds or kinds & pictures or kinds <= words


def test_size_and_length_budgets(path, notebook):
    budget = BUDGETS.get(path.stem, STANDARD_BUDGET)
    code = [
        len([line for line in s.splitlines() if line.strip()]) for s in sources(notebook, "code")
    ]
    prose = sum(words(source) for source in sources(notebook, "markdown"))
    assert path.stat().st_size < 1_000_000
    assert budget["cells"][0] <= len(notebook.cells) <= budget["cells"][1]
    assert budget["words"][0] <= prose <= budget["words"][1]
    assert max(code) <= 25 and statistics.median(code) <= 12


def test_prose_stands_around_the_code(notebook):
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[0] == kinds[-1] == "markdown"
    del kinds[1]  # the first code cell, which fetches the labs
    runs = re.findall("c+", "".join(kind[0] for kind in kinds))
    assert max(len(run) for run in runs) <= 3


def test_every_import_is_declared(notebook):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    allowed = {re.split(r"[<>=\[ ]", entry)[0].lower() for entry in declared}
    imported = set()
    for node in ast.walk(tree(notebook)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    known = packages_distributions()
    for name in imported - set(sys.stdlib_module_names) - {"helpers"}:
        assert {package.lower() for package in known[name]} & allowed, f"{name} is not declared"


def test_local_links_and_pictures_exist(path, notebook):
    text = "\n".join(sources(notebook, "markdown"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith(("http", "#")):
            assert (path.parent / target.split("#")[0]).exists(), target


def test_nothing_is_defined_that_helpers_have(notebook):
    kinds = (ast.FunctionDef, ast.ClassDef)
    defined = {node.name for node in ast.walk(tree(notebook)) if isinstance(node, kinds)}
    assert not defined & helper_names()


def test_lab_expects_numbers(path, notebook):
    assert "runtime.prepare(seed=" in sources(notebook, "code")[1]
    assert "runtime.expect(" in "\n".join(sources(notebook, "code"))


def test_no_magic_and_no_pyplot(notebook):
    text = "\n".join(sources(notebook, "code"))
    assert not re.search(r"^\s*[%!]", text, re.M) and "pyplot" not in text
