"""How do frames become a film that any browser plays, over and over?"""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

LONGEST = 16_383  # pixels a side, which WebP can number
KINDS = {"gif": {}, "webp": {"lossless": True}, "png": {"optimize": True}}  # options of Pillow


class Film:
    """Frames in turn, again from the first after the last; a notebook shows it as any picture.

    WebP and animated PNG keep every colour. GIF has 256 a frame, which is every grey level and
    every colour of a small picture; of a photograph each pixel takes the nearest of the 256.
    Neighbours that are alike may be kept as one frame that is shown longer.

    Args:
        title: one line that says what moves, for those who cannot see it.
        frames: floats in [0, 1], shape (n, height, width, 1 or 3), n of 2 or more.
        seconds: that each frame is shown, from 0.02; rounded to hundredths, the unit of GIF.
        smallest: pixels of the shorter side at least; each pixel becomes a square of pixels, so
            that none is blurred.

    Raises:
        ValueError: frames of another shape or outside [0, 1], fewer than two, all of them alike, or
            a time or size out of range.
    """

    def __init__(
        self,
        title: str,
        frames: np.ndarray | list[np.ndarray],
        seconds: float = 0.2,
        smallest: int = 256,
    ) -> None:
        if not 0.02 <= seconds <= 60:
            raise ValueError(f"A frame cannot be shown for {seconds} seconds: use 0.02 to 60.")
        self.title, self.milliseconds = title, 10 * round(100 * seconds)
        self.pixels = _checked(frames)
        self.scale = max(1, -(-smallest // min(self.pixels.shape[1:3])))
        height, width = (self.scale * side for side in self.pixels.shape[1:3])
        if max(height, width) > LONGEST:
            said = f"The film would be {width} x {height} pixels"
            raise ValueError(f"{said}: at most {LONGEST} a side; ask for a smaller one.")

    def __repr__(self) -> str:
        return f"<Film: {self.title}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, str], dict[str, dict]]:
        shown = {"image/png": base64.b64encode(self.encoded("png")).decode()}
        return {**shown, "text/plain": repr(self)}, {"image/png": {"alt": self.title}}

    def encoded(self, kind: str) -> bytes:
        """The bytes of a file: ``"gif"``, ``"webp"`` or ``"png"``, an animated one.

        Raises:
            ValueError: another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"A film cannot be {kind!r}: choose {', '.join(KINDS)}.")
        first, *rest = (self._shown(frame, kind) for frame in self.pixels)
        stream = io.BytesIO()
        timing = {"duration": self.milliseconds, "loop": 0}
        first.save(stream, kind, save_all=True, append_images=rest, **timing, **KINDS[kind])
        return stream.getvalue()

    def _shown(self, frame: np.ndarray, kind: str) -> Image.Image:
        """One frame enlarged; for a GIF in colour with the 256 that suit it best."""
        frame = frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        if frame.shape[-1] == 1:
            grey = Image.fromarray(frame[..., 0])
            return grey.convert("RGB") if kind == "webp" else grey
        picture = Image.fromarray(frame)
        return picture.quantize(256) if kind == "gif" else picture


def _checked(frames: np.ndarray | list[np.ndarray]) -> np.ndarray:
    """The frames as bytes, shape (n, height, width, 1 or 3), or one sentence on what is wrong."""
    shapes = {np.shape(frame) for frame in frames}
    shape = next(iter(shapes), ())
    if len(shapes) > 1 or len(shape) != 3 or shape[-1] not in (1, 3) or 0 in shape:
        said = ", ".join(map(str, sorted(shapes))) or "none"
        raise ValueError(f"Frames have shapes {said}: give all one (height, width, 1 or 3).")
    if len(frames) < 2:
        raise ValueError("A film of 1 frame does not move: give 2 or more.")
    values = np.asarray(frames, "float32")
    if np.all(values == values[0]):
        raise ValueError("All frames are alike: a film of them is a still picture.")
    if not (values.min() >= 0 and values.max() <= 1):
        low, high = values.min(), values.max()
        raise ValueError(f"Frames reach from {low:g} to {high:g}: scale them to [0, 1].")
    return np.round(255 * values).astype("uint8")
