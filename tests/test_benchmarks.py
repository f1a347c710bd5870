"""One lab's measurement leaves the others' rows alone, and the table shows every row."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import load

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def bench():
    return load("benchmarks/run.py", "bench_run")


def row(lab, name, course=6.0):
    ratio = course and course / 2
    return {"lab": lab, "name": name, "course": course, "ours": 2.0, "ratio": ratio, "unit": "ms"}


def test_other_labs_keep_their_rows(bench):
    old = [row("05", "a"), row("07", "old"), row("09", "b")]
    merged = bench.merge(old, [row("07", "new"), row("07", "newer")])
    assert [(r["lab"], r["name"]) for r in merged] == [
        ("05", "a"), ("07", "new"), ("07", "newer"), ("09", "b"),
    ]  # fmt: skip


def test_table_shows_ratios_and_leaves_out_what_has_none(bench):
    lines = bench.table([row("07", "step"), row("07", "slider", None)]).splitlines()
    assert lines[2] == "| 07 | step | 6 ms | 2 ms | 3 |"
    assert lines[3] == "| 07 | slider | - | 2 ms | - |"


def test_saved_results_have_the_documented_keys():
    rows = json.loads((ROOT / "benchmarks/results.json").read_text())
    assert rows and all(set(r) == set(row("", "")) for r in rows)
    readme = (ROOT / "README.md").read_text()
    for r in rows:
        assert r["name"] in readme


def test_unknown_lab_is_named():
    environment = {**os.environ, "GDL_LAB": "99"}
    command = [sys.executable, ROOT / "benchmarks/run.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "There is no benchmark for lab 99" in done.stderr
