"""How does any picture become float32 in [0, 1], with the channel last?

files and addresses    upright, on white where transparent, see :mod:`helpers.data.decoding`
folders                every picture below one, see :mod:`helpers.data.face_files`
photographs            inside scikit-image
paintings              image/starry_night.jpg, and drawn by :mod:`helpers.data.paintings`
"""

import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from helpers.data import cache, decoding, face_files, limits, paintings

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
        ValueError: a size out of range; or the file is no picture, is damaged, is in a format that
            is not read, or is too large to be decoded in 300 MB of memory.
        DataError: the address cannot be reached, or refuses to answer.
    """
    size = None if size is None else decoding.checked_side(size)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decoding.read_pixels(io.BytesIO(source), "the uploaded file", size, square)
    if not str(source).lower().startswith(("http://", "https://")):
        path = face_files.expanded(source)
        return _read_image(path, path.name, size, square)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = cache.download(str(source), Path(folder), limit=limits.FILE_BYTES)
        except (OSError, ValueError) as error:
            advice = "check the address and the connection, or save the picture and give its path"
            raise cache.DataError(f"{source} cannot be fetched ({error}): {advice}.") from error
        return _read_image(path, str(source), size, square)


def _read_image(path: Path, name: str, size: int | None, square: bool) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"There is no picture at {path}: check the path.")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise limits.NotRead(name, "cannot be opened", "check who may read it") from error
    with stream:
        return decoding.read_pixels(stream, name, size, square)


def image_folder(path: str | Path, size: int) -> np.ndarray:
    """Read every picture below a folder, in the order of the names.

    Files that are no pictures are left out, counted and named in a warning.

    Args:
        path: the folder; the folders below it are read too, linked ones included. What is hidden,
            a file or a folder, is not.
        size: side in pixels of the square cut from the middle of each picture.

    Returns:
        float32 in [0, 1] of shape (n, size, size, 3).

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: the folder holds no picture that can be read, or more than the memory holds.
    """
    size = decoding.checked_side(size)
    folder = face_files.expanded(path)
    if not folder.is_dir():
        raise NotADirectoryError(f"There is no folder at {folder}: check the path.")
    return decode_all(face_files.below(folder), folder, size)[0]


def decode_all(
    files: face_files.Files,
    place: str | Path,
    size: int,
    margin: float = 0.0,
    count: int | None = None,
) -> tuple[np.ndarray, list[str]]:
    """The first pictures among some files; the files left out are named in a warning.

    Args:
        files: those to read, and those left out already.
        place: where they lie, for messages.
        size: side in pixels of the square cut from the middle.
        margin: the share of width and height cut off every side first.
        count: at most how many; None for all.

    Returns:
        float32 in [0, 1] of shape (n, size, size, 3), and the names of the n files.

    Raises:
        ValueError: none can be read, or the memory does not hold so many.
    """
    count = min(len(files.readers), count or len(files.readers))
    limits.check_memory(count, size)
    images, left_out = np.empty((count, size, size, 3), "float32"), dict(files.left_out)
    kept: list[str] = []
    for name, read in files.readers.items():
        if len(kept) == count:
            break
        try:
            images[len(kept)] = decoding.read_pixels(io.BytesIO(read()), name, size, margin=margin)
            kept.append(name)
        except limits.NotRead as error:
            left_out[name] = error.reason
    total = len(files.readers) + len(files.left_out)
    if not kept:
        why = f" ({limits.named(left_out)})" if left_out else ""
        raise ValueError(f"{place} holds no picture: of {total} files none can be read{why}.")
    if left_out:
        said = f"Left out {len(left_out):,} of {total:,} files: {limits.named(left_out)}."
        warnings.warn(said, stacklevel=3)
    return images[: len(kept)], kept


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
    night = {"starry_night": load_image(STARRY_NIGHT, size)}
    return night | {name: paint(size) for name, paint in paintings.PAINTINGS.items()}


def to_tanh_range(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1] as images in [-1, 1], the range of G's tanh."""
    return 2 * np.asarray(images, "float32") - 1


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as images in [0, 1], for plots and judges."""
    return (np.asarray(images) + 1) / 2
