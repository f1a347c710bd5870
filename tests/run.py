"""Every check, in order of how fast it speaks, then a summary and an exit status.

`GDL_KERNEL` names the kernel of the notebooks; `GDL_LAB`, for example 07, keeps to one lab.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNEL = os.environ.get("GDL_KERNEL") or "gdl-cpu"
LAB = os.environ.get("GDL_LAB") or ""
SEE_GPU = "from helpers import runtime; runtime.prepare(seed=0)"


def check_request() -> None:
    """End with a sentence when the lab is unknown or the GPU kernel has no GPU."""
    if not list((ROOT / "notebooks").glob(f"{LAB}*.ipynb")):
        sys.exit(f"No notebook begins with {LAB}: see the folder notebooks.")
    if KERNEL == "gdl-gpu":
        environment = {**os.environ, "GDL_DEVICE": "gpu"}
        done = subprocess.run(
            [sys.executable, "-c", SEE_GPU],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr.strip().splitlines()[-1])


def steps() -> dict[str, list[str]]:
    """Name to command; one lab leaves out what does not depend on it."""
    python = [sys.executable, "-m"]
    notebooks = sorted(str(path) for path in (ROOT / "notebooks").glob(f"{LAB}*.ipynb"))
    nbval = ["--nbval", f"--nbval-kernel-name={KERNEL}", "--nbval-cell-timeout=900"]
    sanitize = ["--nbval-sanitize-with", "tests/nbval_sanitize.cfg", "-p", "no:cacheprovider"]
    pages = [*python, "pytest", "tests/test_notebooks.py", "-q"]
    regression = [*python, "pytest", *nbval, *sanitize, "-q", *notebooks]
    if LAB:
        return {"saved notebook": pages, f"notebook on {KERNEL}": regression}
    return {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "unit tests": [*python, "pytest", "tests", "-q", "--ignore=tests/browser"],
        f"notebooks on {KERNEL}": regression,
        "browser": [*python, "pytest", "tests/browser", "-q"],
    }


def main() -> None:
    """Run the steps, all of them even when one fails."""
    check_request()
    results = {}
    for name, command in steps().items():
        print(f"\n=== {name}", flush=True)
        start = time.perf_counter()
        code = subprocess.run(command, cwd=ROOT).returncode
        results[name] = code, time.perf_counter() - start
    print("\n=== summary")
    for name, (code, seconds) in results.items():
        print(f"{'FAILED' if code else 'passed'}  {seconds:5.0f} s  {name}")
    failed = sum(code != 0 for code, _ in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
