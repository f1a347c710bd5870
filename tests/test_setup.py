"""The doors into the project say the same thing, and each missing piece gets a sentence."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import load

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def bootstrap():
    return load(".ci/bootstrap.py", "bootstrap")


def test_environment_yml_says_what_pyproject_says():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip" and list(packages) == ["pip"]
    (install,) = packages["pip"]
    (extra,) = re.fullmatch(r"-e \.\[(\w+)\]", install).groups()
    assert extra in PROJECT["optional-dependencies"]


def test_gpu_line_is_the_same_everywhere():
    assert PROJECT["optional-dependencies"]["gpu"] == ["tensorflow[and-cuda]"]
    for name in ("environment.yml", "README.md"):
        assert 'pip install -e ".[gpu]"' in (ROOT / name).read_text()


def test_every_dependency_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    extras = PROJECT["optional-dependencies"]
    for entry in [*PROJECT["dependencies"], *extras["test"], *extras["gpu"]]:
        assert re.search(rf'"{re.escape(entry)}"[^\n]*# \S', text), f"{entry} has no reason"


def test_bootstrap_and_pyproject_agree_on_python(bootstrap):
    oldest, too_new = (".".join(map(str, v)) for v in (bootstrap.OLDEST, bootstrap.TOO_NEW))
    assert PROJECT["requires-python"] == f">={oldest},<{too_new}"


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_wrong_python_is_named(bootstrap, version):
    with pytest.raises(SystemExit, match=r"need Python 3\.11, 3\.12 or 3\.13 .*PYTHON=python3\.12"):
        bootstrap.check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 13)])
def test_right_python_passes(bootstrap, version):
    assert bootstrap.check_python(version) is None


def test_missing_venv_module_is_named(bootstrap, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        bootstrap.check_venv_module()


def test_full_disk_is_named(bootstrap):
    with pytest.raises(SystemExit, match=r"need 5 GB .* has 1\.0 GB free\. Free some space"):
        bootstrap.check_disk(free_bytes=1e9)
    assert bootstrap.check_disk(free_bytes=50e9) is None


@pytest.mark.parametrize("found", ["chromium", "google-chrome"])
def test_a_chromium_that_is_there_is_taken(bootstrap, monkeypatch, found):
    monkeypatch.setattr(bootstrap.shutil, "which", {found: f"/bin/{found}"}.get)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *a, **k: pytest.fail("fetched another"))
    assert bootstrap.chromium() == f"/bin/{found}" and bootstrap.get_chromium() is None


@pytest.mark.parametrize(("code", "said"), [(0, ""), (1, "browser tests will be skipped")])
def test_where_there_is_no_chromium_playwright_is_asked(bootstrap, monkeypatch, capsys, code, said):
    asked = []

    def answer(command, **how):
        asked.append(command[1:])
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap.subprocess, "run", answer)
    bootstrap.get_chromium()
    assert asked == [["-m", "playwright", "install", "chromium"]]
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\n") == (1 if code else 0)


def test_what_labs_import_was_compiled_once(bootstrap):
    """Else, where PYTHONDONTWRITEBYTECODE is set, each kernel compiles TensorFlow anew."""
    look = "import importlib.util as u, os; print(os.path.exists(u.find_spec({0!r}).cached))"
    for package in ("tensorflow", "keras", "sklearn.mixture", "ipykernel.kernelapp"):
        code = [sys.executable, "-c", look.format(package)]
        done = subprocess.run(code, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "True", package


def test_bootstrap_parses_on_old_pythons():
    source = (ROOT / ".ci/bootstrap.py").read_text()
    assert ast.parse(source, feature_version=(3, 7)).body


@pytest.mark.parametrize("name", ["gdl-cpu", "gdl-gpu"])
def test_kernels_are_registered_with_their_device(name, bootstrap):
    spec = json.loads((Path(sys.prefix) / f"share/jupyter/kernels/{name}/kernel.json").read_text())
    assert spec["env"] == bootstrap.KERNELS[name][1]
    assert spec["argv"][0].startswith(sys.prefix)


def test_gpu_kernel_fails_clearly_without_a_gpu():
    environment = {**os.environ, "GDL_KERNEL": "gdl-gpu", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, ROOT / "tests/run.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "This kernel is for a GPU and TensorFlow sees none" in done.stdout + done.stderr


def test_unknown_lab_fails_clearly():
    environment = {**os.environ, "GDL_LAB": "99"}
    done = subprocess.run(
        [sys.executable, ROOT / "tests/run.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and "No notebook begins with 99" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GDL_KERNEL", "julia", "There is no kernel julia: use KERNEL=gdl-cpu or KERNEL=gdl-gpu"),
        ("GDL_JOBS", "many", "JOBS is many: use a whole number"),
    ],
)
def test_unknown_kernel_and_jobs_fail_clearly(name, value, sentence):
    environment = {**os.environ, name: value}
    command = [sys.executable, ROOT / "tests/run.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and sentence in done.stderr


def test_local_links_of_the_pages_exist():
    for page in ("README.md", "CONTRIBUTING.md", "DATA.md"):
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("http"):
                assert (ROOT / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(("page", "most"), [("README.md", 150), ("CONTRIBUTING.md", 80)])
def test_pages_stay_short(page, most):
    assert len((ROOT / page).read_text().splitlines()) <= most


def functions(path):
    """Each function of a module with its lines of code, docstring left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node, node.end_lineno - body[0].lineno + 1 if body else 0


def test_no_helper_is_longer_than_a_chapter():
    for path in (ROOT / "helpers").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 367, path


@pytest.mark.parametrize("path", sorted((ROOT / "helpers").rglob("*.py")), ids=lambda p: p.stem)
def test_helpers_are_short_functions_with_docstrings(path):
    for node, lines in functions(path):
        assert lines <= 28, f"{node.name} has {lines} lines"
        if node.col_offset == 0 and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


# Rooms and files of the ground floor, lowest first; a module imports from its own and those below.
FLOORS = [
    *("runtime", "data", "layers", "penalties", "losses", "latent", "autoencoder", "vae", "gan"),
    *("pretrained", "style", "plots", "metrics", "training", "exercises", "widgets"),
]
GROUND = {"runtime", "layers", "penalties", "losses", "latent"}
GROUND |= {"autoencoder", "vae", "gan", "style", "plots"}


def imported_helpers(source: str):
    """Dotted names below `helpers` that a module asks for, in whatever way and wherever."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: name the package in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            names = [ast.unparse(node.args[0]).removeprefix("f").strip("'")]
        yield from (n.removeprefix("helpers.") for n in names if n.split(".")[0] == "helpers")


def floor_of(name: str) -> int:
    """The place of a module, or of a name in one, among the floors; unknown ones lie above all."""
    fitting = [floor for floor in FLOORS if f"{name}.".startswith(f"{floor}.")]
    return FLOORS.index(max(fitting, key=len)) if fitting else len(FLOORS)


def climbs(module: str, source: str) -> list[str]:
    """What a module imports from a floor above its own."""
    return [name for name in imported_helpers(source) if floor_of(name) > floor_of(module)]


def test_a_helper_imports_only_from_lower_floors():
    helpers = ROOT / "helpers"
    for path in set(helpers.rglob("*.py")) - {helpers / "__init__.py"}:
        module = ".".join(path.relative_to(helpers).with_suffix("").parts)
        assert floor_of(module) < len(FLOORS), f"{path} stands on no floor"
        assert climbs(module, path.read_text()) == [], f"{path} imports from above"


@pytest.mark.parametrize(
    "line",
    [
        "from helpers import losses, metrics",
        "from helpers import (\n    losses,\n    metrics,\n)",
        "from helpers.metrics import psnr",
        "from helpers.metrics.filters import tune as best",
        "import helpers.metrics",
        "import helpers.metrics.filters as filters",
        "def learn():\n    from helpers import metrics",
        "import importlib\nimportlib.import_module('helpers.metrics')",
        "importlib.import_module(f'helpers.{name}')",
        "__import__('helpers.metrics')",
    ],
)
def test_every_way_of_importing_from_above_is_seen(line):
    assert climbs("vae", line)
    assert climbs("widgets.base", line.replace("{name}", "metrics")) == []


def test_the_ground_floor_has_eleven_files():
    """What a learner meets first; everything else has a room."""
    assert {path.stem for path in (ROOT / "helpers").glob("*.py")} == {"__init__", *GROUND}
