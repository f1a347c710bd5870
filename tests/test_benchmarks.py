"""The bench goes on where it was stopped, mixes no two machines, and its table is the README's."""

import importlib
import json
import os
import statistics
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import keras
import matplotlib.colors
import numpy as np
import pytest
from conftest import load

from helpers import data

ROOT = Path(__file__).resolve().parent.parent
MACHINE = {"processor": "Abacus 9", "threads": 2, "avx512": False, "gpus": 0, "tensorflow": "2.99"}
SITTING = {"date": "2026-11-26 09:00", "commit": "abc1234", "code": "c0de", "machine": MACHINE}
OTHER = {**MACHINE, "threads": 16}


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """`benchmarks/run.py`, whose files are in a folder of the test."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("benchmarks/run.py", "bench_run")
    monkeypatch.setattr(module.records, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(module.records, "HISTORY", tmp_path / "history.json")
    monkeypatch.setattr(module, "README", tmp_path / "README.md")
    monkeypatch.setattr(module, "CHART", tmp_path / "benchmarks.svg")
    monkeypatch.setattr(module.machine, "sitting", lambda lab: SITTING)
    return module


class FakeLab:
    """A lab of two measurements with three seeds, and one that is made once; notes each call."""

    SEEDS = 3

    def __init__(self):
        self.calls, self.begun, self.killed_at = [], [], None

        def steps(seed):
            return self.measured("steps", seed, [("step", 6.0 + seed, 2.0, "ms")])

        def training(seed):
            rows = [("to 5", None, 10.0 * seed, "s"), ("to 1", 100.0, 4.0 + seed, "s")]
            return self.measured("training", seed, rows)

        def sizes(seed):
            return self.measured("sizes", seed, [("weights", 20.0, 10.0, "")])

        self.MEASUREMENTS, self.ONCE = (steps, training), (sizes,)

    def measured(self, name, seed, rows):
        if (name, seed) == self.killed_at:
            raise KeyboardInterrupt
        self.calls.append((name, seed))
        return rows


@pytest.fixture
def lab(monkeypatch, bench):
    fake = FakeLab()
    monkeypatch.setitem(sys.modules, "lab98", fake)
    monkeypatch.setattr(bench, "LABS", ("98",))
    monkeypatch.setattr(os, "execv", lambda *command: fake.begun.append(command))
    return fake


def run_all(bench):
    """What the program does by starting itself again and again."""
    while run := bench.next_run(["98"]):
        bench.measure(*run)


def record(lab="07", name="step", ours=(2.0,), beside=(6.0,), **other):
    by = {"unit": "ms", "measured_by": "steps"}
    values = {"ours": list(ours), "beside": beside and list(beside)}
    return {"lab": lab, "name": name, **by, **values, **SITTING, **other}


ALL = [(name, seed) for seed in range(3) for name in ("steps", "training")]
ALL.insert(2, ("sizes", 0))


@pytest.mark.parametrize(
    "killed_at", [("sizes", 0), ("training", 0), ("training", 1), ("steps", 2)]
)
def test_a_killed_bench_goes_on_with_what_is_missing(bench, lab, killed_at):
    lab.killed_at = killed_at
    with pytest.raises(KeyboardInterrupt):
        run_all(bench)
    assert lab.calls == ALL[: ALL.index(killed_at)]
    kept = bench.records.load(bench.records.RESULTS)
    assert sum(len(r["ours"]) for r in kept) == sum(1 + (n == "training") for n, _ in lab.calls)
    lab.killed_at = None
    run_all(bench)
    assert lab.calls == ALL
    assert [
        (r["name"], r["ours"], r["beside"]) for r in bench.records.load(bench.records.RESULTS)
    ] == [
        ("step", [2.0, 2.0, 2.0], [6.0, 7.0, 8.0]),
        ("to 5", [0.0, 10.0, 20.0], None),
        ("to 1", [4.0, 5.0, 6.0], [100.0, 100.0, 100.0]),
        ("weights", [10.0], [20.0]),
    ]
    assert not bench.records.HISTORY.exists()


def test_program_starts_itself_again_until_table_and_chart_are_new(bench, lab, monkeypatch, capsys):
    bench.README.write_text(f"# A\n\nabove\n\n{bench.HEADER}\n| old |\n\nMeasured: old.\n\nbelow\n")
    monkeypatch.setenv("GDL_LAB", "98")
    for _ in range(4):
        bench.main()
    assert lab.begun == [(sys.executable, [sys.executable, *sys.argv])] * 3 and lab.calls == ALL
    table = bench.table(bench.records.load(bench.records.RESULTS))
    assert bench.README.read_text() == f"# A\n\nabove\n\n{table}\n\nbelow\n"
    assert "98 · to 1" in bench.CHART.read_text() and "below" not in table
    assert table.splitlines()[2] in capsys.readouterr().out


def test_stop_is_one_sentence(bench, lab, monkeypatch):
    lab.killed_at = ("training", 0)
    monkeypatch.setenv("GDL_LAB", "98")
    with pytest.raises(SystemExit, match="what was measured is kept, and `make bench` goes on"):
        bench.main()


def test_a_process_killed_outright_leaves_whole_files(bench, monkeypatch):
    records = bench.records
    records.save(records.RESULTS, [record()])
    before = records.RESULTS.read_text()
    write = Path.write_text

    def killed(self, text, *rest):
        write(self, text[: len(text) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "write_text", killed)
        records.save(records.RESULTS, [record(), record(name="other")])
    assert records.RESULTS.read_text() == before and records.load(records.RESULTS) == [record()]


@pytest.mark.parametrize("other", [{"machine": OTHER}, {"code": "0ther"}])
def test_other_machines_and_other_code_are_in_no_mean(bench, lab, other):
    records = bench.records
    first = record("98", "step", (900.0, 900.0), (900.0, 900.0), **other)
    elsewhere = record("07", **other)
    records.save(records.RESULTS, [elsewhere, first])
    run_all(bench)
    rows = {row["name"]: row for row in records.load(records.RESULTS)}
    assert lab.calls == ALL and rows["step"]["ours"] == [2.0, 2.0, 2.0]
    assert rows["step"]["machine"] == MACHINE and records.load(records.HISTORY) == [first]
    assert records.load(records.RESULTS)[0] == elsewhere  # another lab's, which waits its turn


def test_history_is_appended_to(bench):
    records = bench.records
    records.save(records.HISTORY, [record(name="older"), record(name="old", code="0")])
    before = records.HISTORY.read_text()
    old = [record(name="a", code="1"), record(name="b", code="1")]
    records.save(records.RESULTS, [*old, record("08", code="1")])
    records.retire("07", SITTING)
    after = records.HISTORY.read_text()
    assert after.startswith(before.removesuffix("\n]\n") + ",\n")
    assert records.load(records.HISTORY)[2:] == old
    assert [r["lab"] for r in records.load(records.RESULTS)] == ["08"]
    records.save(records.RESULTS, old)  # as a process leaves it that is killed half-way
    records.retire("07", SITTING)
    assert records.HISTORY.read_text() == after and records.load(records.RESULTS) == []


@pytest.mark.parametrize(
    "text", ['[\n{"lab": "07", "na', "", "{}", "[3]", '[{"lab": "07"}]', "\xff"]
)
@pytest.mark.parametrize("name", ["RESULTS", "HISTORY"])
def test_damaged_file_gets_a_sentence_and_stays(bench, lab, monkeypatch, text, name):
    path = getattr(bench.records, name)
    path.write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("GDL_LAB", "98")
    with pytest.raises(SystemExit) as stopped:
        bench.main()
    assert str(stopped.value) == (
        f"benchmarks/{path.name} is damaged: `git checkout benchmarks/{path.name}` brings back the "
        "committed one."
    )
    assert path.read_bytes() == text.encode("latin-1") and lab.calls == []


def test_rows_that_change_their_names_are_refused(bench):
    def steps(seed):
        """Measured nowhere."""

    add = bench.records.add
    add("07", steps, 0, [("after 454 s", None, 1.0, "s")], SITTING)
    with pytest.raises(
        ValueError, match="rows \\['after 460 s'\\] with seed 1, before \\['after 454"
    ):
        add("07", steps, 1, [("after 460 s", None, 1.0, "s")], SITTING)
    with pytest.raises(ValueError, match="rows \\[\\]"):
        add("07", steps, 1, [], SITTING)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_table_shows_mean_lowest_and_highest(bench, seeds):
    rng = np.random.default_rng(seeds)
    ours, beside = rng.uniform(1, 9, (2, seeds)).tolist()
    line = bench.table([record(ours=ours, beside=beside)]).splitlines()[2]
    each = [b / o for b, o in zip(beside, ours, strict=True)]
    cells = [
        f"{statistics.mean(values):.3g} ms ({min(values):.3g} to {max(values):.3g})"
        for values in (beside, ours)
    ]
    ratio = f"{sum(beside) / sum(ours):.3g} ({min(each):.3g} to {max(each):.3g})"
    assert line == f"| 07 | step | {cells[0]} | {cells[1]} | {ratio} | {seeds} |"


@pytest.mark.parametrize(
    ("ours", "beside", "unit", "cells"),
    [
        ([2.0], [6.0], "ms", "6 ms | 2 ms | 3 | 1"),
        ([2.0], None, "ms", "- | 2 ms | - | 1"),
        ([1404.95], [0.4932], "MB", "0.493 MB | 1400 MB | 0.000351 | 1"),
        ([2.0, None], [4.0, 6.0], "s", "5 s (4 to 6) | 1 of 2 arrived | - | 2"),
        ([2.0, 2.5], [None, None], "s", "0 of 2 arrived | 2.25 s (2 to 2.5) | - | 2"),
        ([0.5, 0.5], None, "", "- | 0.5 (0.5 to 0.5) | - | 2"),
    ],
)
def test_table_of_what_stands_alone_or_never_arrived(bench, ours, beside, unit, cells):
    row = {**record(), "ours": ours, "beside": beside, "unit": unit}
    assert bench.table([row]).splitlines()[2] == f"| 07 | step | {cells} |"


def test_what_is_not_finite_never_arrived(bench):
    def training(seed):
        """Measured nowhere."""

    bench.records.add("07", training, 0, [("to 1", float("inf"), float("nan"), "s")], SITTING)
    (kept,) = json.loads(bench.records.RESULTS.read_text())
    assert kept["ours"] == [None] and kept["beside"] == [None]


def test_table_names_each_machine_with_its_labs(bench):
    other = record("08", machine={**OTHER, "avx512": True, "gpus": 1})
    last = bench.table([record(), record(name="b"), other]).splitlines()[-1]
    assert last == (
        "Measured: lab 07 on Abacus 9, 2 threads, without AVX-512, TensorFlow 2.99; "
        "lab 08 on Abacus 9, 16 threads, with AVX-512, 1 GPU, TensorFlow 2.99."
    )


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_sides_alternate_and_draw_from_the_same_seed(bench, seed):
    clocks, order = importlib.import_module("clocks"), []

    def side(name):
        order.append(name)
        return name, float(keras.random.normal(())), np.random.random()

    beside, ours = clocks.in_turn(seed, lambda: side("beside"), lambda: side("ours"))
    assert (beside[0], ours[0]) == ("beside", "ours") and beside[1:] == ours[1:]
    assert order == (["ours", "beside"] if seed % 2 else ["beside", "ours"])


@pytest.mark.parametrize("seed", [0, 1])
def test_steps_take_turns_and_the_first_turn_does_not_count(bench, monkeypatch, seed):
    clocks, order = importlib.import_module("clocks"), []
    monkeypatch.setattr(clocks, "fit_seconds", lambda model, images: order.append(model) or [5.0])
    monkeypatch.setattr(clocks, "seconds_of", lambda work: work() or 7.0 + 90 * (len(order) < 3))
    course = types.SimpleNamespace(step=lambda x: order.append("course"))
    images = np.zeros((2 * clocks.BATCH_SIZE, 1))
    taken = clocks.step_seconds(images, course, ["a", "b"], seed, rounds=1, steps=1)
    turn = ["b", "a", "course"] if seed else ["course", "a", "b"]
    assert order == 2 * turn and taken == [7.0, 5.0, 5.0]


def test_chart_has_labelled_axes_bars_and_a_marker_for_each_machine(bench):
    old = record(ours=(3.0,), beside=(50.0,), date="2026-11-20 08:00", commit="0ld", machine=OTHER)
    new = record(ours=(2.0, 3.0, 7.0), beside=(80.0, 90.0, 100.0))
    flat = record("10", "CNN-FD", (4.0, None), None, unit="")
    figure = bench.chart.draw([new, flat, old])
    wide, low = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["07 · step", "10 · CNN-FD"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["ms", "no unit"]
    assert all(axes.get_xlabel() == "day and commit" for axes in figure.axes)
    assert [label.get_text() for label in wide.get_xticklabels()] == [
        "2026-11-20\n0ld",
        "2026-11-26\nabc1234",
    ]
    assert (wide.get_yscale(), low.get_yscale()) == ("log", "linear")
    ours = [
        bar
        for bar in wide.containers
        if matplotlib.colors.same_color(bar[0].get_color(), "#0072b2")
    ]
    (before, now) = ours
    assert now[0].get_ydata() == [4.0] and before[0].get_ydata() == [3.0]
    (segment,) = now[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 1], [2.0, 7.0])
    assert now[0].get_marker() != before[0].get_marker()
    (legend,) = figure.legends
    named = {line.get_label(): line.get_marker() for line in legend.legend_handles}
    words = bench.machine.words
    assert named[words(OTHER)] == before[0].get_marker()
    assert named[words(MACHINE)] == now[0].get_marker()


def test_chart_of_the_same_records_is_the_same_file(bench):
    texts = []
    for _ in range(2):
        bench.chart.save(bench.chart.draw([record(), record("08")]), bench.CHART)
        texts.append(bench.CHART.read_text())
    assert texts[0] == texts[1] and "08 · step" in texts[0]


def test_machine_is_read_from_the_system(bench, tmp_path):
    told = tmp_path / "cpuinfo"
    told.write_text("model name\t: Abacus 9\nflags\t\t: fpu avx2 avx512f\n")
    found = bench.machine.this_machine(told)
    assert (found["processor"], found["avx512"]) == ("Abacus 9", True)
    assert found["threads"] == int(os.environ["TF_NUM_INTRAOP_THREADS"])
    told.write_text("model name\t: Abacus 8\nflags\t\t: fpu avx2\n")
    assert bench.machine.this_machine(told)["avx512"] is False
    unknown = bench.machine.this_machine(tmp_path / "none")
    assert unknown["avx512"] is None and unknown["processor"]


def test_code_is_what_could_change_a_number(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench.machine, "ROOT", tmp_path)
    files = [
        "helpers/a/b.py",
        "benchmarks/lab07.py",
        "checkpoints/07.json",
        "benchmarks/results.json",
    ]
    for name in [*files, "README.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "notebooks").mkdir()
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "source": "A = 1"}

    def fingerprint(source="A = 1", outputs=()):
        cells = [{**cell, "source": source, "outputs": list(outputs)}]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        (tmp_path / "notebooks/07_a.ipynb").write_text(json.dumps(notebook))
        return bench.machine.code("07")

    printed = [{"output_type": "stream", "name": "stdout", "text": "7"}]
    before = fingerprint()
    assert fingerprint(outputs=printed) == before != fingerprint("A = 2")
    for name in [*files, "README.md"]:
        (tmp_path / name).write_text("2")
        assert (fingerprint() != before) == (name in files[:3]), name
        (tmp_path / name).write_text("1")
    assert fingerprint() == before


def test_commit_says_whether_the_files_are_its_own(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench.machine, "ROOT", tmp_path)
    assert bench.machine.commit() == "none"

    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/a.py").write_text("1")
    git("add", ".")
    git("commit", "-m", "a")
    (tmp_path / "README.md").write_text("not measured")
    assert bench.machine.commit() == git("rev-parse", "--short", "HEAD")
    (tmp_path / "helpers/a.py").write_text("2")
    assert bench.machine.commit() == git("rev-parse", "--short", "HEAD") + "+"


def test_readme_has_the_table_of_the_results():
    program = "import records, run; print(run.table(records.load(records.RESULTS)))"
    options = {"cwd": ROOT / "benchmarks", "capture_output": True, "text": True, "check": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    table = subprocess.run([sys.executable, "-c", program], env=environment, **options).stdout
    assert table.count("\n| ") > 20, table
    assert table in (ROOT / "README.md").read_text(), "run `make bench`, which renews the table"


def test_chart_in_the_project_has_every_record():
    texts = [(ROOT / f"benchmarks/{name}.json").read_text() for name in ("results", "history")]
    words = "".join(ElementTree.parse(ROOT / "image/benchmarks.svg").getroot().itertext())
    for each in [each for text in texts for each in json.loads(text)]:
        assert f"{each['lab']} · {each['name']}" in words and each["commit"] in words
        assert each["machine"]["processor"] in words


def test_every_lab_of_the_bench_can_be_measured(bench):
    modules = {path.stem.removeprefix("lab") for path in (ROOT / "benchmarks").glob("lab[0-9]*.py")}
    assert modules == set(bench.LABS)
    for name in bench.LABS:
        module = importlib.import_module(f"lab{name}")
        functions = [*module.MEASUREMENTS, *getattr(module, "ONCE", ())]
        assert module.SEEDS in (3, 5) and all(function.__doc__ for function in functions)
        assert len({function.__name__ for function in functions}) == len(functions)


@pytest.mark.parametrize("lab", ["09_first_gan", "10_dcgan", "13_from_noise_in_small_steps"])
def test_cells_that_are_measured_are_in_the_notebook(bench, lab):
    notebook = importlib.import_module("lab_notebook")
    starts = importlib.import_module(f"lab{lab[:2]}").STARTS
    assert len(notebook.cells(f"{lab}.ipynb", starts)) == len(starts)
    with pytest.raises(ValueError, match=f"0 cells of {lab}.ipynb begin with 'def nobody"):
        notebook.cells(f"{lab}.ipynb", (*starts, "def nobody("))


def test_keras_example_is_the_published_one_and_ours_is_smaller(bench):
    example = importlib.import_module("keras_example")
    assert [part.count_params() for part in example.keras_networks()] == [69_076, 65_089]
    for _, beside, ours, _ in example.sizes(0):
        assert ours < beside


@pytest.mark.parametrize(("published", "arrives"), [(1e4, True), (1.0, False)])
def test_our_seconds_end_at_the_published_loss(bench, monkeypatch, published, arrives):
    example = importlib.import_module("keras_example")
    images = np.random.default_rng(0).random((60, 28, 28, 1), "float32")
    split = types.SimpleNamespace(images=images)
    monkeypatch.setattr(data, "mnist", lambda: (split, split))
    monkeypatch.setattr(example, "PUBLISHED", published)
    monkeypatch.setattr(example, "BATCH_SIZE", 30)
    assert np.isfinite(example.our_seconds(0)) == arrives


def test_unknown_lab_is_named():
    environment = {**os.environ, "GDL_LAB": "99"}
    command = [sys.executable, ROOT / "benchmarks/run.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "There is no benchmark for lab 99" in done.stderr
