"""Paint under a slider: optimise a picture, or transfer a style in one pass."""

import time
from collections.abc import Callable

import ipywidgets
import numpy as np

from helpers import plots, style
from helpers.data import checks
from helpers.divergence import check_finite
from helpers.widgets import forecast
from helpers.widgets.base import Lab
from helpers.widgets.controls import (
    WIDE,
    as_text,
    make_choice,
    make_log_slider,
    make_menu,
    make_slider,
)
from helpers.widgets.pictures import beside, described
from helpers.widgets.uploads import Upload, shown
from helpers.widgets.worker import Worker


class Scrubber(Lab):
    """Move through the frames of something that took time.

    Args:
        pictures: one per frame, in [0, 1], shape (height, width, 1 or 3); heights may differ.
        captions: one line per frame.
        name: of the slider.

    Raises:
        ValueError: no picture, one without finite numbers, or another number of captions.
    """

    title = "Scrubber: the frames of a run, one slider"
    IN_STATIC = "some frames, from first to last; below, the chosen frame in words"
    FILM = 0.3
    STRIP = 6

    def __init__(
        self, pictures: list[np.ndarray], captions: list[str], name: str = "frame"
    ) -> None:
        checks.check_each("pictures", pictures)
        if len(pictures) != len(captions):
            raise ValueError(f"{len(pictures)} pictures and {len(captions)} captions: give equal.")
        self.pictures, self.captions = pictures, captions
        last = len(pictures) - 1
        self.frame = make_slider(name, last, 0, last, 1)
        self.image = ipywidgets.Image()
        super().__init__([self.frame, self.image], ["the chosen frame"])
        self.frame.observe(self._refresh, "value")
        self._refresh()

    def _refresh(self, change: dict | None = None) -> None:
        with self.lock:
            self.image.value = plots.png(style.resize(self.pictures[self.frame.value], 320))
            self.caption.text = self.captions[self.frame.value]

    def picture(self) -> np.ndarray:
        """A few frames from first to last, side by side, each above its caption."""
        chosen = np.linspace(0, len(self.pictures) - 1, self.STRIP).round().astype(int)
        chosen = list(dict.fromkeys(chosen))
        frames = [(style.resize(self.pictures[n], 180), self.captions[n]) for n in chosen]
        return beside(*(described(frame, [caption]) for frame, caption in frames))

    def full_size(self) -> dict[str, np.ndarray]:
        """The chosen frame at its own pixels."""
        return {"frame": self.pictures[self.frame.value]}

    def frames(self) -> list[np.ndarray]:
        """All frames in the shape of the largest."""
        largest = max((picture.shape[:2] for picture in self.pictures), key=min)
        return [style.fit(picture, largest) for picture in self.pictures]


class StyleStudio(Worker):
    """Choose a photograph, a painting and the weights; watch the picture being optimised.

    Args:
        photographs: name to picture, RGB in [0, 1] of shape (height, width, 3).
        paintings: likewise.
        size: shorter side of the result in pixels, as long as the longer has no more than 1,024; a
            quarter and a half of it are painted first.
        steps: in the largest round; the rounds before take twice and four times as many.

    Raises:
        ValueError: no photograph, no painting, or a picture without finite numbers.
    """

    title = "Style studio: photograph, painting and weights; the picture and its loss curves"
    SIZES = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
    DRAW_SECONDS = 0.5

    def __init__(
        self,
        photographs: dict[str, np.ndarray],
        paintings: dict[str, np.ndarray],
        size: int = 128,
        steps: int = 20,
    ) -> None:
        checks.check_each("photographs", photographs.values())
        checks.check_each("paintings", paintings.values())
        self.photographs, self.paintings = dict(photographs), dict(paintings)
        self._make_choices(size, steps)
        begin = self.make_controls("Paint", "paint-brush")
        self.upload = Upload(self.photographs, [self.controls["photograph"]], self._show_choice)
        self.result, self.best, self.made = ipywidgets.Image(), None, ""
        self.curve_image = ipywidgets.Image(width=440, height=320)
        left = ipywidgets.VBox([*self.controls.values(), self.upload, begin])
        row = ipywidgets.HBox([left, self.result, self.curve_image])
        super().__init__([row], ["your picture", "the picture as it is painted", "loss curves"])
        for name in ("photograph", "painting"):
            self.controls[name].observe(self._show_choice, "value")
        for name in ("size", "steps"):
            self.controls[name].observe(self._measure_time, "value")
        self._show_choice()

    def _show_choice(self, change: dict | None = None) -> None:
        """Until the first frame, the photograph and the painting stand where the picture will."""
        if not (self.working or self.upload.adding):
            photograph = self.photographs[self.controls["photograph"].value]
            painting = self.paintings[self.controls["painting"].value]
            self.history = {}
            self._draw(beside(shown(photograph, 320), shown(painting, 160)))
            measured = forecast.pace.cache_info().currsize
            self._say_time(forecast.optimising if measured else forecast.roughly)

    def _measure_time(self, change: dict) -> None:
        """The same, by the pace of this machine, which takes some seconds to measure once."""
        if not self.working:
            self.time_left.value = "measuring how fast this machine paints …"
            self._say_time(forecast.optimising)

    def _say_time(self, seconds_of: Callable[[tuple[int, int], int], float]) -> None:
        """Before it is painted: how long that will take here."""
        photograph = self.photographs[self.controls["photograph"].value]
        shape = forecast.shape_of(photograph, self.controls["size"].value)
        try:
            forecast.check_memory(shape, forecast.OPTIMISING)
        except ValueError as error:
            self.time_left.value = str(error)
            return
        seconds = seconds_of(shape, self.controls["steps"].value)
        self.time_left.value = forecast.in_words(seconds, shape, photograph)

    def _make_choices(self, size: int, steps: int) -> None:
        self.controls = {
            "photograph": make_menu("photograph", list(self.photographs)),
            "painting": make_menu("painting", list(self.paintings)),
            "style_weight": make_log_slider("style_weight", style.STYLE_WEIGHT, -1, 4),
            "variation_weight": make_log_slider("smoothness", style.VARIATION_WEIGHT, -1, 3),
            "layers": ipywidgets.SelectMultiple(
                options=list(style.STYLE_LAYERS),
                value=list(style.STYLE_LAYERS),
                description="style layers",
                style=WIDE,
            ),
            "optimizer": ipywidgets.ToggleButtons(options=["lbfgs", "adam"], description="by"),
            "size": make_choice("size", list(self.SIZES), size),
            "steps": make_slider("steps", steps, 5, 100, 5),
        }

    def work(self, settings: dict) -> str:
        """Optimise one picture; `best` holds it even when stopped."""
        self.history, self.drawn_at, self.shape = {}, 0.0, None
        self.made = " · ".join(
            f"{n.replace('_', ' ')} {as_text(value)}" for n, value in settings.items()
        )
        photograph = self.photographs[settings.pop("photograph")]
        paintings = [self.paintings[settings.pop("painting")]]
        size, steps = settings.pop("size"), settings.pop("steps")
        optimizer, layers = settings.pop("optimizer"), settings.pop("layers")
        if not layers:
            raise ValueError("No style layer is chosen: choose at least one.")
        shape = forecast.shape_of(photograph, size)
        forecast.check_memory(shape, forecast.OPTIMISING)
        size = min(shape)
        weights = {name: style.STYLE_LAYERS[name] for name in layers}
        transfer = style.StyleTransfer(photograph, paintings, layers=weights, **settings)
        sizes = tuple(max(style.SMALLEST, size // part) for part in (4, 2, 1))
        plan = {"sizes": sizes, "steps": (4 * steps, 2 * steps, steps)}
        self.total, begin = 7 * steps, time.perf_counter()
        self.best = transfer.run(
            **plan, optimizer=optimizer, on_frame=lambda frame: self._watch(frame, begin)
        )
        self._draw(self.best)
        return ", ".join(f"{name} {value:.3g}" for name, value in self.lowest.items())

    def _watch(self, frame: style.Frame, begin: float) -> bool:
        hint = "try smaller weights, or the other optimizer"
        check_finite(frame.losses, f"at step {frame.step} of {self.total}", hint)
        larger = self.shape is not None and frame.picture.shape != self.shape
        for name, value in frame.losses.items():
            points = self.history.setdefault(name, [])
            if larger:  # other targets: a gap, not a leap
                points.append((frame.seconds, np.nan))
            points.append((frame.seconds, value))
        if frame.picture.shape != self.shape or frame.losses["total"] < self.lowest["total"]:
            self.shape, self.lowest = frame.picture.shape, frame.losses
        self.show_progress(min(frame.step, self.total), self.total, begin)
        if frame.seconds - self.drawn_at > self.DRAW_SECONDS:
            self._draw(frame.picture)
            self.drawn_at = frame.seconds
        return self.job.stop_asked.is_set()

    def _draw(self, picture: np.ndarray) -> None:
        with self.lock:
            self.painting = picture
            self.drawn = [shown(picture, 320), self._curves().pixels()]
            self.result.value, self.curve_image.value = map(plots.png, self.drawn)

    def _curves(self) -> plots.Figure:
        title = "losses, unweighted, and their weighted total"
        return self.curves(title, "seconds", {"loss": tuple(self.history)}, "log")

    def picture(self) -> np.ndarray:
        """The picture and its curves."""
        return beside(*self.drawn)

    def full_size(self) -> dict[str, np.ndarray]:
        """The picture in the size it is painted in, and its curves."""
        return {"painting": self.painting, "losses": self.drawn[1]}

    def settings_in_words(self) -> str:
        """What the picture was begun with, wherever the controls have moved since."""
        return self.made or super().settings_in_words()


class StyleMixer(Lab):
    """One photograph, two paintings, one pass: mix them under a slider.

    Args:
        photographs: name to picture, RGB in [0, 1] of shape (height, width, 3).
        paintings: likewise; the first two are chosen at first.
        transfer: a :class:`helpers.style.FastTransfer`.
        size: shorter side of the result in pixels, as long as the longer has no more than 1,024;
            it has the photograph's shape.

    Raises:
        ValueError: no photograph, fewer than two paintings, or a picture without finite numbers.
    """

    title = "Style mixer: a photograph, two paintings, and the picture between them"
    SIZES = (128, 192, 256, 384, 512, 768, 1024)

    def __init__(
        self,
        photographs: dict[str, np.ndarray],
        paintings: dict[str, np.ndarray],
        transfer: style.FastTransfer,
        size: int = 192,
    ) -> None:
        checks.check_each("photographs", photographs.values())
        checks.check_each("paintings", paintings.values(), fewest=2)
        self.pictures = {**photographs, **paintings}
        self.transfer, self.painted = transfer, None
        first, second = list(paintings)[:2]
        names = {"photograph": next(iter(photographs)), "painting_1": first, "painting_2": second}
        self.menus = {n: make_menu(n, list(self.pictures), value) for n, value in names.items()}
        self.size = make_choice("size", list(self.SIZES), size)
        self.mixture = make_slider("mix", 0.0, 0.0, 1.0, 0.01)
        self.alpha = make_slider("strength", 1.0, 0.0, 1.0, 0.01)
        self.colours = ipywidgets.Checkbox(description="keep the colours")
        self.upload = Upload(self.pictures, list(self.menus.values()), self._encode)
        self.originals, self.result = ipywidgets.Image(), ipywidgets.Image()
        controls = [*self.menus.values(), self.size, self.mixture, self.alpha, self.colours]
        row = ipywidgets.HBox(
            [ipywidgets.VBox([*controls, self.upload, self.originals]), self.result]
        )
        names = ["your picture", "the photograph and the two paintings", "the painted photograph"]
        super().__init__([row], names)
        for menu in self.menus.values():
            menu.observe(self._encode, "value")
        self.size.observe(self._encode_at_another_size, "value")
        for control in (self.mixture, self.alpha, self.colours):
            control.observe(self._paint, "value")
        self._encode()

    def _encode_at_another_size(self, change: dict) -> None:
        """Say how long it will take, then encode and paint."""
        with self.lock:
            photograph = self.pictures[self.menus["photograph"].value]
            shape = forecast.shape_of(photograph, self.size.value)
            seconds = forecast.in_one_pass(self.transfer, self.photograph, shape)
            said = forecast.in_words(seconds, shape, photograph)
            self.caption.text = f"Painting: {said} …"
            self._encode()

    def _encode(self, change: dict | None = None) -> None:
        """Needed when a picture or the size changes; mixing alone skips it."""
        if self.upload.adding:
            return
        with self.lock:
            originals = [self.pictures[menu.value] for menu in self.menus.values()]
            shapes = [forecast.shape_of(picture, self.size.value) for picture in originals]
            try:
                forecast.check_memory(max(shapes, key=np.prod), forecast.ONE_PASS)
            except ValueError as error:
                self.caption.text = f"Not painted: {error}"
                return
            chosen = [
                style.resize(picture, min(shape))
                for picture, shape in zip(originals, shapes, strict=True)
            ]
            self.photograph = chosen[0]
            self.content, *self.styles = [self.transfer.encode(picture) for picture in chosen]
            self.thumbnails = [shown(picture, 96) for picture in chosen]
            self.originals.value = plots.png(beside(*self.thumbnails))
            self._paint()

    def _paint(self, change: dict | None = None) -> None:
        with self.lock:
            begin, share = time.perf_counter(), self.mixture.value
            mixed = self.transfer.mix(
                self.content, self.styles, [1 - share, share], self.alpha.value
            )
            height, width = self.photograph.shape[:2]
            self.painted = self.transfer.decode(mixed)[:height, :width]
            if self.colours.value:
                self.painted = style.keep_colours(self.painted, self.photograph)
            self.result.value = plots.png(shown(self.painted, 384))
            milliseconds = 1000 * (time.perf_counter() - begin)
            _, first, second = (menu.value for menu in self.menus.values())
            mixture = f"{100 - 100 * share:.0f} % {first}, {100 * share:.0f} % {second}"
            said = f"{mixture}, strength {self.alpha.value:.2f}, painted in {milliseconds:.0f} ms"
            self.caption.text = said

    def picture(self) -> np.ndarray:
        """The three originals, one below the other, beside the painted photograph."""
        lying = beside(*(picture.swapaxes(0, 1) for picture in self.thumbnails))
        return beside(lying.swapaxes(0, 1), shown(self.painted, 384))

    def full_size(self) -> dict[str, np.ndarray]:
        """The painted photograph in the size it is painted in."""
        return {"painting": self.painted}
