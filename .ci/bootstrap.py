"""Set up everything the labs need: `.venv`, packages, kernels, data. Standard library only.

The Makefile runs it with whatever Python it finds, so this file must parse on old ones too. Each
thing a new machine may lack gets one sentence that says what to install or to free. What is done
already is not done again: `.venv/installed` holds a hash of pyproject.toml and the extras.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST, TOO_NEW = (3, 11), (3, 14)
GIGABYTES_NEEDED = 5
QUIET_LAB = {  # JupyterLab would ask to fetch news, and labs work without a network
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = (
    "No Chromium is here and Playwright's own cannot be fetched, so the browser tests will be "
    "skipped: on Debian or Ubuntu run `sudo apt-get install chromium`, elsewhere install Chrome."
)
IMPORT_ALL = (  # what labs and their kernels import
    "from helpers import runtime; runtime.prepare(seed=0); "
    "from helpers import filters, gan, replicas, vae, widgets; "
    "import ipykernel.kernelapp, jupyterlab.labapp, sklearn.mixture, scipy.stats"
)
KERNELS = {
    "gdl-cpu": ("Generative Labs (CPU)", {"CUDA_VISIBLE_DEVICES": "-1", "GDL_DEVICE": "cpu"}),
    "gdl-gpu": ("Generative Labs (GPU)", {"GDL_DEVICE": "gpu"}),
}


def check_python(version=None):
    """End with a sentence unless this Python is one that TensorFlow runs on."""
    version = version or sys.version_info[:2]
    if not OLDEST <= version < TOO_NEW:
        found = ".".join(str(part) for part in version)
        sys.exit(
            f"The labs need Python 3.11, 3.12 or 3.13 and this is {found} ({sys.executable}). "
            "Install one, then name it: make lab PYTHON=python3.12"
        )


def check_venv_module():
    """End with a sentence where Python came without venv, as on a bare Debian or Ubuntu."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit(
            "This Python has no venv module. On Debian or Ubuntu run: "
            "sudo apt-get install python3-venv, then try again."
        )


def check_disk(free_bytes=None):
    """End with a sentence when the packages would not fit."""
    free = (free_bytes if free_bytes is not None else shutil.disk_usage(str(ROOT)).free) / 1e9
    if free < GIGABYTES_NEEDED:
        sys.exit(
            f"The labs need {GIGABYTES_NEEDED} GB for their packages and data, and {ROOT} has "
            f"{free:.1f} GB free. Free some space, then try again."
        )


def run(command, what):
    """Run a command; when it fails, say which step that was and end."""
    result = subprocess.run([str(part) for part in command], cwd=str(ROOT))
    if result.returncode:
        sys.exit(f"Setting up stopped at: {what}. The lines above say why.")


def install(extras):
    """Create `.venv` and install the project in it, editable."""
    check_venv_module()
    check_disk()
    if not PYTHON.exists():
        print("Creating .venv", flush=True)
        run([sys.executable, "-m", "venv", VENV], "creating .venv")
    print("Installing packages (TensorFlow is large: a few minutes the first time)", flush=True)
    target = f".[{extras}]" if extras else "."
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile", "-q"]
    run([*pip, "--upgrade", "pip"], "upgrading pip, as old ones resolve slowly")
    run([*pip, "-e", target], "installing packages")


def start_compiling():
    """Import once what labs import, so that Python keeps it compiled for every kernel to come.

    pip would compile all packages, most of them in vain, and one by one. Without this, where
    PYTHONDONTWRITEBYTECODE is set, each kernel would compile TensorFlow anew.
    """
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="", CUDA_VISIBLE_DEVICES="-1")
    command = [str(PYTHON), "-c", IMPORT_ALL]
    return subprocess.Popen(command, cwd=str(ROOT), env=environment, stdout=subprocess.DEVNULL)


def chromium():
    """The path of the system's Chromium or Chrome, None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def get_chromium():
    """Where the system has no Chromium, get Playwright's own; where that fails, say what to do."""
    if chromium() is None:
        environment = dict(os.environ, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT="5000")
        command = [str(PYTHON), "-m", "playwright", "install", "chromium"]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        if subprocess.run(command, env=environment, cwd=str(ROOT), **how).returncode:
            print(NO_CHROMIUM, flush=True)


def register_kernels():
    """Write the kernelspecs into `.venv`, where no other project sees them."""
    for name, (title, environment) in KERNELS.items():
        pairs = [part for key, value in environment.items() for part in ("--env", key, value)]
        names = ["--name", name, "--display-name", title]
        ipykernel = [PYTHON, "-m", "ipykernel", "install", "--sys-prefix"]
        run([*ipykernel, *names, *pairs], "registering the kernel " + name)


def quiet_jupyterlab():
    """Write JupyterLab's defaults for this `.venv`."""
    settings = VENV / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(QUIET_LAB, indent=2) + "\n")


def main():
    """Do what is not done yet; the one argument names the extras to install."""
    check_python()
    extras = sys.argv[1] if len(sys.argv) > 1 else ""
    stamp = VENV / ("installed-" + (extras or "base"))
    project = (ROOT / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    wanted = hashlib.sha256(project + os.fsencode(str(ROOT))).hexdigest()
    fresh = not stamp.exists() or stamp.read_text() != wanted
    if fresh:
        install(extras)
    data = subprocess.Popen([str(PYTHON), "-m", "helpers.data"], cwd=str(ROOT))
    if fresh:
        compiling = start_compiling()
        register_kernels()
        quiet_jupyterlab()
        if compiling.wait():
            sys.exit("Setting up stopped at: importing the packages. The lines above say why.")
        for done in {stamp, VENV / "installed-base"}:
            done.write_text(wanted)
    if extras == "test":
        get_chromium()
    if data.wait():
        sys.exit("Setting up stopped at: fetching the data. The lines above say why.")


if __name__ == "__main__":
    main()
