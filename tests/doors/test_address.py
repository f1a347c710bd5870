"""A notebook that is opened alone finds the labs, or fetches them from where they are published."""

import json
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
from conftest import ROOT, load

ADDRESS = load(".ci/address.py", "address")
PLACE = "https://github.com/somebody/labs"
WRITTEN = ["README.md", "pyproject.toml", ".ci/first_cell.py"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def copy(tmp_path):
    """What an address is written to."""
    for name in [*WRITTEN, *(f"notebooks/{path.name}" for path in NOTEBOOKS)]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(path):
    return nbformat.read(path, as_version=4).cells


def address_now():
    """The address in pyproject; empty while there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project.get("urls", {}).get("Repository", "")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_same_cell(path):
    first = next(cell for cell in cells(path) if cell.cell_type == "code")
    assert first.source == ADDRESS.first_cell(ROOT, address_now()) and first.outputs == []


def test_the_project_says_the_same_address_everywhere(copy):
    before = contents(copy)
    ADDRESS.write(copy, address_now())
    assert contents(copy) == before


def test_an_address_is_written_with_its_badges_and_nothing_else(copy):
    before = contents(copy)
    ADDRESS.write(copy, PLACE)
    after = contents(copy)
    assert f'Repository = "{PLACE}"' in (copy / "pyproject.toml").read_text()
    for path in copy.glob("notebooks/*"):
        title, first = cells(path)[:2]
        (line,) = [part for part in title.source.splitlines() if part.startswith("[![")]
        opened = f"github/somebody/labs/blob/{ADDRESS.release(ROOT)}/notebooks/{path.name})"
        assert f"https://colab.research.google.com/{opened}" in line and line.count("[![") == 3
        assert f'ADDRESS, RELEASE = "{PLACE}", "v' in first.source
    assert [path for path in before if before[path] == after[path]] == [copy / WRITTEN[2]]
    ADDRESS.write(copy, PLACE)
    assert contents(copy) == after
    ADDRESS.write(copy, address_now())
    assert contents(copy) == before


def test_a_new_notebook_gets_the_cell_and_keeps_its_order(copy):
    path = copy / "notebooks" / NOTEBOOKS[3].name
    notebook = json.loads(path.read_text())
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    notebook["cells"].remove(codes[0])
    for count, cell in enumerate(codes[1:], 1):
        cell["execution_count"] = count
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    ADDRESS.write(copy, address_now())
    assert path.read_bytes() == NOTEBOOKS[3].read_bytes()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:somebody/labs.git", PLACE),
        ("ssh://git@github.com/somebody/labs", PLACE),
        ("https://github.com/somebody/labs.git", PLACE),
        ("https://gitlab.com/group/sub/labs/", "https://gitlab.com/group/sub/labs"),
    ],
)
def test_an_address_is_read_from_every_kind_of_remote(remote, address):
    assert ADDRESS.from_remote(remote) == address


@pytest.mark.parametrize("remote", ["", "/home/me/labs", "../labs", "file:///home/me/labs"])
def test_a_remote_that_nobody_else_can_reach_is_refused(remote):
    with pytest.raises(ValueError, match=f"origin is '{remote}': publish the project"):
        ADDRESS.from_remote(remote)


def test_a_project_elsewhere_than_github_has_an_address_without_badges(copy):
    ADDRESS.write(copy, "https://gitlab.com/group/labs")
    assert "[![Open" not in (copy / "README.md").read_text()
    assert "gitlab.com/group/labs" in cells(next(copy.glob("notebooks/*")))[1].source


def run_alone(folder, address, *options):
    """What the first cell says in an empty folder, under a Python that has no `helpers`."""
    code = ADDRESS.first_cell(ROOT, address)
    command = [sys.executable, "-I", *options, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_without_an_address_the_cell_says_so(tmp_path):
    done = run_alone(tmp_path, "", "-S")
    assert done.returncode == 1
    assert done.stderr == "The labs could not be fetched from an address not yet set.\n"


def test_an_address_that_is_gone_is_named(tmp_path):
    done = run_alone(tmp_path, f"file://{tmp_path}/nowhere", "-S")
    assert done.returncode == 1 and "nowhere" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[-1] == (
        f"The labs could not be fetched from file://{tmp_path}/nowhere."
    )


def test_where_the_labs_are_the_cell_does_nothing(tmp_path):
    done = run_alone(tmp_path, PLACE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
