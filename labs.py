"""The README's two commands where there is no make, as on Windows. Standard library only.

    python labs.py lab     sets up .venv, fetches the data, opens JupyterLab on 00_start_here
    python labs.py test    the same set-up, then every check

What `make` takes as LAB, QUICK, JOBS or KERNEL is a variable here: GDL_LAB and so on.
"""

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FIRST = "/lab/tree/notebooks/00_start_here.ipynb"


def load_bootstrap():
    """Set-up, which is no part of a package, as a module."""
    spec = util.spec_from_file_location("bootstrap", str(ROOT / ".ci" / "bootstrap.py"))
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepended(name, value):
    """A list of paths from the environment with one more in front."""
    return os.pathsep.join(filter(None, [str(value), os.environ.get(name)]))


def lab():
    """JupyterLab's arguments, and the variables that it needs."""
    options = ["--ServerApp.root_dir=" + str(ROOT), "--LabApp.default_url=" + FIRST]
    paths = {"JUPYTER_CONFIG_PATH": ROOT / ".ci", "PYTHONPATH": ROOT}
    return ["-m", "jupyterlab", *options], {k: prepended(k, v) for k, v in paths.items()}


def test():
    """The arguments of the checks; they need no variables."""
    return [str(ROOT / "tests" / "run.py")], {}


def main(command):
    """Set up what the command needs, then run it; Python reads and writes UTF-8 in all of it."""
    os.environ["PYTHONUTF8"] = "1"
    bootstrap = load_bootstrap()
    bootstrap.main(command)
    arguments, variables = {"lab": lab, "test": test}[command]()
    environment = dict(os.environ, **variables)
    done = subprocess.run([str(bootstrap.PYTHON), *arguments], cwd=str(ROOT), env=environment)
    sys.exit(done.returncode)


if __name__ == "__main__":
    if sys.argv[1:] not in (["lab"], ["test"]):
        sys.exit("Say which: python labs.py lab, or python labs.py test.")
    main(sys.argv[1])
