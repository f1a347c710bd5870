"""The doors into the project say the same thing, and each missing piece gets a sentence."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
import types
from pathlib import Path

import nbclient
import nbformat
import pytest
import yaml
from conftest import load
from jupyter_client import KernelManager

from helpers import runtime

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, TOOLS = PYPROJECT["project"], PYPROJECT["tool"]


@pytest.fixture
def bootstrap(monkeypatch, tmp_path):
    """Set-up, whose `.venv` is a folder of the test."""
    module = load(".ci/bootstrap.py", "bootstrap")
    monkeypatch.setattr(module, "VENV", tmp_path)
    monkeypatch.setattr(module, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.delenv("GDL_PYTHON", raising=False)
    return module


def program(path, script):
    """A small shell script to be found instead of a real program."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def make(*arguments, **environment):
    """What `make` would do, without doing it."""
    ours = ("GDL_", "MAKE", "MFLAGS")  # the tests may themselves be called by make
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = ["make", "-n", *arguments]
    options = {"cwd": ROOT, "capture_output": True, "text": True}
    return subprocess.run(command, env=clean | environment, **options)


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
    for entry in [*PROJECT["dependencies"], *extras["lab"], *extras["test"], *extras["gpu"]]:
        assert re.search(rf'"{re.escape(entry)}"[^\n]*# \S', text), f"{entry} has no reason"


PUBLISH = {"contents": "read", "pages": "write", "id-token": "write"}


@pytest.mark.parametrize(("name", "may"), [("ci", {"contents": "read"}), ("site", PUBLISH)])
def test_a_workflow_may_do_no_more_than_it_must_and_knows_its_actions_by_hash(name, may):
    """A tag can be moved to other code; a commit's hash cannot."""
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert workflow["permissions"] == may
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_ci_runs_the_labs_alone_after_the_checks():
    """`tests/doors/alone.py` is no `test_*.py`, so the checks leave it to its own command."""
    ci = (ROOT / ".ci/run").read_text()
    assert 0 < ci.index("\nmake test\n") < ci.index("make test-doors")
    assert "pytest -v --durations=0 --durations-min=1" in make("test-doors").stdout
    assert make("test-doors").stdout.rstrip().endswith("tests/doors/alone.py")
    assert make("site").stdout.rstrip().endswith("pages/build.py")


def test_the_container_is_set_up_by_our_own_set_up():
    """The kinds of value are those of devcontainers/spec, devContainer.base.schema.json."""
    kinds = {"name": str, "image": str, "hostRequirements": dict, "postCreateCommand": str}
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert set(settings) == {*kinds, "customizations"}
    assert all(isinstance(settings[name], kind) for name, kind in kinds.items())
    assert re.fullmatch(r"\d+([tgmk]b)?", settings["hostRequirements"]["memory"])
    assert all(isinstance(tool, dict) for tool in settings["customizations"].values())
    python, script, extra = settings["postCreateCommand"].split()
    assert python == "python3" and (ROOT / script).is_file()
    assert extra in PROJECT["optional-dependencies"]
    (version,) = re.findall(r"^python:(3\.\d+)-", settings["image"])
    assert tuple(map(int, version.split("."))) in [(3, 11), (3, 12), (3, 13)]


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


@pytest.mark.parametrize(
    ("system", "python"), [("posix", "bin/python"), ("nt", "Scripts/python.exe")]
)
def test_both_layouts_of_a_venv_are_known(system, python):
    """As a bootstrap sees them that runs under Linux or Windows."""
    source = (ROOT / ".ci/bootstrap.py").read_text()
    space = {"__file__": str(ROOT / ".ci/bootstrap.py"), "__name__": "bootstrap"}
    exec(source.replace("os.name ==", f"{system!r} =="), space)
    assert space["PYTHON"] == ROOT / ".venv" / python


def test_windows_ends_what_playwright_started(bootstrap, monkeypatch):
    """It has no process groups to kill; its own program ends a process with its children."""
    ran, waited = [], []
    monkeypatch.setattr(bootstrap, "WINDOWS", True)
    monkeypatch.setattr(bootstrap.subprocess, "run", ran.append)
    bootstrap.end_with_children(types.SimpleNamespace(pid=7, wait=lambda: waited.append(7)))
    assert ran == [["taskkill", "/F", "/T", "/PID", "7"]] and waited == [7]


@pytest.fixture
def labs(monkeypatch):
    """`labs.py`, with a note of what it sets up and runs instead of doing so."""
    module = load("labs.py", "labs")
    module.did = []
    fake = types.SimpleNamespace(main=module.did.append, PYTHON=Path("python"))
    done = types.SimpleNamespace(returncode=3)
    monkeypatch.setattr(module, "load_bootstrap", lambda: fake)
    run = lambda command, **how: module.did.append((command, how)) or done  # noqa: E731
    monkeypatch.setattr(module, "subprocess", types.SimpleNamespace(run=run))
    monkeypatch.setenv("PYTHONUTF8", "0")
    return module


def test_labs_py_opens_the_lab_that_make_opens(labs, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    with pytest.raises(SystemExit, match="3"):
        labs.main("lab")
    extras, (command, how) = labs.did
    by_make = shlex.split(make("lab").stdout.splitlines()[-1])
    assert extras == "lab" and set(command[1:]) <= set(by_make)
    assert command[:3] == ["python", "-m", "jupyterlab"]
    assert how["env"]["PYTHONPATH"] == f"{ROOT}{os.pathsep}elsewhere"
    assert how["env"]["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0] == str(ROOT / ".ci")
    assert how["env"]["PYTHONUTF8"] == "1" and how["cwd"] == str(ROOT)


def test_labs_py_runs_the_checks_that_make_runs(labs):
    with pytest.raises(SystemExit, match="3"):
        labs.main("test")
    extras, (command, _) = labs.did
    assert extras == "test" and command == ["python", str(ROOT / "tests/run.py")]
    assert "tests/run.py" in make("test").stdout


@pytest.mark.parametrize("arguments", [[], ["bench"], ["lab", "test"]])
def test_labs_py_says_what_it_can_do(arguments):
    command = [sys.executable, str(ROOT / "labs.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "Say which: python labs.py lab, or python labs.py test.\n"


WITHOUT = "import runpy, sys; sys.modules[sys.argv[1]] = None; sys.path.insert(0, 'tests'); "
WITHOUT += "runpy.run_path('tests/run.py', run_name='__main__')"


@pytest.mark.parametrize("package", ["nbval", "jupyter_client"])
def test_an_environment_without_what_the_checks_need_is_told(package):
    """As `pip install -e .` makes one."""
    command = [sys.executable, "-c", WITHOUT, package]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith(f"{package} is missing: `pip install -e .[test]` brings all")


@pytest.fixture
def venv(bootstrap):
    """A `.venv` with a pip that does nothing, and its folder of packages."""
    command = [sys.executable, "-m", "venv", "--without-pip", bootstrap.VENV]
    subprocess.run(command, check=True)
    (packages,) = bootstrap.VENV.glob("lib/python3*/site-packages")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    return packages


def remove_interpreter(venv, packages):
    for link in (venv / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")


BREAKS = {
    "removed interpreter": remove_interpreter,
    "interpreter of another version": lambda venv, packages: packages.parent.rename(
        packages.parent.with_name("python3.9")
    ),
    "without pip": lambda venv, packages: (packages / "pip" / "__init__.py").write_text("1 / 0"),
    "no virtual environment": lambda venv, packages: (venv / "pyvenv.cfg").unlink(),
    "empty": lambda venv, packages: shutil.rmtree(venv / "bin"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_venv_that_does_not_work_is_built_anew(broken, bootstrap, venv, monkeypatch, capsys):
    really_run = bootstrap.run
    monkeypatch.setattr(
        bootstrap, "run", lambda command, what: really_run([*command, "--without-pip"], what)
    )
    bootstrap.make_venv()
    assert capsys.readouterr().out == "", "one that works is left alone"
    BREAKS[broken](bootstrap.VENV, venv)
    assert bootstrap.version_in_venv() is None
    bootstrap.make_venv()
    assert capsys.readouterr().out == "Rebuilding .venv\n"
    subprocess.run([bootstrap.PYTHON, "-c", ""], check=True)
    assert not (venv.parents[1] / "python3.9").exists()


@pytest.mark.parametrize(
    ("named", "this", "rebuilt"),
    [
        ("python3", None, False),
        ("python3.12", "3.12.1 (another build)", True),
        ("", "3.12.1 (another build)", False),
    ],
)
def test_a_named_python_is_heard(named, this, rebuilt, bootstrap, venv, monkeypatch):
    """`make lab PYTHON=python3.12` where another Python made `.venv`; `make lab` keeps it."""
    ran = []
    monkeypatch.setattr(bootstrap, "run", lambda command, what: ran.append(command[1:4]))
    monkeypatch.setenv("GDL_PYTHON", named)
    monkeypatch.setattr(sys, "version", this or sys.version)
    bootstrap.make_venv()
    assert ran == ([["-m", "venv", "--clear"]] if rebuilt else [])


def test_make_says_whether_a_python_was_named(bootstrap):
    assert "python3 .ci/bootstrap.py\n" in make("lab").stdout
    named = make("lab", "PYTHON=python3.12", "--print-data-base").stdout
    assert "python3.12 .ci/bootstrap.py\n" in named and "GDL_PYTHON = $(PYTHON)\n" in named


def test_a_venv_of_somebody_else_is_named(bootstrap, monkeypatch):
    """After `sudo make lab`. Root may read everything, so the answer is faked."""
    assert bootstrap.check_owner() is None
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit, match=rf"may not read and write {bootstrap.VENV}.* sudo rm -r"):
        bootstrap.make_venv()
    monkeypatch.setattr(bootstrap, "VENV", bootstrap.VENV / "not there yet")
    assert bootstrap.check_owner() is None


@pytest.mark.parametrize("name", ["chromium", "google-chrome"])
def test_a_chromium_that_is_there_is_taken(bootstrap, monkeypatch, name):
    monkeypatch.setattr(bootstrap.shutil, "which", {name: f"/bin/{name}"}.get)
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("fetched another"))
    assert bootstrap.chromium() == f"/bin/{name}" and bootstrap.get_chromium() is None


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("exit 0", ""),
        ("exit 1", "browser tests will be skipped"),
        ("(sleep 1; touch downloaded) & wait", "browser tests will be skipped"),
    ],
)
def test_where_there_is_no_chromium_playwright_is_asked(does, said, bootstrap, monkeypatch, capfd):
    """It succeeds, fails, or takes too long; then what it started ends with it."""
    python = program(bootstrap.VENV / "python", f'cd "$(dirname "$0")"; echo "$@" > asked; {does}')
    monkeypatch.setattr(bootstrap, "PYTHON", python)
    monkeypatch.setattr(bootstrap, "CHROMIUM_SECONDS", 0.4)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    bootstrap.get_chromium()
    assert (python.parent / "asked").read_text() == "-m playwright install chromium\n"
    printed = capfd.readouterr().out
    assert said in printed and printed.count("\n") == bool(said)
    time.sleep(1 if "sleep" in does else 0)
    assert not (python.parent / "downloaded").exists()


def test_what_labs_import_was_compiled_once(bootstrap):
    """Else, where PYTHONDONTWRITEBYTECODE is set, each kernel compiles TensorFlow anew."""
    program = "import importlib.util as u, os; print(os.path.exists(u.find_spec({0!r}).cached))"
    for package in ("tensorflow", "keras", "sklearn.mixture", "ipykernel.kernelapp"):
        code = [sys.executable, "-c", program.format(package)]
        done = subprocess.run(code, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "True", package


def test_what_set_up_imports_is_there(bootstrap):
    names = {}
    exec(bootstrap.IMPORT_ALL, names)
    for name in ("runtime", "gan", "vae", "widgets", "filters", "replicas"):
        assert names[name].__name__.startswith("helpers."), name
    for name in ("ipykernel", "jupyterlab", "sklearn", "scipy"):
        assert names[name].__name__ == name, name


@pytest.mark.parametrize("name", [".ci/bootstrap.py", "labs.py"])
def test_what_any_python_may_run_parses_on_old_ones(name):
    source = (ROOT / name).read_text()
    assert ast.parse(source, feature_version=(3, 7)).body


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("gdl-cpu", {"CUDA_VISIBLE_DEVICES": "-1", "GDL_DEVICE": "cpu"}),
        ("gdl-gpu", {"GDL_DEVICE": "gpu"}),
    ],
)
def test_kernels_come_with_the_package(name, environment):
    """Into `.venv`, under conda and into an environment made by hand, with the Python there."""
    folder = TOOLS["flit"]["external-data"]["directory"]
    shipped = json.loads((ROOT / folder / f"share/jupyter/kernels/{name}/kernel.json").read_text())
    kernel = KernelManager(kernel_name=name)
    kernel._launch_args = {}
    assert shipped["argv"][0] == "python" and shipped["env"] == environment
    assert kernel.kernel_spec.env == environment
    assert kernel.format_kernel_cmd()[0].startswith(sys.prefix)


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
    assert done.returncode == 1 and "There is no lab 99: choose LAB from 00 01 02" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GDL_KERNEL", "julia", "There is no kernel julia: use KERNEL=gdl-cpu or KERNEL=gdl-gpu. "),
        ("GDL_JOBS", "many", "JOBS is many: use a whole number"),
    ],
)
def test_unknown_kernel_and_jobs_fail_clearly(name, value, sentence):
    environment = {**os.environ, name: value}
    command = [sys.executable, ROOT / "tests/run.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and sentence in done.stderr


@pytest.mark.parametrize(
    ("asked", "name"),
    [("1", "01_neural_style_transfer"), ("0", "00_start_here"), ("10", "10_dcgan")],
)
def test_make_takes_a_lab_of_one_digit_for_that_lab(asked, name):
    done = make("notebooks", f"LAB={asked}").stdout
    assert f"--save notebooks/{name}.ipynb\n" in done
    assert f"helpers.training.judges {name[:2]}\n" in make("checkpoints", LAB=asked).stdout
    assert f"LAB := {name[:2]}\n" in make("bench", f"LAB={asked}", "--print-data-base").stdout


@pytest.mark.parametrize("target", ["test", "bench", "checkpoints", "notebooks"])
@pytest.mark.parametrize("asked", ["14", "x", "001"])
def test_make_says_which_labs_there_are(target, asked):
    done = make(target, f"LAB={asked}")
    assert done.returncode == 2 and done.stdout == ""
    assert f"There is no lab {asked}: choose LAB from 00 01 02" in done.stderr


@pytest.mark.parametrize(
    ("release", "wsl"),
    [
        ("5.15.90.1-microsoft-standard-WSL2", True),
        ("4.4.0-19041-Microsoft", True),
        ("6.8.0-45-generic", False),
        ("23.5.0", False),
    ],
)
def test_under_wsl_the_browser_is_given_the_address(release, wsl, tmp_path):
    """A browser of the Windows side cannot open a file of the Linux side."""
    program(tmp_path / "uname", f"echo {release}")
    done = make("lab", PATH=f"{tmp_path}:{os.environ['PATH']}").stdout
    assert ("--ServerApp.use_redirect_file=False" in done) == wsl


def test_labs_win_over_a_learners_helpers_py(tmp_path):
    """In a kernel with the PYTHONPATH that `make lab` sets."""
    assert f'PYTHONPATH="{ROOT}' in make("lab").stdout
    (tmp_path / "helpers.py").write_text("")
    cells = [nbformat.v4.new_code_cell("from helpers import runtime; print(runtime.__file__)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, kernel_name="python3", resources=folder)
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    said = {output.name: output.text for output in notebook.cells[0].outputs}
    assert said["stdout"] == f"{runtime.__file__}\n"
    assert said["stderr"] == (
        f"`helpers` is the labs' own, not {tmp_path}/helpers.py: rename that one.\n"
    )


@pytest.mark.parametrize(
    ("file", "named"),
    [("helpers.py", True), ("helpers/__init__.py", True), ("helpers/notes.txt", False)],
)
def test_a_namesake_of_helpers_is_named(file, named, tmp_path, monkeypatch, capsys):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    runtime._warn_of_namesake()
    assert (f"not {tmp_path / file}: rename" in capsys.readouterr().err) == named
    monkeypatch.chdir(ROOT)
    runtime._warn_of_namesake()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ((), True),
        (("notebooks",), True),
        (("checkpoints", "image"), False),
    ],
)
def test_a_copy_without_the_project_says_so(beside, said, tmp_path):
    """`pip install .` copies `helpers` alone; `pip install -e .` leaves it where it is."""
    (tmp_path / "helpers").mkdir()
    for name in ("__init__.py", "runtime.py"):
        shutil.copy(ROOT / "helpers" / name, tmp_path / "helpers")
    for folder in beside:
        (tmp_path / folder).mkdir()
    command = [sys.executable, "-c", "import helpers; print(helpers.__file__)"]
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    done = subprocess.run(command, **options)
    assert done.stdout.startswith(str(tmp_path))
    assert ("run `pip install -e .` in the project's folder.\n" in done.stderr) == said
    assert done.stderr.count("\n") == said


IN_A_CONTAINER = """
import builtins, io, os, sys
real_open, real_exists, name = open, os.path.exists, "/sys/fs/cgroup/cpu.max"
builtins.open = lambda path, *a, **k: (
    io.StringIO(sys.argv[1]) if path == name else real_open(path, *a, **k)
)
os.path.exists = lambda path: path == name or real_exists(path)
os.cpu_count = lambda: 8
os.sched_getaffinity = lambda process: set(range(int(sys.argv[2])))
from helpers import runtime
print(runtime.CORES, *map(os.environ.get, ("TF_NUM_INTRAOP_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH")))
"""


@pytest.mark.parametrize(
    ("quota", "affinity", "cores"),
    [("200000 100000", 8, 2), ("150000 100000", 8, 2), ("max 100000", 8, 8), ("max 100000", 3, 3)],
)
def test_cores_are_those_that_a_container_is_given(quota, affinity, cores):
    """`docker run --cpus=2` sets a quota, `taskset` an affinity."""
    command = [sys.executable, "-c", IN_A_CONTAINER, quota, str(affinity)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(cores), str(cores), "true"]


@pytest.mark.parametrize("growth", ["false", "true"])
def test_two_kernels_share_a_gpu_unless_told_otherwise(growth):
    """TensorFlow's own variable; a learner's value wins."""
    code = "import helpers, os; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    environment = {**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": growth}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == growth


def test_local_links_of_the_pages_exist():
    for page in ("README.md", "CONTRIBUTING.md", "DATA.md"):
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("http"):
                assert (ROOT / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(("page", "most"), [("README.md", 165), ("CONTRIBUTING.md", 150)])
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
        assert len(path.read_text().splitlines()) <= 350, path


@pytest.mark.parametrize("path", sorted((ROOT / "helpers").rglob("*.py")), ids=lambda p: p.stem)
def test_helpers_are_short_functions_with_docstrings(path):
    for node, lines in functions(path):
        assert lines <= 28, f"{node.name} has {lines} lines"
        if node.col_offset == 0 and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


# Rooms and files of the ground floor, lowest first; a module imports from its own and those below.
FLOORS = [
    *("runtime", "saving", "divergence", "contract", "data", "layers", "penalties", "losses"),
    *("latent", "autoencoder", "vae"),
    *(
        "flow",
        "gan_parts",
        "gan",
        "pretrained",
        "fast_style",
        "style",
        "plots",
        "metrics",
        "training",
    ),
    *("exercises", "widgets"),
]
HOUSE = load("image/house.py", "house")
GROUND = {"runtime", "divergence", "contract", "layers", "penalties", "losses", "latent"}
GROUND |= {"autoencoder", "vae", "gan_parts", "gan", "flow", "saving", "fast_style", "style"}


def floor_of(name: str) -> int:
    """The place of a module, or of a name in one, among the floors; unknown ones lie above all."""
    fitting = [floor for floor in FLOORS if f"{name}.".startswith(f"{floor}.")]
    return FLOORS.index(max(fitting, key=len)) if fitting else len(FLOORS)


def climbs(module: str, source: str) -> list[str]:
    """What a module imports from a floor above its own."""
    return [name for name in HOUSE.imported(source) if floor_of(name) > floor_of(module)]


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
        "from importlib import import_module as fetch\nfetch('helpers.metrics')",
        "importlib.import_module(name='helpers.metrics', package=None)",
        "from importlib import import_module\nimport_module('helpers.' + '{name}')",
        "import helpers",
        "from helpers import *",
        "from . import metrics",
    ],
)
def test_every_way_of_importing_from_above_is_seen(line):
    assert climbs("vae", line)


@pytest.mark.parametrize(
    "line",
    [
        "from helpers import losses, metrics",
        "from helpers.metrics.filters import tune as best",
        "import importlib\nimportlib.import_module('helpers.metrics')",
        "print('see helpers.metrics')",
    ],
)
def test_imports_from_below_and_from_elsewhere_pass(line):
    assert climbs("widgets.base", line) == []


def test_the_picture_of_the_house_is_that_of_the_imports():
    """`python image/house.py` draws it again."""
    assert (ROOT / "image" / "house.svg").read_text() == HOUSE.draw()
    house = HOUSE.rooms()
    assert set(house) == set(FLOORS) and house["autoencoder"] == {"contract", "data"}
    assert HOUSE.below("vae", house) >= {"autoencoder", "losses", "penalties", "layers", "runtime"}


def test_the_ground_floor_has_the_files_of_the_course_alone():
    """What a learner meets first; everything else has a room."""
    assert {path.stem for path in (ROOT / "helpers").glob("*.py")} == {"__init__", *GROUND}
