"""What every widget is made of: a lock, a caption, pictures as PNG bytes, and a static picture."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets

from helpers import plots
from helpers.widgets import controls, keeping
from helpers.widgets.jobs import Job
from helpers.widgets.pictures import described

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"


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
    """A line of text, announced when it changes, that also names the controls around it.

    Below it stands what was last saved, with a link for each file that the browser keeps by itself.
    """

    _esm = HERE / "caption.js"
    _css = HERE / "widgets.css"
    text = traitlets.Unicode().tag(sync=True)
    alternatives = traitlets.List(traitlets.Unicode()).tag(sync=True)
    saved = traitlets.Unicode().tag(sync=True)
    files = traitlets.Dict().tag(sync=True)  # name to bytes


class Lab(ipywidgets.VBox):
    """Base of every widget here: a lock, a caption, and a static picture for saved notebooks.

    A subclass defines `picture()`, what its images show as one array. The static picture adds what
    they show in words, what the controls say, and the caption. A button saves what `full_size()`
    gives; where there is a `FILM`, two more save what `frames()` gives.

    Args:
        children: what is shown, from the top; the caption comes below.
        alternatives: what each `ipywidgets.Image` in them shows, in their order on the page.
    """

    title = "Lab"
    NARROWEST = 420  # of the static picture, in pixels
    NOTE = "A picture of a widget: run its cell and the controls move."
    IN_STATIC: str | None = None  # what the static picture shows, where that is not the images
    FILM: float | None = None  # seconds that a frame of its film is shown; None: there is no film
    job: Job | None = None
    _ipython_display_ = None  # of ipywidgets 7, which would leave out the picture

    def __init__(self, children: Sequence[ipywidgets.Widget], alternatives: list[str]) -> None:
        self.lock = threading.RLock()
        self.caption = Caption(alternatives=alternatives)
        super().__init__([*children, self._make_savers(), self.caption])
        self.add_class("gdl-lab")
        images = [p for p in controls.parts_of(self) if isinstance(p, ipywidgets.Image)]
        self.described_images = dict(zip(alternatives, images, strict=True))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show yet that a saved notebook should keep."""
        return False

    def picture(self) -> np.ndarray:
        """What the images show now, floats in [0, 1] of shape (height, width, 1 or 3)."""
        raise NotImplementedError

    def full_size(self) -> dict[str, np.ndarray]:
        """What the images show, pixel for pixel, each under a word for its file's name."""
        return {"picture": self.picture()}

    def frames(self) -> np.ndarray | list[np.ndarray]:
        """The film of what the controls say, for :class:`helpers.plots.Film`."""
        raise NotImplementedError

    def settings_in_words(self) -> str:
        """The settings that made what is shown."""
        return controls.describe(self)

    def _make_savers(self) -> ipywidgets.HBox:
        """The buttons that save what is shown."""

        def button(
            text: str, icon: str, action: Callable[[], dict[str, bytes]]
        ) -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, icon=icon)
            made.on_click(lambda _: self._save(action))
            return made

        self.savers = [button("Save picture", "save", self._pngs)]
        if self.FILM is not None:
            for kind, name in (("gif", "GIF"), ("webp", "WebP")):
                self.savers.append(button(f"Save {name} film", "film", partial(self._film, kind)))
        return ipywidgets.HBox(self.savers)

    def _pngs(self) -> dict[str, bytes]:
        notes = {"Title": self.title, "Description": self.caption.text}
        notes |= {"Settings": self.settings_in_words(), **keeping.origin()}
        return {f"{n}.png": keeping.as_png(image, notes) for n, image in self.full_size().items()}

    def _film(self, kind: str) -> dict[str, bytes]:
        frames = [np.clip(frame, 0, 1) for frame in self.frames()]
        return {f"film.{kind}": plots.Film(self.title, frames, self.FILM).encoded(kind)}

    def _save(self, make: Callable[[], dict[str, bytes]]) -> None:
        """Write what was made, offer it to the browser, and say both below the caption."""
        with self.lock:
            try:
                if self.empty:
                    raise ValueError("nothing is shown yet.")
                said, files = keeping.save(type(self).__name__, make())
            except ValueError as error:
                said, files = f"Nothing is saved: {error}", {}
            self.caption.saved, self.caption.files = said, files

    def static(self) -> np.ndarray:
        """The picture with what it shows, the controls and the caption in words below."""
        with self.lock:
            shown = [text for text, image in self.described_images.items() if image.value]
            lines = ["Shown: " + (self.IN_STATIC or "; ".join(shown)), controls.describe(self)]
            lines += [*self.caption.text.splitlines(), self.NOTE]
            return described(self.picture(), [line for line in lines if line], self.NARROWEST)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        view, placed = self.caption._repr_mimebundle_()  # anywidget knows ipywidgets 7, 8 and Colab
        view[VIEW]["model_id"] = self.model_id
        if self.empty:
            return {**view, "text/plain": f"<{self.title}; nothing to show yet>"}, placed
        words = " ".join([f"{self.title}.", *self.caption.text.split()])
        picture, metadata = plots.bundle(self.static(), words)
        return {**view, **picture, "text/plain": f"<{self.title}>"}, {**placed, **metadata}

    def close(self) -> None:
        """Take the widget off the page, and stop what it does."""
        if self.job is not None:
            self.job.stop()
        super().close()
