"""How does any picture become float32 in [0, 1], with the channel last?

files and addresses    upright, on white where transparent, see :mod:`helpers.data.decoding`
photographs            inside scikit-image
paintings              image/starry_night.jpg, and drawn by :mod:`helpers.data.paintings`
"""

import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import skimage.data
from PIL import Image

from helpers.data import cache, decoding, files, limits, paintings

STARRY_NIGHT = Path(__file__).resolve().parents[2] / "image" / "starry_night.jpg"
PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


def load_image(
    source: str | Path | bytes, size: int | None = None, square: bool = True
) -> np.ndarray:
    """Read a picture, upright, on white where it is transparent.

    JPEG, PNG, GIF, BMP, TIFF, WebP, AVIF and JPEG 2000 are read, of 8 or more bits a channel; of an
    animation the first frame.

    Args:
        source: a path, an address that starts with http:// or https://, or a file's bytes.
        size: of the shorter side in pixels; None keeps the picture as large as it is.
        square: whether to cut the largest square from the middle. False keeps the picture's shape,
            and a picture that is smaller than `size` stays so; without a size both hold anyway.

    Returns:
        float32 in [0, 1] of shape (height, width, 3).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a size out of range or no path; or the file is no picture, is damaged, is in a
            format that is not read, or is too large to be decoded in 300 MB of memory.
        DataError: the address cannot be reached, or refuses to answer.
    """
    size = None if size is None else decoding.checked_side(size)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read_stream(io.BytesIO(source), "the uploaded file", size, square)
    if not str(source).lower().startswith(("http://", "https://")):
        path = files.expanded(source)
        return _read_image(path, path.name, size, square)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = cache.download(str(source), Path(folder), limit=limits.FILE_BYTES)
        except (OSError, ValueError) as error:
            advice = "check the address and the connection, or save the picture and give its path"
            raise cache.DataError(f"{source} cannot be fetched ({error}): {advice}.") from error
        return _read_image(path, str(source), size, square)


def _read_image(path: Path, name: str, size: int | None, square: bool) -> np.ndarray:
    if not os.path.isfile(path):
        shown = limits.printable(path)[:300]
        raise FileNotFoundError(f"There is no picture at {shown}: check the path.")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise limits.NotRead(name, "cannot be opened", "check who may read it") from error
    with stream:
        return _read_stream(stream, name, size, square)


def _read_stream(stream: BinaryIO, name: str, size: int | None, square: bool) -> np.ndarray:
    with decoding.complaints_as_errors():
        return decoding.read_pixels(stream, name, size, "crop" if square else "whole")


def photographs(size: int) -> dict[str, np.ndarray]:
    """Photographs that come with scikit-image: an astronaut, a cat, a coffee cup, a rocket.

    Args:
        size: side in pixels of the square cut from the middle.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3).
    """
    size = decoding.checked_side(size)
    pictures = {name: Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOGRAPHS}
    fitted = {name: decoding.fit_square(picture, size) for name, picture in pictures.items()}
    return {name: decoding.as_array(picture) for name, picture in fitted.items()}


def style_images(size: int) -> dict[str, np.ndarray]:
    """Paintings to take a style from: van Gogh's Starry Night and five of our own.

    Args:
        size: side in pixels of each square.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3); see :mod:`helpers.data.paintings`.
    """
    size = decoding.checked_side(size)
    night = {"starry_night": load_image(STARRY_NIGHT, size)}
    return night | {name: paint(size) for name, paint in paintings.PAINTINGS.items()}


def to_tanh_range(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1] as images in [-1, 1], the range of G's tanh."""
    return 2 * np.asarray(images, "float32") - 1


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as images in [0, 1], for plots and judges."""
    return (np.asarray(images) + 1) / 2
