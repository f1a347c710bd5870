"""How do NumPy arrays become one picture, and its bytes, in a few milliseconds?"""

import base64
import io

import numpy as np
from PIL import Image
from skimage.util import montage

from helpers import runtime


def tile(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Lay images out in rows.

    Args:
        images: floats in [0, 1], shape (n, height, width, 1 or 3).
        columns: images per row; a last row that is not full is padded with white.
        gap: white pixels between neighbours.

    Returns:
        Shape (rows * (height + gap) - gap, columns * (width + gap) - gap, channels).
    """
    runtime.check_count(columns=columns)
    images = np.asarray(images, "float32")
    if images.ndim != 4 or not images.size:
        raise ValueError(f"images have shape {images.shape}: use (n, height, width, channels).")
    shape, white = (-(-len(images) // columns), columns), [1] * images.shape[-1]
    framed = montage(images, white, grid_shape=shape, padding_width=gap, channel_axis=-1)
    return framed[gap : len(framed) - gap, gap : framed.shape[1] - gap]


def png(image: np.ndarray) -> bytes:
    """PNG bytes of one image, floats in [0, 1] of shape (height, width, 1 or 3)."""
    pixels = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    stream = io.BytesIO()
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def bundle(image: np.ndarray, alternative: str) -> tuple[dict[str, str], dict[str, dict]]:
    """An image as a notebook saves it: PNG of 256 colours or JPEG, whichever is smaller.

    Args:
        image: floats in [0, 1] of shape (height, width, 1 or 3).
        alternative: what it shows, for those who cannot see it; nbconvert makes it the `alt` of
            the page's `img`.

    Returns:
        Its MIME type and its bytes in base64; and, as metadata of that type, the alternative.
    """
    full, few, photographic = Image.open(io.BytesIO(png(image))), io.BytesIO(), io.BytesIO()
    full.quantize(256).save(few, "PNG", optimize=True)
    full.save(photographic, "JPEG", quality=68, optimize=True)
    streams = {"image/png": few, "image/jpeg": photographic}
    kind = min(streams, key=lambda name: len(streams[name].getvalue()))
    encoded = base64.b64encode(streams[kind].getvalue()).decode()
    return {kind: encoded}, {kind: {"alt": alternative}}


def signed(maps: np.ndarray) -> np.ndarray:
    """Numbers of both signs as grey levels: 0 is middle grey, each map reaches black or white.

    Args:
        maps: shape (n, height, width), for example filters or principal components.

    Returns:
        In [0, 1], shape (n, height, width, 1).
    """
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return (0.5 + 0.5 * maps / np.maximum(largest, 1e-12))[..., np.newaxis]


def interleave(above: np.ndarray, below: np.ndarray, columns: int) -> np.ndarray:
    """Two sets of images in turn, a row of each, so that each stands above its partner.

    Args:
        above: shape (n, height, width, channels), n a multiple of `columns`.
        below: same shape.
        columns: images per row.

    Returns:
        Shape (2 n, height, width, channels), for :func:`tile` with the same `columns`.
    """
    rows = [images.reshape(-1, columns, *images.shape[1:]) for images in (above, below)]
    return np.stack(rows, axis=1).reshape(-1, *above.shape[1:])
