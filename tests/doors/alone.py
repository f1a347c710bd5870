"""Labs as in Colab: its versions, a notebook alone in an empty folder, the project elsewhere.

`make test-doors` runs this; `make test` does not, as it builds an environment of its own, in
`build/colab`, from the package index. The project is fetched from a `file://` address, by the
notebook's own first cell. Python is this one, not Colab's.
"""

import json
import os
import re
import shutil
import subprocess
import venv

import nbclient
import nbformat
import pytest
from conftest import ROOT, load
from test_pins import pins

ADDRESS = load(".ci/address.py", "address")
ENVIRONMENT = ROOT / "build" / "colab"
PYTHON = ENVIRONMENT / "bin" / "python"
PINS = ROOT / "tests" / "doors" / "colab.txt"
LABS = ["00", "02", "07", "09"]
BROUGHT = ["generative-deep-learning-labs", "python_avatars", "resvg_py"]
VIEW = "application/vnd.jupyter.widget-view+json"
LIST = (
    "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
)
OPEN_ALL = "from helpers import pretrained as p; print(len([p.load(n) for n in p.names()]), 'open')"
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("GDL_", "TF_", "KERAS_", "PYTHON"))
}


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, env=CLEAN, **options)


@pytest.fixture(scope="session")
def colab():
    """A kernel that has Colab's versions, and no labs; built anew where pins changed."""
    stamp = ENVIRONMENT / "pins.txt"
    if not stamp.exists() or stamp.read_text() != PINS.read_text():
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        run(PYTHON, "-m", "pip", "install", "-q", "--no-compile", "-r", PINS)
        spec = ENVIRONMENT / "share/jupyter/kernels/colab/kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [str(PYTHON), "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
        spec.write_text(json.dumps({"argv": [*argv, "-f", "{connection_file}"]}))
        stamp.write_text(PINS.read_text())
    os.environ["JUPYTER_PATH"] = str(ENVIRONMENT / "share/jupyter")
    yield "colab"
    del os.environ["JUPYTER_PATH"]


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The project as it lies here, committed and tagged where `file://` reaches it."""
    folder = tmp_path_factory.mktemp("published")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    ADDRESS.write(folder, f"file://{folder}")
    git = ["git", "-c", "user.name=labs", "-c", "user.email=labs@localhost"]
    run(*git, "init", "-q", cwd=folder)
    run(*git, "add", "--all", cwd=folder)
    run(*git, "commit", "-q", "-m", "as it lies here", cwd=folder)
    run(*git, "tag", ADDRESS.release(folder), cwd=folder)
    return folder


@pytest.fixture
def alone(colab, published, tmp_path, request):
    """One lab, run whole in an empty folder; afterwards its environment is Colab's again."""
    (path,) = (published / "notebooks").glob(f"{request.param}*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.update({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {})
    folder = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, kernel_name=colab, resources=folder, timeout=600)
    try:
        client.execute(env=CLEAN)
        yield notebook
    finally:
        run(PYTHON, "-m", "pip", "uninstall", "-q", "-y", *BROUGHT)


def installed():
    """Package and version of everything in Colab's environment."""
    done = subprocess.run([PYTHON, "-c", LIST], capture_output=True, text=True, check=True)
    return {entry.lower().replace("-", "_") for entry in done.stdout.split()}


def text_of(cell, stream="stdout"):
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


def bands_kept(cells):
    """What was measured and lay in its band, by name, in the order of the notebook."""
    return re.findall(r"✓ (.+) ≈", "\n".join(map(text_of, cells)))


@pytest.mark.parametrize("alone", LABS, indirect=True)
def test_a_lab_alone_runs_whole_under_colabs_versions(alone, published, request):
    """Each `expect` in it holds, its sliders answer, its widgets are shown, nothing is replaced."""
    (path,) = (ROOT / "notebooks").glob(f"{request.node.callspec.params['alone']}*.ipynb")
    saved, codes = [
        [cell for cell in notebook.cells if cell.cell_type == "code"]
        for notebook in (nbformat.read(path, as_version=4), alone)
    ]
    first = f"Fetched the labs, {ADDRESS.release(ROOT)} of file://{published}, into "
    assert text_of(codes[0]).startswith(first) and text_of(codes[0]).count("\n") == 1
    assert not re.search("detached|error|dependency", text_of(codes[0], "stderr"))
    assert all(cell.execution_count for cell in codes)
    versions = {f"{name}=={version}".replace("-", "_") for name, version in pins("colab").items()}
    assert versions <= installed()
    assert bands_kept(codes) == bands_kept(saved) and bands_kept(codes) != []
    assert (ENVIRONMENT / "share/jupyter/kernels/gdl-cpu/kernel.json").is_file()
    datas = [output.get("data", {}) for cell in codes for output in cell.outputs]
    shown = [data for data in datas if VIEW in data]
    full = [data for data in shown if "nothing to show yet" not in data["text/plain"]]
    assert full and all({"image/png", "image/jpeg"} & set(data) for data in full)
    assert any(".value = " in cell.source for cell in codes)


@pytest.fixture
def with_packages(colab):
    """Colab's environment with the packages that the labs bring, for tests that run from here."""
    run(PYTHON, "-m", "pip", "install", "-q", *BROUGHT[1:])
    yield
    run(PYTHON, "-m", "pip", "uninstall", "-q", "-y", *BROUGHT[1:])


@pytest.mark.usefixtures("with_packages")
def test_widgets_and_checkpoints_work_with_colabs_ipywidgets_and_keras():
    """Their own tests run there, uploads among them; and every checkpoint opens."""
    run(PYTHON, "-c", OPEN_ALL, cwd=ROOT)
    tests = ["tests/widgets/test_every_widget.py", "tests/widgets/test_uploads.py"]
    run(PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=ROOT)
