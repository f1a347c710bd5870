"""How does a learner's own picture get into a widget, whole and under a name of its own?"""

import os
from collections.abc import Callable

import ipywidgets
import numpy as np

from helpers import data, plots, style

GALLERY_SIZE = 1024  # of the shorter side, in pixels; a larger picture is made smaller
LONGEST = 4  # how many times its height a picture may be wide, or the other way round
USUAL_MB = 10  # what Jupyter's server lets through; `make lab` starts it with more, and says so


class Upload(ipywidgets.HBox):
    """A button that takes the learner's own picture, shows it, and adds it to some menus.

    The picture keeps its shape. A name that a picture of the lab has already is told apart; the
    learner's own picture of the same name is replaced, and shown anew where it is chosen.

    Args:
        pictures: name to picture; uploads are added to it.
        menus: dropdowns that list the names.
        show: called where an upload takes the place of a picture that is chosen.
    """

    def __init__(
        self,
        pictures: dict[str, np.ndarray],
        menus: list[ipywidgets.Dropdown],
        show: Callable[[], None],
    ) -> None:
        self.pictures, self.menus, self.show, self.adding = pictures, menus, show, False
        self.given = frozenset(pictures)
        most = f"up to {os.environ.get('GDL_UPLOAD_MB', USUAL_MB)} MB"
        self.button = ipywidgets.FileUpload(accept="image/*", description="Your picture")
        self.message, self.preview = ipywidgets.Label(most), ipywidgets.Image(height=64)
        self.preview.layout.display = "none"
        super().__init__([self.button, self.preview, self.message])
        self.button.observe(self._receive, "value")

    def _receive(self, change: dict) -> None:
        """Take what arrived, and forget it, so that the same file may arrive again."""
        files = change["new"]
        if files:
            self.button.set_trait("value", type(files)())
            for name, content in _received(files):
                self.add(name, content)

    def add(self, name: str, content: bytes) -> None:
        """Read a file's bytes; on success show it and list it in the menus, else say why not."""
        try:
            picture = _read(content)
        except ValueError as error:
            self.message.value = f"{name}: {error}"
            return
        own = f"{name} (yours)" if name in self.given else name
        self.pictures[own] = picture
        self.preview.value = plots.png(shown(picture, 64))
        self.preview.layout.display = ""
        taken = f": a picture of the lab is called {name}" if own != name else ""
        self.message.value = f"{own}{taken}: choose it in a menu above."
        self._list(own)

    def _list(self, name: str) -> None:
        """Offer all names in the menus; where this one is chosen, show its new picture."""
        self.adding = True  # a menu with new options leaves its choice for a moment
        try:
            for menu in self.menus:
                chosen = menu.value
                menu.options = list(self.pictures)
                menu.value = chosen
        finally:
            self.adding = False
        if any(menu.value == name for menu in self.menus):
            self.show()


def shown(picture: np.ndarray, size: int) -> np.ndarray:
    """A picture scaled until its shorter side is `size`, or its longer side twice that."""
    short, long = sorted(picture.shape[:2])
    return style.resize(picture, min(size, max(1, round(2 * size * short / long))))


def _received(files: tuple | dict) -> list[tuple[str, bytes]]:
    """Name and bytes of each file: ipywidgets 8 lists them, ipywidgets 7 keeps them by name."""
    if isinstance(files, dict):
        files = [{**file, "name": name} for name, file in files.items()]
    return [(file["name"], bytes(file["content"])) for file in files]


def _read(content: bytes) -> np.ndarray:
    """A picture in its own shape, its shorter side at most `GALLERY_SIZE`."""
    picture = data.load_image(content, GALLERY_SIZE, square=False)
    height, width = picture.shape[:2]
    if max(height, width) > LONGEST * min(height, width):
        hint = f"cut it until it is at most {LONGEST} times as long as wide"
        raise ValueError(f"the picture is {width} x {height} pixels: {hint}.")
    return picture
