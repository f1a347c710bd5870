"""How does what a widget shows become a file of the learner's own, that says how it was made?"""

import io
import itertools
import platform
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, PngImagePlugin

from helpers import plots

FOLDER = Path("my_pictures")  # beside the notebook, where its kernel runs; git leaves it out


def as_png(image: np.ndarray, notes: Mapping[str, str]) -> bytes:
    """PNG bytes of one image that carry what is to be known about it.

    Args:
        image: floats in [0, 1], shape (height, width, 1 or 3).
        notes: keyword to text. `PIL.Image.open(path).text` gives them back.
    """
    texts = PngImagePlugin.PngInfo()
    for keyword, text in notes.items():
        texts.add_itxt(keyword, text)
    stream = io.BytesIO()
    Image.open(io.BytesIO(plots.png(image))).save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def origin() -> dict[str, str]:
    """When and with which versions something is made, under the keywords of the PNG standard."""
    software = f"Python {platform.python_version()}, TensorFlow {tf.__version__}"
    software += f", Keras {keras.__version__}, NumPy {np.__version__}"
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"Creation Time": now, "Software": software}


def write_new(name: str, suffix: str, content: bytes) -> Path:
    """Write a file of `FOLDER` that was not there; the first free number is part of its name.

    Raises:
        OSError: the folder cannot be made, or the file cannot be written whole.
    """
    FOLDER.mkdir(exist_ok=True)
    for number in itertools.count(1):
        path = FOLDER / f"{name}_{number}{suffix}"
        try:
            stream = path.open("xb")  # fails where another process was faster
        except FileExistsError:
            continue
        try:
            with stream:
                stream.write(content)
        except OSError:
            path.unlink()
            raise
        return path
    raise AssertionError("There is always another number.")


def save(widget: str, made: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Write the pictures of a widget, and say where they are.

    Args:
        widget: its name, which begins the names of the files.
        made: the rest of a file's name to its bytes.

    Returns:
        One sentence for the page, and the bytes by the names they were written under; where the
        folder cannot be written, by those they would have had.
    """
    files, sizes = {}, {}
    try:
        for name, content in made.items():
            sizes[name] = described_size(content)
            path = write_new(f"{widget}_{Path(name).stem}", Path(name).suffix, content)
            files[path.name] = content
    except OSError as error:
        reason = error.strerror or type(error).__name__
        done = f"Saved only {', '.join(files)}" if files else "Not saved"
        said = f"{done}: {FOLDER} beside the notebook cannot be written ({reason})"
        files = {f"{widget}_{name}": content for name, content in made.items()}
        return f"{said}; the browser can still keep it:", files
    told = [f"{name} ({size})" for name, size in zip(files, sizes.values(), strict=True)]
    return f"Saved in {FOLDER} beside the notebook: {', '.join(told)}.", files


def described_size(content: bytes) -> str:
    """How large a picture is in pixels; of a film how many frames it has, and its bytes."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height, frames = *picture.size, getattr(picture, "n_frames", 1)
    if frames == 1:
        return f"{width} × {height} pixels"
    return f"{frames} frames of {width} × {height} pixels, {len(content) / 1000:,.0f} kB"
