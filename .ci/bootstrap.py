"""Set up everything the labs need: `.venv`, packages, kernels, data. Standard library only.

The Makefile runs it with whatever Python it finds, so this file must parse on old ones too. Each
thing a new machine may lack gets one sentence that says what to install or to free. What is done
already is not done again: `.venv/installed-*` hold a hash of what was installed. A `.venv` that no
longer works, or that another Python than the one named by `PYTHON=` made, is built anew.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
PYTHON = VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python"
OLDEST, TOO_NEW = (3, 11), (3, 14)
GIGABYTES_NEEDED = 5
QUIET_LAB = {  # JupyterLab would ask to fetch news, and labs work without a network
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
CHROMIUM_SECONDS = 120
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = (
    "No Chromium is here and Playwright's own cannot be fetched, so the browser tests will be "
    "skipped: on Debian or Ubuntu run `sudo apt-get install chromium`, elsewhere install Chrome."
)
IMPORT_ALL = (  # what labs and their kernels import
    "from helpers import runtime; runtime.prepare(seed=0); "
    "from helpers import gan, vae, widgets; "
    "from helpers.metrics import filters; from helpers.training import replicas; "
    "import ipykernel.kernelapp, jupyterlab.labapp, sklearn.mixture, scipy.stats"
)
LOOK = "import pip, sys; assert sys.prefix != sys.base_prefix; print(sys.version)"


def check_python(version=None):
    """End with a sentence unless this Python is one that TensorFlow runs on."""
    version = version or sys.version_info[:2]
    if not OLDEST <= version < TOO_NEW:
        found = ".".join(str(part) for part in version)
        sys.exit(
            f"The labs need Python 3.11, 3.12 or 3.13 and this is {found} ({sys.executable}). "
            "Install one, then name it: make lab PYTHON=python3.12 (Windows: py -3.12 labs.py lab)"
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


def check_owner():
    """End with a sentence where `.venv` is somebody else's."""
    if VENV.exists() and not os.access(str(VENV), os.R_OK | os.W_OK | os.X_OK):
        sys.exit(
            f"You may not read and write {VENV}, perhaps because sudo made it. "
            f"Remove it with: sudo rm -r {VENV}, then try again."
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


def version_in_venv():
    """What Python `.venv` runs, to the build; None where there is no `.venv` that works.

    One whose Python was removed does not work, nor one whose Python became 3.12 where it was 3.11
    (the packages lie in a folder that only 3.11 reads), nor one without pip.
    """
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "universal_newlines": True}
    try:
        done = subprocess.run([str(PYTHON), "-I", "-c", LOOK], **how)
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()


def make_venv():
    """Create `.venv`, or empty it and create it again; the same for one of another Python."""
    found = version_in_venv()
    named = os.environ.get("GDL_PYTHON")
    if found == sys.version.strip() or (found and not named):
        return
    check_python()
    check_venv_module()
    check_owner()
    print(f"{'Rebuilding' if VENV.exists() else 'Creating'} .venv", flush=True)
    run([sys.executable, "-m", "venv", "--clear", VENV], "creating .venv")


def install(extras):
    """Install the project in `.venv`, editable; the kernels of the labs come with it."""
    check_owner()
    check_disk()
    print("Installing packages (TensorFlow is large: a few minutes the first time)", flush=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile", "-q"]
    run([*pip, "--upgrade", "pip"], "upgrading pip, as old ones resolve slowly")
    run([*pip, "-e", f".[{extras}]"], "installing packages")


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
    """Where the system has no Chromium, get Playwright's own; where that fails, say what to do.

    Playwright runs another program that downloads: at the end of the time both must end.
    """
    if chromium() is not None:
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = dict(os.environ, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT="5000")
    command = [str(PYTHON), "-m", "playwright", "install", "chromium"]
    group = {"start_new_session": True, "env": environment, "cwd": str(ROOT)}
    installer = subprocess.Popen(command, **quiet, **group)
    try:
        failed = installer.wait(timeout=CHROMIUM_SECONDS)
    except subprocess.TimeoutExpired:
        failed = True
    finally:
        if installer.poll() is None:
            end_with_children(installer)
    if failed:
        print(NO_CHROMIUM, flush=True)


def end_with_children(process):
    """End a process that leads a group of its own, and what it started."""
    if WINDOWS:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)])
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def quiet_jupyterlab():
    """Write JupyterLab's defaults for this `.venv`."""
    settings = VENV / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(QUIET_LAB, indent=2) + "\n")


def main(extras):
    """Do what is not done yet; `extras` is what to install, "lab" or "test"."""
    make_venv()
    stamp = VENV / ("installed-" + extras)
    kernels = sorted((ROOT / ".ci").rglob("kernel.json"))
    sources = [ROOT / "pyproject.toml", Path(__file__), *kernels]
    project = b"".join(source.read_bytes() for source in sources)
    wanted = hashlib.sha256(project + os.fsencode(str(ROOT))).hexdigest()
    fresh = not stamp.exists() or stamp.read_text() != wanted
    if fresh:
        install(extras)
    data = subprocess.Popen([str(PYTHON), "-m", "helpers.data"], cwd=str(ROOT))
    if fresh:
        compiling = start_compiling()
        quiet_jupyterlab()
        if compiling.wait():
            sys.exit("Setting up stopped at: importing the packages. The lines above say why.")
        for done in {stamp, VENV / "installed-lab"}:
            done.write_text(wanted)
    if extras == "test":
        get_chromium()
    if data.wait():
        sys.exit("Setting up stopped at: fetching the data. The lines above say why.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "lab")
