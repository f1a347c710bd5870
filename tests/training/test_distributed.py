"""Processes that train together lose what one loses, and a wrong option is answered at once."""

import json
import subprocess
import sys

import numpy as np
import pytest

from helpers.training import distributed


def run(*options):
    """Losses that the command prints, shape (steps, 2)."""
    command = [sys.executable, "-m", "helpers.training.distributed", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("step")]
    return np.array([[float(part.split()[-1]) for part in line.split(",")] for line in lines])


def test_two_processes_lose_what_one_loses(one_device):
    two = run("--workers", "2", "--steps", "20")
    np.testing.assert_allclose(two, one_device, rtol=1e-4)


def test_two_logical_devices_lose_what_one_loses(one_device):
    two = run("--devices", "2", "--steps", "20")
    np.testing.assert_allclose(two, one_device, rtol=1e-4)


def test_one_process_by_command(one_device):
    np.testing.assert_allclose(run("--steps", "3"), one_device[:3], rtol=1e-4)


def test_long_runs_do_not_stop_half_way():
    assert distributed.launch(steps=2500).shape == (2500, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "0"), "workers is 0: use a whole number of 1 or more"),
        (("--workers", "128"), "several workers or several devices, at most 16"),
        (("--devices", "-2"), "devices is -2: use a whole number of 1 or more"),
        (("--workers", "2", "--devices", "2"), "several workers or several devices"),
        (("--workers", "3"), "3 does not divide the batch of 128"),
        (("--steps", "0"), "steps is 0: use a whole number of 1 or more"),
    ],
)
def test_bad_options(options, message):
    command = [sys.executable, "-m", "helpers.training.distributed", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr
    names = [name.strip("-") for name in options[::2]]
    with pytest.raises(ValueError, match=message):
        distributed.launch(**dict(zip(names, map(int, options[1::2]), strict=True)))


def workers(folder, *codes):
    """Started processes and their logs."""
    logs = [folder / str(number) for number in range(len(codes))]
    commands = [[sys.executable, "-c", code] for code in codes]
    return list(map(distributed.start, commands, logs)), logs


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("raise SystemExit('no room')", r"Worker 1 failed, .* no room"),
        ("import time; time.sleep(60)", r"did not end within 2 s"),
    ],
)
def test_workers_that_fail_or_never_end(tmp_path, monkeypatch, second, message):
    monkeypatch.setattr(distributed, "TIME_LIMIT", 2)
    processes, logs = workers(tmp_path, "import time; time.sleep(60)", second)
    try:
        with pytest.raises(RuntimeError, match=message):
            distributed.wait_for(processes, logs)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_each_process_is_told_of_all_and_which_it_is():
    ports = distributed.free_ports(3)
    assert len(set(ports)) == 3
    computed = json.loads(distributed.cluster(["a:1", "b:2"], 1))
    assert computed == {
        "cluster": {"worker": ["a:1", "b:2"]},
        "task": {"type": "worker", "index": 1},
    }


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        (".", "helpers.training.distributed"),
        ("benchmarks", "run"),
        ("tests", "run"),
        ("tests", "run_notebook"),
    ],
)
def test_a_command_reads_its_options_before_tensorflow_loads(folder, command):
    """A wrong option is answered in a second: no command imports what takes ten."""
    program = f"import sys, {command}; print(*{{'tensorflow', 'keras'}} & set(sys.modules))"
    options = {"capture_output": True, "text": True, "cwd": distributed.ROOT / folder}
    done = subprocess.run([sys.executable, "-c", program], **options)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
