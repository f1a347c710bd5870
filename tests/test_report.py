"""The end of a run says what passed, failed or was skipped and why, and what became slower."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import load

report = load("tests/report.py", "report")
run = load("tests/run.py", "run")
run_notebook = load("tests/run_notebook.py", "run_notebook")

ALONE = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a pytest that starts in no time
SMALL_SUITE = """
import time
import pytest

def test_good(): time.sleep(0.2)
def test_bad(): assert 1 == 2
@pytest.mark.skip(reason="no Chromium")
def test_skipped(): pass
@pytest.fixture
def broken(): raise OSError("no disk")
def test_error(broken): pass
"""


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch):
    """What was asked of the run that these tests are part of does not reach them."""
    for name, value in {"QUICK": False, "LAB": "", "KERNEL": "gdl-cpu"}.items():
        monkeypatch.setattr(run, name, value)
        monkeypatch.delenv(f"GDL_{name}", raising=False)


@pytest.fixture(scope="module")
def junit(tmp_path_factory):
    """What pytest itself writes of a pass, a failure, a skip and an error, and its exit status."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "test_small.py").write_text(SMALL_SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, env=ALONE)
    return folder / "r.xml", done.returncode


def cases(**seconds):
    return [report.Case(file, value, "passed") for file, value in seconds.items()]


def step(name="unit tests", code=0, seconds=9.0, found=()):
    return report.Step(name, code, seconds, list(found))


def test_what_pytest_writes_is_read(junit):
    path, code = junit
    found = report.read(path)
    assert [case.outcome for case in found] == ["passed", "failed", "skipped", "failed"]
    assert {case.file for case in found} == {"test_small"} and found[2].reason == "no Chromium"
    assert 0.15 < found[0].seconds < 5
    small = step("unit tests", code, found=found)
    assert [small.count(kind) for kind in ("passed", "failed", "skipped")] == [1, 2, 1]


def test_a_skip_is_no_pass_and_its_reason_is_said(junit, tmp_path):
    path, code = junit
    lines = report.lines([step("browser", code, found=report.read(path))], "x", tmp_path / "s.json")
    assert lines[-1] == "1 passed, 2 failed, 1 skipped"
    assert lines[-2] == "skipped: 1 of browser: no Chromium"
    assert lines[-3].split() == ["browser", "9", "1", "2", "1", "FAILED"]


@pytest.mark.parametrize(("code", "total"), [(0, "1 passed, 0 failed"), (2, "0 passed, 1 failed")])
def test_a_command_without_tests_is_one(code, total, tmp_path):
    """ruff, and a pytest that ended before its first test and so wrote nothing."""
    assert report.read(tmp_path / "never_written.xml") == []
    found = report.lines([step("ruff check", code)], "x", tmp_path / "s.json")
    assert found[-1] == f"{total}, 0 skipped"


def test_tests_that_all_passed_in_a_run_that_failed_are_no_success(tmp_path):
    found = report.lines([step(code=3, found=cases(a=1.0))], "x", tmp_path / "s.json")
    assert found[-1] == "1 passed, 1 failed, 0 skipped"


def test_each_lab_has_its_seconds_and_ten_slow_files_are_named(tmp_path):
    labs = step("notebooks on gdl-cpu", found=cases(**{"01_b": 60.0, "00_a": 12.0}))
    labs.cases += cases(**{"00_a": 3.0})
    units = step(found=cases(**{f"test_{n:02d}": float(n) for n in range(12)}))
    lines = [line.split() for line in report.lines([units, labs], "2 jobs", tmp_path / "s.json")]
    assert lines[1:3] == [["00_a", "15"], ["01_b", "60"]]
    assert lines[4:14] == [[f"test_{n:02d}", str(n)] for n in range(11, 1, -1)]
    kept = json.loads((tmp_path / "s.json").read_text())["2 jobs"]
    assert kept["00_a"] == 15.0 and kept["test_00"] == 0.0


@pytest.mark.parametrize(
    ("old", "new", "slower"), [(60, 80, True), (60, 79, False), (2, 4, False), (60, 30, False)]
)
def test_what_became_slower_by_a_third_is_said(old, new, slower, tmp_path):
    path = tmp_path / "s.json"
    runs = [step("notebooks", found=cases(**{"07_vae": float(s)})) for s in (old, new)]
    report.lines([runs[0]], "2 jobs", path)
    assert not any("slower" in line for line in report.lines([runs[1]], "1 job", path))
    report.lines([runs[0]], "2 jobs", path)
    text = "\n".join(report.lines([runs[1]], "2 jobs", path))
    assert (f"slower: {old} s before" in text) == slower


def test_a_lab_that_failed_leaves_the_old_seconds(tmp_path):
    path = tmp_path / "s.json"
    report.lines([step("notebooks", found=cases(a=60.0))], "x", path)
    broken = [*cases(a=1.0), report.Case("a", 2.0, "failed")]
    report.lines([step("notebooks", 1, found=broken)], "x", path)
    assert json.loads(path.read_text())["x"] == {"a": 60.0}


@pytest.mark.parametrize("content", ["{", "[]", '{"x": 3}', ""])
def test_damaged_seconds_are_begun_anew(content, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(content)
    report.lines([step("notebooks", found=cases(a=60.0))], "x", path)
    assert json.loads(path.read_text())["x"] == {"a": 60.0}


@pytest.mark.parametrize(
    ("asked", "cores", "gigabytes", "jobs"),
    [("", 2, 24, 2), ("", 8, 24, 6), ("", 4, 3, 1), ("1", 8, 64, 1), ("3", 2, 1, 3)],
)
def test_as_many_jobs_as_cores_and_memory_allow(asked, cores, gigabytes, jobs):
    assert run.count_jobs(asked, cores, gigabytes) == jobs


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5"])
def test_no_such_number_of_jobs(asked):
    with pytest.raises(SystemExit, match=f"JOBS is {asked}: use a whole number of 1 or more"):
        run.count_jobs(asked, 2, 24)


def test_a_container_is_given_a_part_of_the_memory(tmp_path, monkeypatch):
    everything = run.free_gigabytes()
    monkeypatch.setattr(run, "CGROUP", tmp_path / "memory.max")
    assert run.free_gigabytes() == pytest.approx(everything, rel=0.2)
    run.CGROUP.write_text("max\n")
    assert run.free_gigabytes() == pytest.approx(everything, rel=0.2)
    run.CGROUP.write_text("500000000\n")
    assert run.free_gigabytes() == 0.5


def test_jobs_share_the_threads_and_a_notebook_stays_with_one(monkeypatch):
    monkeypatch.setattr(run.runtime, "CORES", 8)
    assert set(run.share_of_threads(2).values()) == {"4"} and run.share_of_threads(1) == {}
    command, jobs = run.steps(2)["notebooks on gdl-cpu"]
    assert jobs == 2 and command[command.index("--dist") + 1] == "loadfile"
    serial = {name: command for name, (command, _) in run.steps(1).items()}
    assert not any("-n" in command for command in serial.values())
    assert [*serial] == [
        "ruff check",
        "ruff format",
        "types",
        "unit and browser tests",
        "notebooks on gdl-cpu",
    ]


def test_quick_runs_lab_00_alone_and_one_lab_no_unit_tests(monkeypatch):
    monkeypatch.setattr(run, "QUICK", True)
    quick = run.steps(2)
    assert [*quick] == ["ruff check", "ruff format", "types", "unit tests", "notebooks on gdl-cpu"]
    assert [Path(a).name for a in quick["notebooks on gdl-cpu"][0] if "ipynb" in a] == [
        "00_start_here.ipynb"
    ]
    monkeypatch.setattr(run, "LAB", "07")
    monkeypatch.setattr(run, "QUICK", False)
    assert [*run.steps(2)] == ["saved notebook", "notebooks on gdl-cpu"]


def test_browser_tests_share_the_jobs_with_unit_tests_and_begin(monkeypatch):
    command, jobs = run.steps(2)["unit and browser tests"]
    assert jobs == 2 and command[command.index("-q") + 1 :][:2] == ["tests/browser", "tests"]
    assert command[command.index("--dist") + 1] == "worksteal"
    monkeypatch.setattr(run, "QUICK", True)
    assert "--ignore=tests/browser" in run.steps(2)["unit tests"][0]


ALL_LABS = [path.stem for path in sorted((run.ROOT / "notebooks").glob("*.ipynb"))]


@pytest.mark.parametrize(
    ("seconds", "first", "last"),
    [
        ({}, "11", "00"),
        ({name: float(name[:2]) for name in ALL_LABS}, "13", "00"),
        (dict.fromkeys(ALL_LABS, 50.0) | {ALL_LABS[3]: 90.0, ALL_LABS[12]: 3.0}, "03", "12"),
        (dict.fromkeys(ALL_LABS[:-1], 1.0), "13", "00"),
    ],
)
def test_the_longest_notebooks_begin(seconds, first, last, monkeypatch, tmp_path):
    """By the seconds of a run before; one that was never timed comes first."""
    monkeypatch.setattr(run.report, "SECONDS", tmp_path / "s.json")
    run.report.SECONDS.write_text(json.dumps({run.setting(2): seconds, "8 jobs": {}}))
    command = run.steps(2)["notebooks on gdl-cpu"][0]
    names = [Path(part).name for part in command if part.endswith(".ipynb")]
    assert names[0][:2] == first and names[-1][:2] == last
    assert sorted(names) == [f"{name}.ipynb" for name in ALL_LABS]


def test_the_order_given_is_the_order_taken(tmp_path):
    """pytest-xdist itself would give the files with most tests first."""
    for name, count in {"test_many": 9, "test_long": 3, "test_short": 2}.items():
        tests = "".join(f"def test_{n}(): pass\n" for n in range(count))
        (tmp_path / f"{name}.py").write_text(tests)
    order = [f"{name}.py" for name in ("test_long", "test_short", "test_many")]
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "xdist"]
    command += ["-n1", *run.side_by_side(2, "loadfile")[2:], *order]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=ALONE)
    seen = dict.fromkeys(re.findall(r"PASSED (\w+\.py)", done.stdout))
    assert [*seen] == order, done.stdout


@pytest.mark.parametrize(("asked", "lab"), [("1", "01"), ("0", "00"), ("12", "12"), ("", "")])
def test_a_lab_of_one_digit_is_that_lab(asked, lab, monkeypatch):
    monkeypatch.setenv("GDL_LAB", asked)
    asked_for = load("tests/run.py", "run_of_one_lab")
    assert lab == asked_for.LAB
    names = [Path(part).name for part in asked_for.steps(1)["notebooks on gdl-cpu"][0]]
    assert {name[:2] for name in names if name.endswith(".ipynb")} == (
        {lab} if lab else {name[:2] for name in ALL_LABS}
    )


FIGURES = {
    "1.25": True, "-3.1e-07": True, "8.7e-35": True, "1.2e+05": True,
    "nan": False, "inf": False, "-inf": False, "1e+30": False,
}  # fmt: skip


def test_a_measured_figure_may_be_any_number_that_was_measured(tmp_path):
    """The regression test compares no digits after the sign for "about", but sees no number."""
    cells = []
    for figure in FIGURES:
        saved = nbformat.v4.new_output("stream", name="stdout", text="error ≈ 0.5 dB\n")
        code = f"print('error ≈ {figure} dB')"
        cells.append(nbformat.v4.new_code_cell(code, outputs=[saved], execution_count=1))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "figures.ipynb")
    nbval = ["-p", "nbval.plugin", "--nbval", "--nbval-kernel-name=python3"]
    sanitize = ["--nbval-sanitize-with", str(run.ROOT / "tests/nbval_sanitize.cfg")]
    command = [sys.executable, "-m", "pytest", *nbval, *sanitize, "--junitxml=r.xml", "."]
    subprocess.run(command, cwd=tmp_path, capture_output=True, env=ALONE)
    found = [case.outcome == "passed" for case in report.read(tmp_path / "r.xml")]
    assert dict(zip(FIGURES, found, strict=True)) == FIGURES


def test_what_a_cell_prints_in_parts_is_one_output(tmp_path):
    code = [
        "for n in range(3): print(n, flush=True)",
        "import sys; print(1); print(2, file=sys.stderr)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    nbformat.write(notebook, tmp_path / "small.ipynb")
    cells = run_notebook.run(tmp_path / "small.ipynb").cells
    assert [output.text for output in cells[0].outputs] == ["0\n1\n2\n"]
    assert {output.name: output.text for output in cells[1].outputs} == {
        "stdout": "1\n",
        "stderr": "2\n",
    }


@pytest.mark.parametrize(
    ("kernel", "name", "said"),
    [
        ("julia", "small.ipynb", "No such kernel named julia"),
        ("python3", "not_there.ipynb", "No such file"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(kernel, name, said, tmp_path, monkeypatch):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "small.ipynb")
    monkeypatch.setenv("GDL_KERNEL", kernel)
    monkeypatch.setattr(sys, "argv", ["run_notebook.py", str(tmp_path / name)])
    with pytest.raises(SystemExit, match=rf"^{name} was not run: .*{said}.*\.$"):
        run_notebook.main()


def test_saved_cells_hold_one_output_for_all_they_print():
    for path in (run.ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            names = [o.name for o in cell.get("outputs", []) if o.output_type == "stream"]
            assert len(names) == len(set(names)), f"{path.stem}: {cell.source[:60]}"


def test_the_slowest_cells_of_a_notebook_are_named(tmp_path):
    code = ["x = 1", "import time; time.sleep(1.5)", "time.sleep(0.7)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    nbformat.write(notebook, tmp_path / "small.ipynb")
    found = run_notebook.slowest(run_notebook.run(tmp_path / "small.ipynb"), 2)
    assert re.fullmatch(r"cell 1 [12] s, cell 2 1 s", found)


def test_one_gpu_runs_one_notebook_at_a_time(monkeypatch):
    monkeypatch.setattr(run, "KERNEL", "gdl-gpu")
    command, jobs = run.steps(8)["notebooks on gdl-gpu"]
    assert jobs == 1 and "-n" not in command
