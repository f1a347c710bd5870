"""How does the file of a stranger become pixels in [0, 1]?

    which format      named from its first bytes when it is not one of FORMATS, or is damaged
    how many pixels   compared with a limit before they are decoded; a large JPEG is decoded at a
                      half, a quarter or an eighth of its size
    which way up      as the camera noted it (Exif); as it lies where the note cannot be read
    how deep          each value is a share of its channel's largest: 255 in 8 bits, 65,535 in 16;
                      floats must lie in [0, 1] already
    what is behind    white, where the picture is transparent

Of an animation the first frame is taken. What cannot be read is refused in one sentence, a
:class:`helpers.data.limits.NotRead`.
"""

import contextlib
import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin, TiffImagePlugin

from helpers import runtime
from helpers.data import limits

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
BYTES_A_PIXEL = {"WEBP": 16, "AVIF": 16, "JPEG2000": 20}  # measured at the peak of decoding
ANY_BYTES_A_PIXEL = 10
COEFFICIENT_BYTES = 6  # a pixel, in a JPEG that comes in several scans, whatever its scale
SIXTEEN_BITS = 65_535
SIDES = range(1, 4001)  # in pixels, of the pictures that can be asked for
FITS = ("crop", "pad")  # how a picture of any shape becomes square
SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"jP  ", "JPEG 2000"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (4, b"ftyp", "film or raw photograph"),
    (0, b"8BPS", "Photoshop file"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript file"),
    (0, b"<svg", "SVG drawing"),
    (0, b"<?xml", "SVG drawing, or another XML file"),
    (0, b"<!doctype html", "web page"),
    (0, b"<html", "web page"),
    (0, b"\0\0\1\0", "Windows icon"),
    (0, b"PK\3\4", "ZIP archive"),
    (0, b"Rar!", "RAR archive"),
    (0, b"7z\xbc\xaf", "7z archive"),
    (0, b"\x1f\x8b", "gzip archive"),
)
READ = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WebP", "AVIF", "JPEG 2000")
EXIF_DAMAGED = (
    SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error,
)  # fmt: skip
DAMAGED = (*EXIF_DAMAGED, OSError, EOFError, RuntimeError, MemoryError, zlib.error)


def checked_side(size: int) -> int:
    """A side in pixels, refused where no picture can have it.

    Raises:
        ValueError: it is no whole number from 1 to 4,000.
    """
    if not (runtime.is_count(size) and size in SIDES):
        raise ValueError(f"size is {size}: use a whole number of pixels from 1 to {SIDES[-1]:,}.")
    return int(size)


def format_of(head: bytes) -> str | None:
    """The name of a file's format by its first bytes; None where they say nothing."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, signature, name in SIGNATURES:
        if head.startswith(signature, start) or text.startswith(signature.lower()):
            return name
    return None


def _refusal(name: str, stream: BinaryIO) -> limits.NotRead:
    """What to say of a file that Pillow cannot read."""
    stream.seek(0)
    kind = format_of(stream.read(32))
    if kind is None:
        return limits.NotRead(name, "is no picture, or is damaged", f"use {', '.join(READ)}")
    if kind in READ:
        reason = f"is no picture, or is damaged ({kind})"
        return limits.NotRead(name, reason, "copy or download it again")
    reason = f"is in a format that is not read ({kind})"
    return limits.NotRead(name, reason, "save the picture as JPEG or PNG")


def _too_many(name: str, limit: float) -> limits.NotRead:
    reason = f"has over {limit / 1e6:.0f} million pixels"
    return limits.NotRead(name, reason, "make it smaller first")


def checked_fit(fit: str) -> str:
    """A way to make a picture square, refused where it is unknown.

    Raises:
        ValueError: it is none of `FITS`.
    """
    if fit not in FITS:
        raise ValueError(f"fit is {fit!r}: choose from {', '.join(FITS)}.")
    return fit


@contextlib.contextmanager
def complaints_as_errors() -> Iterator[None]:
    """While pictures are read: what is wrong with a file is said once, by us, and not by Pillow.

    Enter it before the threads that read, as Python has one set of filters for all of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_pixels(
    stream: BinaryIO, name: str, size: int | None = None, fit: str = "crop", margin: float = 0.0
) -> np.ndarray:
    """Read one picture; several threads may do so, within :func:`complaints_as_errors`.

    Args:
        stream: of the file's bytes.
        name: of the file, for messages.
        size: in pixels, of a square's side or of the whole picture's shorter side; None keeps the
            picture as large as it is.
        fit: ``"crop"`` for the largest square from the middle, ``"pad"`` for the whole picture on a
            white square, ``"whole"`` for its own shape, and a picture that is smaller stays so.
        margin: the share of width and height that is cut off every side before a crop.

    Returns:
        float32 in [0, 1] of shape (height, width, 3).

    Raises:
        NotRead: it is in no format that is read, damaged, or larger than the limits allow.
    """
    limits.check_bytes(name, stream.seek(0, io.SEEK_END))
    try:
        picture = _load(stream, name, math.ceil((size or 0) / (1 - 2 * margin)))
        return as_array(_fitted(picture, size, fit, margin) if size else picture)
    except limits.NotRead:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_many(name, Image.MAX_IMAGE_PIXELS or 0) from error
    except DAMAGED as error:
        raise _refusal(name, stream) from error


def _fitted(picture: Image.Image, size: int, fit: str, margin: float) -> Image.Image:
    if fit == "crop":
        return fit_square(picture, size, margin)
    return pad_square(picture, size) if fit == "pad" else _fit_side(picture, size)


def _load(stream: BinaryIO, name: str, side: int) -> Image.Image:
    """The picture upright, as :func:`_to_shares` gives it; its shorter side has `side` or more."""
    picture = _open(stream)
    _reduce(picture, stream, name, side)
    picture.load()
    with contextlib.suppress(*EXIF_DAMAGED):  # the pixels are read, and nothing else is wanted
        ImageOps.exif_transpose(picture, in_place=True)
    return _to_shares(picture, name)


def _open(stream: BinaryIO) -> Image.Image:
    """Read the header alone. A JPEG may be large, as it can be decoded at a smaller scale."""
    stream.seek(0)
    is_jpeg = format_of(stream.read(32)) == "JPEG"
    stream.seek(0)
    if is_jpeg:
        return JpegImagePlugin.jpeg_factory(stream)
    Image.init()
    return Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN])


def _reduce(picture: Image.Image, stream: BinaryIO, name: str, side: int) -> None:
    """Refuse a picture of too many pixels, unless it is a JPEG that can be decoded smaller.

    `side` is how long its shorter side has to remain, 0 for as long as it is.
    """
    count, cost = _pixels(picture), BYTES_A_PIXEL.get(picture.format or "", ANY_BYTES_A_PIXEL)
    held = 0
    if isinstance(picture, JpegImagePlugin.JpegImageFile) and not _in_one_scan(stream):
        held = COEFFICIENT_BYTES * count
    needed = cost * count + held
    if needed > limits.DECODING_BYTES and side:
        picture.draft(None, (side, side))
        needed = cost * _pixels(picture) + held
    if needed > limits.DECODING_BYTES:
        raise _too_many(name, limits.DECODING_BYTES * count / needed)


def _pixels(picture: Image.Image) -> int:
    """How many pixels must be in memory at once; a TIFF's tile may be larger than its picture."""
    tags = getattr(picture, "tag_v2", {})
    tile = tags.get(TiffImagePlugin.TILEWIDTH, 0) * tags.get(TiffImagePlugin.TILELENGTH, 0)
    return max(picture.width * picture.height, tile)


def _in_one_scan(stream: BinaryIO) -> bool:
    """Whether a JPEG's channels come together, else its reader holds all of them at full size."""
    place, channels = stream.tell(), None
    stream.seek(2)
    while len(marker := stream.read(2)) == 2 and marker[0] == 0xFF:
        length = int.from_bytes(stream.read(2), "big")
        segment = stream.read(max(length - 2, 0))
        if marker[1] in (0xC0, 0xC1) and len(segment) > 5:
            channels = segment[5]
        if marker[1] == 0xDA:
            stream.seek(place)
            return channels is not None and segment[:1] == bytes([channels])
    stream.seek(place)
    return False


def _to_shares(picture: Image.Image, name: str) -> Image.Image:
    """The picture as RGB or RGBA of 8 bits, or as grey floats in [0, 1] where it has more."""
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_deep_grey(picture, name))
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode == "LAB":
        raise limits.NotRead(name, "has colours in LAB", "save it with colours in RGB")
    return picture.convert("RGB")


def _deep_grey(picture: Image.Image, name: str) -> np.ndarray:
    """Grey of more than 8 bits as float32, each value a share of the largest there can be."""
    values = np.asarray(picture)
    largest = 1 if picture.mode == "F" else _largest(picture)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= largest):
        reason = f"holds numbers from {low:g} to {high:g}"
        raise limits.NotRead(name, reason, f"scale them to 0 to {largest:,} first")
    shares = np.divide(values, largest, dtype="float32")
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        shares[values == clear] = 1
    return shares


def _largest(picture: Image.Image) -> int:
    """The value of white in whole numbers: of 16 bits, unless a TIFF says that it has fewer."""
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
    signed = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0] == 2
    return 2 ** (bits - signed) - 1 if bits <= 16 else SIXTEEN_BITS


def fit_square(picture: Image.Image, size: int, margin: float = 0.0) -> Image.Image:
    """The largest square from the middle, scaled to `size` pixels a side.

    Args:
        picture: of any mode that Pillow can scale.
        size: in pixels.
        margin: the share of the width and height that is cut off first, on every side.
    """
    return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS, margin)


def pad_square(picture: Image.Image, size: int) -> Image.Image:
    """The whole picture, as large as a square of `size` pixels takes it, in the middle of white."""
    scale = size / max(picture.size)
    width, height = (max(1, round(scale * side)) for side in picture.size)
    white = 1 if picture.mode == "F" else "white"
    square = Image.new(picture.mode, (size, size), white)
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    square.paste(resized, ((size - width) // 2, (size - height) // 2))
    return square


def _fit_side(picture: Image.Image, size: int) -> Image.Image:
    """The whole picture, made smaller until its shorter side has `size` pixels at most."""
    scale = min(1, size / min(picture.size))
    width, height = (round(scale * side) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def as_array(picture: Image.Image) -> np.ndarray:
    """RGB, RGBA or grey floats as float32 in [0, 1] of shape (height, width, 3), on white."""
    if picture.mode == "F":
        grey = np.clip(np.asarray(picture), 0, 1)
        return np.repeat(grey[..., np.newaxis], 3, axis=-1)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    return np.divide(np.asarray(picture), 255, dtype="float32")
