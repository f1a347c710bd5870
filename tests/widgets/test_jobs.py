"""A job begins once, ends when asked, loses no press, and its widget's end is its own."""

import threading

import ipywidgets
import numpy as np
import pytest

from helpers import divergence
from helpers.widgets import Lab, jobs
from helpers.widgets.worker import Worker


class Counter(Worker):
    """Counts until it is stopped, or up to `most`; every step may be held up."""

    title = "Counter"

    def __init__(self, most=10**9):
        self.most, self.counted, self.step = most, 0, threading.Event()
        self.controls = {"start": ipywidgets.IntSlider(description="start")}
        super().__init__([self.make_controls("Count", "play")], [])

    def work(self, settings):
        self.counted = settings["start"]
        while self.counted < self.most and not self.job.stop_asked.is_set():
            self.counted += 1
            self.step.set()
            self.job.stop_asked.wait(0.001)
        self.history = {"count": [(0, self.counted)]}
        return f"{self.counted} counted"

    def picture(self):
        return np.ones((10, 10, 1))


@pytest.fixture
def counters():
    """Makes counters, and stops them all in the end."""
    made = []

    def make(**options):
        made.append(Counter(**options))
        return made[-1]

    yield make
    for counter in made:
        counter.job.halt()


def begun(counter):
    """Press the button and wait until the counter counts."""
    counter.go.click()
    assert counter.step.wait(20)
    return counter


def test_a_press_starts_one_job_and_a_second_none(counters):
    counter = begun(counters())
    thread = counter.job.thread
    counter.go.click()
    assert counter.job.thread is thread and counter.working
    assert counter.go.disabled and not counter.stop.disabled


def test_a_closed_widget_stops_its_job(counters):
    counter = begun(counters())
    counter.close()
    counter.job.thread.join(20)
    assert not counter.job.thread.is_alive() and counter.caption.text.startswith("Stopped. ")


def test_a_widget_that_was_never_finished_can_be_closed():
    class Broken(Counter):
        def __init__(self):
            raise ValueError("no counter")

    with pytest.raises(ValueError, match="no counter"):
        Broken()
    Lab.__new__(Lab).close()


def test_a_press_at_the_moment_a_job_ends_begins_another(counters):
    """The button is pressed the instant it can be: the old thread still runs."""
    counter = counters(most=3)
    pressed = []

    def press(change):
        if not change["new"] and len(pressed) < 20:
            pressed.append(counter.job.thread)
            counter.go.click()

    counter.go.observe(press, "disabled")
    counter.go.click()
    counter.join()
    assert len(set(map(id, pressed))) == 20 and counter.counted == 3


def test_a_press_after_stop_waits_for_the_old_job_and_begins(counters):
    counter = begun(counters())
    old = counter.job.thread
    counter.stop.click()
    counter.go.click()
    assert counter.job.thread is not old and not old.is_alive() and counter.working


def test_stop_before_and_after_a_job_stops_nothing(counters):
    counter = counters(most=3)
    counter.stop.click()
    counter.go.click()
    counter.join()
    assert counter.caption.text == "Done. 3 counted"
    counter.stop.click()
    counter.go.click()
    counter.join()
    assert counter.caption.text == "Done. 3 counted"


class Shell:
    """What IPython tells of the cell that runs."""

    def __init__(self, cell, run):
        self.message = {"metadata": {"cellId": cell} if cell else {}, "header": {"msg_id": run}}

    def get_parent(self):
        return self.message


def test_a_cell_that_runs_again_stops_the_job_of_its_first_run(counters, monkeypatch):
    def made_in(cell, run):
        monkeypatch.setattr(jobs, "get_ipython", lambda: Shell(cell, run))
        return begun(counters())

    old, beside, other = made_in("a", "1"), made_in("a", "1"), made_in("b", "2")
    assert all(counter.working for counter in (old, beside, other))
    new = made_in("a", "3")
    for counter in (old, beside):
        counter.job.thread.join(20)
    assert not old.working and not beside.working and other.working and new.working


def test_without_ids_of_cells_nothing_is_stopped(counters, monkeypatch):
    for shell in (None, Shell(None, "1"), Shell(None, "2")):
        monkeypatch.setattr(jobs, "get_ipython", lambda shell=shell: shell)
        first, second = begun(counters()), begun(counters())
        assert first.working and second.working


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_named(value):
    divergence.check_finite({"loss": 1.0}, "at step 2", "rest")
    with pytest.raises(
        divergence.Diverged, match=rf"^loss is {value:g} at step 3: rest\.$"
    ) as caught:
        divergence.check_finite({"kl": 1.0, "loss": value}, "at step 3", "rest")
    assert jobs.complaint(caught.value) == f"Stopped. loss is {value:g} at step 3: rest."


def test_join_waits_for_jobs_that_follow_and_stops_at_an_interrupt(counters, monkeypatch):
    counter = begun(counters())

    class Interrupted:
        def join(self):
            raise KeyboardInterrupt

    thread = counter.job.thread
    monkeypatch.setattr(counter.job, "thread", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        counter.join()
    thread.join(20)
    assert not counter.working and counter.caption.text.startswith("Stopped. ")
