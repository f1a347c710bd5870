"""What was solved lasts; a file that is damaged or can not be written stops nobody."""

import json
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, load

from helpers import exercises, losses
from helpers.exercises import lab01, progress

pytestmark = pytest.mark.usefixtures("exercise_folder")


def solve():
    return lab01.GRAM.check(losses.gram_matrix)


def test_solved_exercises_last_and_stand_in_the_list(capsys, exercise_folder):
    exercises.mine()
    before = capsys.readouterr().out
    assert "solved" not in before.splitlines()[0] and f"0 of {len(exercises.ALL)} solved" in before
    solve()
    exercises.mine()
    after = capsys.readouterr().out
    assert after == before.replace("· open", "✓ solved", 1).replace("0 of", "1 of")
    assert [path.name for path in exercise_folder.iterdir()] == [progress.FILE]


def test_what_was_noted_before_is_kept_and_nothing_twice():
    for name in ("07 kl", "01 gram", "07 kl"):
        assert progress.note(name) == ""
    assert json.loads(Path(progress.FILE).read_text()) == ["01 gram", "07 kl"]


def test_deleting_the_file_harms_nothing():
    solve()
    Path(progress.FILE).unlink()
    assert progress.solved() == (set(), "")
    assert solve().startswith("✓")


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b'{"a": 1}', b"\xff\xfe", b'["01 gram"'])
def test_a_damaged_file_is_set_aside_with_a_sentence(content, capsys):
    Path(progress.FILE).write_bytes(content)
    exercises.mine()
    assert capsys.readouterr().out.rstrip().endswith("and a new one begins.")
    assert Path(progress.DAMAGED).read_bytes() == content
    assert "\n" not in solve().rstrip()
    assert progress.solved() == ({"01 gram"}, "")


def test_solving_sets_a_damaged_file_aside_as_well():
    Path(progress.FILE).write_text("{")
    said = solve()
    assert said.startswith("✓") and "was damaged" in said
    assert progress.solved() == ({"01 gram"}, "")


def test_a_folder_that_can_not_be_written_is_no_failure(monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(progress.os, "replace", refuse)
    said = solve()
    assert said.startswith("✓") and "could not be noted in my_exercises.json: Permission" in said
    assert list(Path().iterdir()) == []
    Path(progress.FILE).write_text("{")
    assert "damaged and could not be set aside: Permission denied." in progress.solved()[1]


def test_a_file_that_can_not_be_read_is_left_as_it_is(exercise_folder):
    (exercise_folder / progress.FILE).mkdir()
    assert "could not be read" in progress.solved()[1]
    assert "could not be read" in solve() and (exercise_folder / progress.FILE).is_dir()


def test_a_comparing_run_neither_reads_nor_writes(monkeypatch, capsys):
    solve()
    monkeypatch.setenv("GDL_EXERCISES", "off")
    exercises.mine()
    assert f"0 of {len(exercises.ALL)} solved" in capsys.readouterr().out
    Path(progress.FILE).unlink()
    assert solve().startswith("✓") and not Path(progress.FILE).exists()


def test_make_test_leaves_what_a_learner_solved_alone(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests")
    runner, seen = load("tests/run.py", "run"), []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(runner.subprocess, "run", lambda *_, env, **how: seen.append(env) or done)
    runner.run("notebooks", ["true"], jobs=1)
    assert [environment["GDL_EXERCISES"] for environment in seen] == ["off"]
