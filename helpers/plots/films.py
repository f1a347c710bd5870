"""How do frames become a film that any browser plays, over and over?"""

import io

import numpy as np
from PIL import Image

LONGEST = 16_383  # pixels a side, which WebP can number
KINDS = {"gif": {}, "webp": {"lossless": True}, "png": {"optimize": True}}  # options of Pillow


def film(
    frames: np.ndarray | list[np.ndarray],
    kind: str = "webp",
    seconds: float = 0.2,
    smallest: int = 256,
) -> bytes:
    """The bytes of an animated picture that begins again when it ends.

    WebP and PNG keep every colour. GIF has 256 a frame, which is every grey level and every colour
    of a small picture; of a photograph each pixel takes the nearest of the 256. Neighbours that are
    alike may be kept as one frame that is shown longer.

    Args:
        frames: floats in [0, 1], shape (n, height, width, 1 or 3), n of 2 or more.
        kind: ``"gif"``, ``"webp"``, or ``"png"``, which a notebook shows as any other picture.
        seconds: that each frame is shown, from 0.02; rounded to hundredths, the unit of GIF.
        smallest: pixels of the shorter side at least; each pixel becomes a square of pixels, so
            that none is blurred.

    Raises:
        ValueError: another kind, frames of another shape or outside [0, 1], fewer than two, all of
            them alike, or a time or size out of range.
    """
    pixels = _checked(frames, kind, seconds)
    scale = max(1, -(-smallest // min(pixels.shape[1:3])))
    height, width = (scale * side for side in pixels.shape[1:3])
    if max(height, width) > LONGEST:
        said = f"The film would be {width} x {height} pixels"
        raise ValueError(f"{said}: at most {LONGEST} a side; ask for a smaller one.")
    grey = kind != "webp" and pixels.shape[-1] == 1
    shown = [_enlarged(frame, scale, grey, kind) for frame in pixels]
    stream = io.BytesIO()
    timing = {"duration": 10 * round(100 * seconds), "loop": 0}
    shown[0].save(stream, kind, save_all=True, append_images=shown[1:], **timing, **KINDS[kind])
    return stream.getvalue()


def _enlarged(frame: np.ndarray, scale: int, grey: bool, kind: str) -> Image.Image:
    """One frame as Pillow keeps it; for a GIF in colour with the 256 that suit it best."""
    frame = frame.repeat(scale, axis=0).repeat(scale, axis=1)
    if grey:
        return Image.fromarray(frame[..., 0])
    picture = Image.fromarray(np.broadcast_to(frame, (*frame.shape[:2], 3)).copy())
    return picture.quantize(256, dither=Image.Dither.NONE) if kind == "gif" else picture


def _checked(frames: np.ndarray | list[np.ndarray], kind: str, seconds: float) -> np.ndarray:
    """The frames as bytes, shape (n, height, width, 1 or 3), or one sentence on what is wrong."""
    if kind not in KINDS:
        raise ValueError(f"A film cannot be {kind!r}: choose {', '.join(KINDS)}.")
    if not 0.02 <= seconds <= 60:
        raise ValueError(f"A frame cannot be shown for {seconds} seconds: use 0.02 to 60.")
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
