"""Change a face by its attributes."""

from collections.abc import Callable

import ipywidgets
import numpy as np

from helpers import plots
from helpers.data import checks
from helpers.widgets.base import Lab
from helpers.widgets.controls import make_menu, make_slider
from helpers.widgets.pictures import enlarge, there_and_back


class FaceStudio(Lab):
    """Sliders that add directions to a face's code: the face before and after, side by side.

    Args:
        decode: from codes (n, latent) to images (n, height, width, channels).
        codes: codes of the faces to choose from, shape (n, latent).
        groups: at most three groups of sliders, each a name to its sliders; a slider is a name to a
            direction of shape (latent,), or one per face, (n, latent); it is added as many times as
            the slider says.
        presets: name to what its sliders say, slider to value; the others go to 0.
        reach: sliders go from -reach to reach.

    Raises:
        ValueError: codes or a direction without finite numbers, no group or more than three, a name
            that two sliders have, a direction of another shape than the codes, or a preset that is
            called "none", moves a slider which is not there, or moves it beyond its reach.
    """

    title = "Face studio: a face before and after, and a slider for each attribute"
    MOST_GROUPS = 3
    FILM, WALK = 0.08, 25

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        codes: np.ndarray,
        groups: dict[str, dict[str, np.ndarray]],
        presets: dict[str, dict[str, float]],
        reach: float = 1.5,
    ) -> None:
        _check(codes, groups, presets, reach)
        self.decode, self.codes, self.presets = decode, codes, presets
        self.random, self.moving = np.random.default_rng(0), False
        everything = {n: d for group in groups.values() for n, d in group.items()}
        self.directions = {n: np.broadcast_to(d, codes.shape) for n, d in everything.items()}
        self.sliders = {n: make_slider(n, 0.0, -reach, reach, 0.05) for n in self.directions}
        self.which = make_slider("face", 0, 0, len(codes) - 1, 1)
        self.another, self.reset = (
            ipywidgets.Button(description=text, icon=icon)
            for text, icon in (("Random face", "random"), ("Reset", "undo"))
        )
        self.preset = make_menu("preset", ["none", *presets])
        self.image = ipywidgets.Image()
        self._arrange(groups)
        self._listen()
        self._refresh()

    def _arrange(self, groups: dict) -> None:
        columns = [
            ipywidgets.VBox([ipywidgets.HTML(f"<b>{name}</b>"), *(self.sliders[s] for s in group)])
            for name, group in groups.items()
        ]
        buttons = ipywidgets.HBox([self.another, self.reset])
        left = ipywidgets.VBox([self.which, self.preset, buttons])
        rows = [ipywidgets.HBox([left, self.image]), ipywidgets.HBox(columns)]
        super().__init__(rows, ["the face as it was, and as the sliders make it"])

    def _listen(self) -> None:
        self.which.observe(self._refresh, "value")
        for slider in self.sliders.values():
            slider.observe(self._by_hand, "value")
        self.preset.observe(self._apply, "value")
        self.reset.on_click(self._clear)
        self.another.on_click(self._choose)

    def _choose(self, button: ipywidgets.Button) -> None:
        self.which.value = int(self.random.integers(len(self.codes)))

    def _by_hand(self, change: dict) -> None:
        """A slider left its preset: the picture follows, and the preset may be chosen again."""
        if not self.moving:
            self.moving, self.preset.value = True, "none"
            self.moving = False
            self._refresh()

    def _apply(self, change: dict) -> None:
        if not self.moving:
            self.move(self.presets.get(self.preset.value, {}))

    def _clear(self, button: ipywidgets.Button) -> None:
        self.preset.value = "none"
        self.move({})

    def move(self, values: dict[str, float]) -> None:
        """Set some sliders and send all others to 0, with one new picture at the end."""
        with self.lock:
            self.moving = True
            try:
                for name, slider in self.sliders.items():
                    slider.value = values.get(name, 0.0)
            finally:
                self.moving = False
            self._refresh()

    @property
    def code(self) -> np.ndarray:
        """The chosen face's code with every slider's direction added, shape (latent,)."""
        face = self.which.value
        steps = [slider.value * self.directions[n][face] for n, slider in self.sliders.items()]
        return self.codes[face] + np.sum(steps, axis=0)

    def _refresh(self, change: dict | None = None) -> None:
        if self.moving:
            return
        with self.lock:
            both = np.stack([self.codes[self.which.value], self.code]).astype("float32")
            faces = self.decode(both)
            self.pair = plots.tile(faces, 2, gap=2)
            self.drawn = enlarge(self.pair, max(1, 256 // faces.shape[1]))
            self.image.value = plots.png(self.drawn)
            moved = [f"{s.description} {s.value:+.2f}" for s in self.sliders.values() if s.value]
            after = ", ".join(moved) or "nothing moved yet"
            self.caption.text = f"Left: face {self.which.value}. Right: {after}"

    def picture(self) -> np.ndarray:
        """Before and after."""
        return self.drawn

    def full_size(self) -> dict[str, np.ndarray]:
        """Before and after, at their own pixels."""
        return {"faces": self.pair}

    def frames(self) -> np.ndarray:
        """From the face as it was to the face as the sliders make it, and back."""
        before, after = self.codes[self.which.value], self.code
        codes = before + np.linspace(0, 1, self.WALK)[:, np.newaxis] * (after - before)
        return there_and_back(self.decode(codes.astype("float32")))


def _check(codes: np.ndarray, groups: dict, presets: dict, reach: float) -> None:
    """Refuse what the studio cannot show; see its `Raises`."""
    checks.check_rows({"codes": codes})
    for group in groups.values():
        for name, direction in group.items():
            checks.check_rows({name: direction})
    if not 1 <= len(groups) <= FaceStudio.MOST_GROUPS:
        raise ValueError(f"There are {len(groups)} groups of sliders: give one to three.")
    names = [name for group in groups.values() for name in group]
    if len(set(names)) < len(names):
        raise ValueError(f"Two sliders have one name among {', '.join(names)}: rename one.")
    shapes = {np.shape(d) for group in groups.values() for d in group.values()}
    if not shapes <= {codes.shape, codes.shape[1:]}:
        hint = f"use {codes.shape[1:]}, or {codes.shape} for one per face"
        raise ValueError(f"Directions have shapes {shapes}: {hint}.")
    unknown = {name for preset in presets.values() for name in preset} - set(names)
    if unknown:
        raise ValueError(f"A preset moves {', '.join(sorted(unknown))}: there is no such slider.")
    largest = max((abs(v) for preset in presets.values() for v in preset.values()), default=0)
    if largest > reach or "none" in presets:
        hint = f'name it otherwise than "none" and stay within {reach:g}'
        raise ValueError(f"A preset cannot be chosen, its values reach {largest:g}: {hint}.")
