"""A widget with a long job: two buttons, the time left, curves, errors in words."""

import time
from collections.abc import Callable

import ipywidgets
from matplotlib.axes import Axes

from helpers import plots
from helpers.widgets import controls
from helpers.widgets.base import Lab
from helpers.widgets.jobs import Job, complaint


class Worker(Lab):
    """Base of a widget with a long job: two buttons, a thread, the time left, errors shown.

    A subclass calls `make_controls` first, then `super().__init__`, and defines `work(settings)`,
    which does the job, watches `job.stop_asked`, fills `history` and returns what to say when done.
    """

    def make_controls(self, verb: str, icon: str) -> ipywidgets.VBox:
        """The two buttons, the progress bar and the time left, one above the other."""
        self.job, self.history = Job(), {}
        self.go = ipywidgets.Button(description=verb, button_style="primary", icon=icon)
        self.stop = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self.go.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.request_stop())
        self.progress = ipywidgets.FloatProgress(max=1, description="progress", style=controls.WIDE)
        self.time_left = ipywidgets.Label("not started")
        buttons = ipywidgets.HBox([self.go, self.stop])
        return ipywidgets.VBox([buttons, self.progress, self.time_left])

    def work(self, settings: dict) -> str:
        """Do the job with the settings of the controls; return what to say when it is done."""
        raise NotImplementedError

    @property
    def settings(self) -> dict:
        """What the controls say now, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def working(self) -> bool:
        """Whether a job is under way."""
        return self.job.working

    @property
    def empty(self) -> bool:
        """Whether no number was noted yet."""
        return not any(self.history.values())

    def start(self) -> None:
        """Begin, unless a job is under way; the button does the same."""
        settings = self.settings
        self.begin(lambda: self.work(dict(settings)))

    def begin(self, work: Callable[[], str]) -> None:
        """Begin other work, which returns what to say when it is done, unless some is under way."""
        self.job.start(lambda: self._run(work), self._busy)

    def request_stop(self) -> None:
        """Ask the job to end after its current step; what it made stays."""
        self.job.stop()

    def join(self) -> None:
        """Wait for the job to end; interrupting the kernel stops it.

        Raises:
            RuntimeError: there was no job yet.
            Exception: whatever ended the job, if an error did.
        """
        if self.job.thread is None:
            raise RuntimeError(f"Nothing was done yet: press {self.go.description} first.")
        self.job.join()

    def show_progress(self, done: int, total: int, begin: float) -> None:
        """Move the bar and say how long is left, `begin` being when step 0 was."""
        left = (time.perf_counter() - begin) * (total / done - 1)
        self.progress.value = done / total
        self.time_left.value = f"step {done} of {total}, {left:.0f} s left"

    def curves(
        self, title: str, x_label: str, labels: dict[str, tuple[str, ...]], scale: str = ""
    ) -> plots.Figure:
        """What `history` holds, lists of `(x, y)` by name; before there are any, what to press.

        Args:
            title: above the figure.
            x_label: of the horizontal axis, with its unit.
            labels: one pair of axes for each: its vertical label, and the names of its curves.
            scale: of the vertical axes; "" chooses for each by how far its values reach.
        """
        size = (4.4, max(3.2, 1.9 * len(labels)))
        figure, all_axes = plots.figure(title, rows=len(labels), size=size)
        for axes, (label, names) in zip(all_axes, labels.items(), strict=True):
            axes.set_ylabel(label)
            curves = {name: self.history[name] for name in names if name in self.history}
            if curves:
                _plot_curves(axes, curves, scale)
            else:
                axes.text(0.5, 0.5, f"press {self.go.description}", ha="center", va="center")
        all_axes[-1].set_xlabel(x_label)
        return figure

    def _busy(self, busy: bool) -> None:
        self.go.disabled, self.stop.disabled = busy, not busy
        if busy:
            self.caption.text, self.time_left.value, self.progress.value = "Working …", "", 0.0

    def _run(self, work: Callable[[], str]) -> None:
        begin = time.perf_counter()
        try:
            result = work()
            self.caption.text = ("Stopped. " if self.job.stop_asked.is_set() else "Done. ") + result
        except Exception as error:
            self.caption.text = complaint(error)
            raise
        finally:
            self.time_left.value = f"{time.perf_counter() - begin:.0f} s in all"


def _plot_curves(axes: Axes, curves: dict[str, list], scale: str) -> None:
    """Lines with a legend; where no scale is given, a logarithmic one if values reach far."""
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name)
    values = [value for points in curves.values() for _, value in points]
    if (scale or ("log" if max(values) > 30 * min(values) > 0 else "linear")) == "log":
        plots.label_log_axis(axes)
    if len(curves) > 2:  # above the axes: a small plot has no free corner for them
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4, "borderaxespad": 0.2}
        axes.legend(frameon=False, fontsize=8, handlelength=1, columnspacing=1, **place)
    else:
        axes.legend(frameon=False)
