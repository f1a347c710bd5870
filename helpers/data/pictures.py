"""How does any picture become float32 in [0, 1], with the channel last?

files and addresses    whatever Pillow reads, upright, on white where it is transparent
folders                every picture below one
photographs            inside scikit-image
paintings              image/starry_night.jpg, and drawn by :mod:`helpers.data.paintings`
"""

import io
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageOps, UnidentifiedImageError

from helpers.data import cache, face_files, paintings

STARRY_NIGHT = Path(__file__).resolve().parents[2] / "image" / "starry_night.jpg"
PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


def load_image(source: str | Path | bytes, size: int | None = None) -> np.ndarray:
    """Read any picture Pillow can, upright, on white where it is transparent.

    Args:
        source: a path, an address that starts with http:// or https://, or a file's bytes.
        size: side in pixels of the square cut from the middle; None keeps the picture whole.

    Returns:
        float32 in [0, 1] of shape (height, width, 3).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is damaged, or is too large to be decoded safely.
        DataError: the address cannot be reached.
    """
    if isinstance(source, bytes):
        return _decode_image(io.BytesIO(source), "the uploaded file", size)
    if not str(source).startswith(("http://", "https://")):
        return _read_image(Path(source), size)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = cache.download(str(source), Path(folder))
        except (OSError, ValueError) as error:
            advice = "check the address and the connection, or save the picture and give its path"
            raise cache.DataError(f"{source} cannot be fetched: {advice}.") from error
        return _read_image(path, size)


def _read_image(path: Path, size: int | None) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"There is no picture at {path}: check the path.")
    return _decode_image(path, path.name, size)


def _decode_image(
    source: Path | io.BytesIO, name: str, size: int | None, margin: float = 0.0
) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                picture = ImageOps.exif_transpose(picture).convert("RGBA")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        raise ValueError(f"{name} has over {limit}: make it smaller first.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{name} is no picture, or is damaged ({error}).") from error
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    return _square(picture, size, margin) if size else np.asarray(picture, "float32") / 255


def _square(picture: Image.Image, size: int, margin: float = 0.0) -> np.ndarray:
    """The largest square from the middle, scaled to `size` pixels a side, in [0, 1].

    `margin` is the share of the width and height that is cut off first, on every side.
    """
    fitted = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS, margin)
    return np.asarray(fitted, "float32") / 255


def image_folder(path: str | Path, size: int) -> np.ndarray:
    """Read every picture below a folder, in the order of the names.

    Files that are no pictures are left out and named in a warning.

    Args:
        path: the folder; its subfolders are read too, hidden files are not.
        size: side in pixels of the square cut from the middle of each picture.

    Returns:
        float32 in [0, 1] of shape (n, size, size, 3).

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: the folder holds no picture that can be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise NotADirectoryError(f"There is no folder at {folder}: check the path.")
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    readers = {str(file.relative_to(folder)): file.read_bytes for file in files}
    return decode_all(readers, folder, size)[0]


def decode_all(
    files: face_files.Readers, place: str | Path, size: int, margin: float = 0.0
) -> tuple[np.ndarray, list[str]]:
    """The pictures among some files, and their names; those left out are named in a warning."""
    images, kept, bad = [], [], []
    for name, read in files.items():
        try:
            images.append(_decode_image(io.BytesIO(read()), name, size, margin))
            kept.append(name)
        except (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            bad.append(name)
    if not images:
        raise ValueError(f"{place} holds no picture: of {len(files)} files none can be read.")
    if bad:
        warnings.warn(f"Left out {len(bad)} unreadable files: {', '.join(bad)}", stacklevel=3)
    return np.stack(images), kept


def photographs(size: int) -> dict[str, np.ndarray]:
    """Photographs that come with scikit-image: an astronaut, a cat, a coffee cup, a rocket.

    Args:
        size: side in pixels of the square cut from the middle.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3).
    """
    pictures = {name: getattr(skimage.data, name)() for name in PHOTOGRAPHS}
    return {name: _square(Image.fromarray(p), size) for name, p in pictures.items()}


def style_images(size: int) -> dict[str, np.ndarray]:
    """Paintings to take a style from: van Gogh's Starry Night and five of our own.

    Args:
        size: side in pixels of each square.

    Returns:
        Name to float32 in [0, 1] of shape (size, size, 3); see :mod:`helpers.data.paintings`.
    """
    night = {"starry_night": load_image(STARRY_NIGHT, size)}
    return night | {name: paint(size) for name, paint in paintings.PAINTINGS.items()}


def to_tanh_range(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1] as images in [-1, 1], the range of G's tanh."""
    return 2 * np.asarray(images, "float32") - 1


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as images in [0, 1], for plots and judges."""
    return (np.asarray(images) + 1) / 2
