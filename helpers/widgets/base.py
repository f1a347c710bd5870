"""What every widget is made of: a lock, a caption, pictures as PNG bytes, a thread that stops."""

import threading
import time
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets

from helpers import plots

HERE = Path(__file__).parent
WIDE = {"description_width": "96px"}
GAP = 12  # white pixels between pictures that stand side by side


class Pad(anywidget.AnyWidget):
    """A point dragged over a picture, by pointer or arrow keys (shift for larger steps)."""

    _esm = HERE / "pad.js"
    _css = HERE / "widgets.css"
    x = traitlets.Float().tag(sync=True)
    y = traitlets.Float().tag(sync=True)
    x_range = traitlets.List([-3.0, 3.0]).tag(sync=True)
    y_range = traitlets.List([-3.0, 3.0]).tag(sync=True)
    frame = traitlets.List([0.0, 0.0, 1.0, 1.0]).tag(sync=True)
    names = traitlets.List(["z1", "z2"]).tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    label = traitlets.Unicode("Point on the plane; move it with the arrow keys").tag(sync=True)


class Caption(anywidget.AnyWidget):
    """A line of text, announced when it changes, that also names the controls around it."""

    _esm = HERE / "caption.js"
    _css = HERE / "widgets.css"
    text = traitlets.Unicode().tag(sync=True)
    alternatives = traitlets.List(traitlets.Unicode()).tag(sync=True)


class Lab(ipywidgets.VBox):
    """Base of every widget here: a lock, a caption, and its `picture()` for saved notebooks."""

    title = "Lab"

    def __init__(self, children, alternatives: list[str]):
        self.lock = threading.RLock()
        self.caption = Caption(alternatives=alternatives)
        super().__init__([*children, self.caption])
        self.add_class("gdl-lab")

    def _repr_mimebundle_(self, **kwargs):
        static = {**plots.bundle(self.picture()), "text/plain": f"<{self.title}>"}
        return {**super()._repr_mimebundle_(**kwargs), **static}


class Worker(Lab):
    """Base of a widget with a long job: two buttons, a thread, the time left, errors shown.

    A subclass calls `make_controls` first, then `super().__init__`, and defines `work(settings)`,
    which does the job, watches `stop_asked`, fills `history` and returns what to say when done.
    """

    def make_controls(self, verb: str, icon: str) -> ipywidgets.VBox:
        """The two buttons, the progress bar and the time left, one above the other."""
        self.thread, self.error, self.stop_asked = None, None, threading.Event()
        self.go = ipywidgets.Button(description=verb, button_style="primary", icon=icon)
        self.stop = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self.go.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.request_stop())
        self.progress = ipywidgets.FloatProgress(max=1, description="progress", style=WIDE)
        self.time_left = ipywidgets.Label("not started")
        buttons = ipywidgets.HBox([self.go, self.stop])
        return ipywidgets.VBox([buttons, self.progress, self.time_left])

    @property
    def settings(self) -> dict:
        """What the controls say now, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def working(self) -> bool:
        """Whether a job is under way."""
        return self.thread is not None and self.thread.is_alive()

    def start(self) -> None:
        """Begin, unless a job is under way; the button does the same."""
        with self.lock:
            if self.working:
                return
            self.stop_asked.clear()
            self.error = None
            self._busy(True)
            self.caption.text = "Working …"
            self.thread = threading.Thread(target=self._run, args=(self.settings,), daemon=True)
            self.thread.start()

    def request_stop(self) -> None:
        """Ask the job to end after its current step; what it made stays."""
        if self.working:
            self.stop_asked.set()

    def join(self) -> None:
        """Wait for the job to end; interrupting the kernel stops it.

        Raises:
            RuntimeError: there was no job yet.
            Exception: whatever ended the job, if an error did.
        """
        if self.thread is None:
            raise RuntimeError(f"Nothing was done yet: press {self.go.description} first.")
        try:
            self.thread.join()
        except KeyboardInterrupt:
            self.request_stop()
            raise
        if self.error is not None:
            raise self.error

    def show_progress(self, done: int, total: int, begin: float) -> None:
        """Move the bar and say how long is left, `begin` being when step 0 was."""
        left = (time.perf_counter() - begin) * (total / done - 1)
        self.progress.value = done / total
        self.time_left.value = f"step {done} of {total}, {left:.0f} s left"

    def curves(self, title: str, x_label: str, labels: dict, scale: str = "") -> plots.Figure:
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

    def _run(self, settings: dict) -> None:
        begin = time.perf_counter()
        try:
            said = self.work(dict(settings))
            self.caption.text = ("Stopped. " if self.stop_asked.is_set() else "Done. ") + said
        except Exception as error:
            self.error = error
            self.caption.text = f"Ended by an error. {type(error).__name__}: {error}"
        finally:
            self._busy(False)
            self.time_left.value = f"{time.perf_counter() - begin:.0f} s in all"


def _plot_curves(axes, curves: dict[str, list], scale: str) -> None:
    """Lines with a legend; where no scale is given, a logarithmic one if values reach far."""
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name)
    values = [value for points in curves.values() for _, value in points]
    axes.set_yscale(scale or ("log" if max(values) > 30 * min(values) > 0 else "linear"))
    axes.legend(frameon=False)


def make_slider(name: str, value, low, high, step):
    """A slider over whole numbers when all four are whole, else over floats."""
    whole = all(isinstance(number, int) for number in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    text = name.replace("_", " ")
    return kind(value=value, min=low, max=high, step=step, description=text, style=WIDE)


def make_menu(name: str, options: list[str]) -> ipywidgets.Dropdown:
    """A menu of words; the first is chosen."""
    text = name.replace("_", " ")
    return ipywidgets.Dropdown(options=options, value=options[0], description=text, style=WIDE)


def make_control(name: str, given):
    """A menu where a list of words is given, a slider where `(value, low, high, step)` is."""
    if all(isinstance(option, str) for option in given):
        return make_menu(name, list(given))
    return make_slider(name, *given)


def beside(*images: np.ndarray) -> np.ndarray:
    """Set images of any height side by side on white; all become RGB."""
    height = max(len(image) for image in images)
    columns = []
    for image in images:
        padding = ((0, height - len(image)), (0, GAP), (0, 0))
        rgb = np.broadcast_to(image, (*image.shape[:2], 3))
        columns.append(np.pad(rgb, padding, constant_values=1))
    return np.concatenate(columns, axis=1)[:, :-GAP]


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat each pixel `scale` times in both directions."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)
