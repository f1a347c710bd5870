"""Each exercise that is declared: its solution passes, its mistakes are named, its cells stand."""

import ast
import functools
import os
import re

import keras
import nbformat
import numpy as np
import pytest
from conftest import ROOT, drawn_globally

from helpers import exercises
from helpers.exercises import epilogue, week1, week2, week3, week4

pytestmark = pytest.mark.usefixtures("exercise_folder")

WEEKS = {"01": week1, "02": week1, "03": week2, "04": week2, "05": week2, "06": week2}
WEEKS |= {
    "07": week3,
    "08": week3,
    "09": week4,
    "10": week4,
    "11": week4,
    "12": week4,
    "13": epilogue,
}
LAB = os.environ.get("GDL_LAB", "")
CHOSEN = [exercise for exercise in exercises.ALL if exercise.lab.startswith(LAB)]
MISTAKES = [(exercise, mistake) for exercise in CHOSEN for mistake in exercise.mistakes]
each = pytest.mark.parametrize("exercise", CHOSEN, ids=lambda e: f"{e.lab}-{e.name}")


@functools.cache
def cells(lab):
    (path,) = (ROOT / "notebooks").glob(f"{lab}*.ipynb")
    return nbformat.read(path, as_version=4).cells


@functools.cache
def imports(lab):
    """The names that a notebook imports."""
    code = "\n".join(cell.source for cell in cells(lab) if cell.cell_type == "code")
    kinds = (ast.Import, ast.ImportFrom)
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, kinds)]
    space = {}
    exec(compile(ast.Module(nodes, []), "imports", "exec"), space)
    return space


def calls(source):
    """Each call in a cell as its function's dotted name and the names among its arguments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), [a.id for a in node.args if isinstance(a, ast.Name)]


def place(exercise):
    """Number of the cell that holds an exercise's check, and the name of what is checked."""
    week = WEEKS[exercise.lab].__name__.rsplit(".", 1)[-1]
    wanted = f"exercises.{week}.check_{exercise.name}"
    found = [
        (number, names[0])
        for number, cell in enumerate(cells(exercise.lab))
        if cell.cell_type == "code"
        for name, names in calls(cell.source)
        if name == wanted
    ]
    assert len(found) == 1, f"one cell calls {wanted}, and there are {len(found)}"
    return found[0]


def task(exercise):
    """The markdown cell before an exercise's code."""
    cell = cells(exercise.lab)[place(exercise)[0] - 1]
    assert cell.cell_type == "markdown"
    return cell.source


def folds(exercise):
    """Summary to text of each fold of an exercise's task."""
    pattern = r"<details><summary>(.*?)</summary>\n\n(.*?)\n\n</details>"
    return dict(re.findall(pattern, task(exercise), re.S))


def solution(exercise):
    (source,) = re.findall(r"```python\n(.*?)\n```", folds(exercise)["Solution"], re.S)
    return source


def definition(source, name):
    (node,) = [
        n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name
    ]
    return node


def run(source, lab):
    """Run a cell, knowing what its notebook imports."""
    exec(compile(source, "cell", "exec"), dict(imports(lab)))


@each
def test_the_solution_in_the_notebook_passes_and_is_remembered(exercise, capsys):
    number, name = place(exercise)
    source = cells(exercise.lab)[number].source
    stub = ast.get_source_segment(source, definition(source, name))
    run(source.replace(stub, solution(exercise)), exercise.lab)
    assert capsys.readouterr().out.startswith(f"✓ {exercise.title}: right for ")
    exercises.mine()
    line = next(s for s in capsys.readouterr().out.splitlines() if exercise.title in s)
    assert line.startswith(exercise.lab) and line.endswith("solved")


@each
def test_an_empty_body_is_quiet_and_saved_so(exercise, capsys):
    cell = cells(exercise.lab)[place(exercise)[0]]
    run(cell.source, exercise.lab)
    said = capsys.readouterr().out
    assert said == f"{exercise.title}: not written yet.\n"
    assert [output.text for output in cell.outputs] == [said]


@pytest.mark.parametrize(
    ("exercise", "mistake"), MISTAKES, ids=[f"{e.lab}-{e.name}-{m.name}" for e, m in MISTAKES]
)
def test_a_mistake_is_called_by_its_name_and_by_no_other(exercise, mistake):
    said = exercise.check(mistake.compute)
    assert said.startswith(f"✗ {exercise.title}: right for ")
    assert said.endswith(f"\n  This is {mistake.name}: {mistake.why}")
    assert said.count("This is ") == 1


@each
def test_the_task_has_a_hint_and_a_short_solution_with_the_same_signature(exercise):
    number, name = place(exercise)
    stub = definition(cells(exercise.lab)[number].source, name)
    whole = definition(solution(exercise), name)
    assert list(folds(exercise)) == ["Hint", "Solution"]
    assert ast.unparse(whole.args) == ast.unparse(stub.args)
    assert ast.get_docstring(stub) == ast.get_docstring(whole) and len(stub.body) == 2
    assert 1 <= whole.end_lineno - whole.body[1].lineno + 1 <= 12


@each
def test_what_is_written_is_used_afterwards(exercise):
    number, name = place(exercise)
    later = [cell.source for cell in cells(exercise.lab)[number + 1 :] if cell.cell_type == "code"]
    used = [names for source in later for call, names in calls(source) if call == "exercises.use"]
    assert any(names and names[0] == name for names in used)


@each
def test_a_check_draws_nothing_from_the_global_generators(exercise):
    keras.utils.set_random_seed(6)
    expected = [*drawn_globally(), *drawn_globally()]
    keras.utils.set_random_seed(6)
    before = drawn_globally()
    exercise.check(exercise.mistakes[0].compute)
    for drawn, without in zip([*before, *drawn_globally()], expected, strict=True):
        np.testing.assert_array_equal(drawn, without)


@each
def test_the_check_of_an_exercise_explains_itself_and_knows_four_mistakes(exercise):
    check = getattr(WEEKS[exercise.lab], f"check_{exercise.name}")
    assert check.__doc__.startswith(f"Lab {exercise.lab}: ")
    assert len({mistake.name for mistake in exercise.mistakes}) >= 4
    assert all(mistake.why.endswith(".") for mistake in exercise.mistakes)


@pytest.mark.parametrize("lab", sorted({exercise.lab for exercise in CHOSEN}))
def test_a_lab_has_two_exercises_under_their_heading_before_the_predictions(lab):
    names = [exercise.name for exercise in exercises.ALL if exercise.lab == lab]
    assert len(names) == len(set(names)) >= 2
    text = "\n".join(cell.source for cell in cells(lab) if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings.count("Your turn") == 1
    assert headings.index("Your turn") + 1 == headings.index("Predict, then run")
