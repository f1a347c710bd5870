"""Every check, in order of how fast it speaks, then a table and an exit status.

    GDL_LAB=07           one lab's notebook alone
    GDL_QUICK=1          ruff, types, unit tests and lab 00
    GDL_KERNEL=gdl-gpu   the kernel of the notebooks
    GDL_JOBS=1           one thing at a time; else as many as cores and memory allow

Tests run side by side, then notebooks, each job with its share of the threads. Of the tests, those
in the browser begin: one job has them all, and who is done takes of its other tests. A notebook
stays with one job from its first cell to its last; the longest begin, so that jobs end together.
"""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import report

from helpers import runtime

try:
    import nbval  # noqa: F401
    from jupyter_client.kernelspec import find_kernel_specs
except ModuleNotFoundError as error:
    package = error.name.partition(".")[0]
    sys.exit(f"{package} is missing: `pip install -e .[test]` brings all that the checks need.")

ROOT = Path(__file__).resolve().parent.parent
KERNEL = os.environ.get("GDL_KERNEL") or "gdl-cpu"
LAB = os.environ.get("GDL_LAB") or ""
LAB = LAB and LAB.zfill(2)
QUICK = os.environ.get("GDL_QUICK", "") not in ("", "0")
SEE_GPU = "from helpers import runtime; runtime.prepare(seed=0)"
LONGEST_FIRST = "11 09 01 08 02 10 05 06 04 12 07 13 03 00"  # labs, where no run was timed yet
GIGABYTES_EACH = 4  # what the largest job, a test process and its kernel, takes at its peak
CGROUP = Path("/sys/fs/cgroup/memory.max")


def check_request() -> None:
    """End with a sentence when the lab or kernel is unknown or the GPU kernel has no GPU."""
    if not list((ROOT / "notebooks").glob(f"{LAB}*.ipynb")):
        labs = " ".join(sorted(path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")))
        sys.exit(f"There is no lab {LAB}: choose LAB from {labs}.")
    if KERNEL not in find_kernel_specs():
        hint = "Both come with `pip install -e .[test]`"
        sys.exit(f"There is no kernel {KERNEL}: use KERNEL=gdl-cpu or KERNEL=gdl-gpu. {hint}.")
    if KERNEL == "gdl-gpu":
        environment = {**os.environ, "GDL_DEVICE": "gpu"}
        how = {"env": environment, "cwd": ROOT, "capture_output": True, "text": True}
        done = subprocess.run([sys.executable, "-c", SEE_GPU], **how)
        if done.returncode:
            sys.exit(done.stderr.strip().splitlines()[-1])


def free_gigabytes() -> float:
    """Memory that this process may still take; a container may have been given a part only."""
    free = psutil.virtual_memory().available
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    return min(free, float(limit) if limit != "max" else free) / 1e9


def count_jobs(asked: str, cores: int, gigabytes: float) -> int:
    """How many jobs to run side by side.

    Args:
        asked: a number as text; empty for as many as there are cores and memory for.
        cores: that this process may use.
        gigabytes: of memory that are free.
    """
    if not asked:
        return max(1, min(cores, int(gigabytes // GIGABYTES_EACH)))
    if not asked.isdecimal() or int(asked) < 1:
        sys.exit(f"JOBS is {asked}: use a whole number of 1 or more, or leave it out.")
    return int(asked)


def share_of_threads(jobs: int) -> dict[str, str]:
    """The variables that give each of several jobs its share of the cores."""
    threads = str(max(1, runtime.CORES // jobs))
    names = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
    return dict.fromkeys(names, threads) if jobs > 1 else {}


def side_by_side(jobs: int, how: str) -> list[str]:
    """pytest-xdist's options for several jobs, "loadfile" or "worksteal"; none for one."""
    return ["-n", str(jobs), "--dist", how, "--no-loadscope-reorder"] if jobs > 1 else []


def longest_first(names: list[str], seconds: dict[str, float]) -> list[str]:
    """Notebooks in the order in which jobs should take them; what was never timed comes first.

    Args:
        names: of notebooks, without their ending.
        seconds: of a run before, by name.
    """

    def key(name: str) -> tuple[float, int]:
        return -seconds.get(name, math.inf), LONGEST_FIRST.find(name[:2])

    return sorted(names, key=key)


def setting(jobs: int) -> str:
    """What seconds depend on, for example ``"2 jobs on 2 cores"``."""
    return f"{jobs} jobs on {runtime.CORES} cores"


def steps(jobs: int) -> dict[str, tuple[list[str], int]]:
    """Name to command and how many jobs share it; one lab leaves out what does not depend on it."""
    python = [sys.executable, "-m"]
    first = "00" if QUICK else LAB
    names = [path.stem for path in (ROOT / "notebooks").glob(f"{first}*.ipynb")]
    timed = report.read_seconds(report.SECONDS).get(setting(jobs), {})
    notebooks = [f"notebooks/{name}.ipynb" for name in longest_first(names, timed)]
    nbval = ["--nbval", f"--nbval-kernel-name={KERNEL}", "--nbval-cell-timeout=900"]
    sanitize = ["--nbval-sanitize-with", "tests/nbval_sanitize.cfg", "-p", "no:cacheprovider"]
    together = 1 if KERNEL == "gdl-gpu" else min(jobs, len(notebooks))  # one kernel fills a GPU
    by_file, spread = side_by_side(together, "loadfile"), side_by_side(jobs, "worksteal")
    pytest = [*python, "pytest", "-q"]
    regression = {
        f"notebooks on {KERNEL}": ([*pytest, *nbval, *sanitize, *by_file, *notebooks], together)
    }
    if LAB:
        return {"saved notebook": ([*pytest, "tests/test_notebooks.py"], 1), **regression}
    tests = ["tests", "--ignore=tests/browser"] if QUICK else ["tests/browser", "tests"]
    return {
        "ruff check": ([*python, "ruff", "check", "."], 1),
        "ruff format": ([*python, "ruff", "format", "--check", "."], 1),
        "types": ([*python, "mypy"], 1),
        "unit tests" if QUICK else "unit and browser tests": ([*pytest, *tests, *spread], jobs),
        **regression,
    }


def run(name: str, command: list[str], jobs: int) -> report.Step:
    """Run one step and read what it reports."""
    print(f"\n=== {name}", flush=True)
    report.FOLDER.mkdir(exist_ok=True)
    results = report.FOLDER / f"{name.replace(' ', '_')}.xml"
    results.unlink(missing_ok=True)
    if "pytest" in command:
        command = [*command, f"--junitxml={results}"]
    start = time.perf_counter()
    environment = os.environ | share_of_threads(jobs) | {"GDL_LAB": LAB, "GDL_EXERCISES": "off"}
    done = subprocess.run(command, cwd=ROOT, env=environment)
    return report.Step(name, done.returncode, time.perf_counter() - start, report.read(results))


def main() -> None:
    """Run the steps, all of them even when one fails."""
    check_request()
    jobs = count_jobs(os.environ.get("GDL_JOBS") or "", runtime.CORES, free_gigabytes())
    done = [run(name, command, number) for name, (command, number) in steps(jobs).items()]
    print("\n=== summary")
    for line in report.lines(done, setting(jobs)):
        print(line)
    sys.exit(1 if any(step.code for step in done) else 0)


if __name__ == "__main__":
    main()
