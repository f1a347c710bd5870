"""A file of any depth, mode, format and shape: the right picture, or one sentence."""

import io
import re
import warnings

import numpy as np
import pytest
from conftest import encoded, tiff
from PIL import Image, ImageOps
from skimage.util import img_as_float

from helpers import data

RAMP = np.linspace(0, 65535, 64 * 48).astype("uint16").reshape(48, 64)
EXIF_HEADER = b"MM\0*\0\0\0\x08\0"  # and the number of tags follows
ORIENTATION = b"\x01\x12\0\x03\0\0\0\x01\0"  # and its value follows
TEXT_FOR_NUMBERS = b"\x01\x3e\0\x02\0\0\0\x02A\0\0\0" + bytes(4)  # the white point is "A"
COLOURS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(RAMP), img_as_float(RAMP)),
        (encoded(RAMP, "TIFF"), img_as_float(RAMP)),
        (tiff(RAMP, 16), img_as_float(RAMP)),
        (encoded(RAMP.astype("int32"), "TIFF"), img_as_float(RAMP)),
        (b"P5 64 48 65535\n" + RAMP.astype(">u2").tobytes(), img_as_float(RAMP)),
        (tiff(RAMP >> 4, 12, order="<"), (RAMP >> 4) / 4095),
        (tiff(RAMP >> 1, 16, 2), (RAMP >> 1) / 32767),
        (tiff(RAMP >> 1, 16, 2, "<"), (RAMP >> 1) / 32767),
        (encoded((RAMP / 65535).astype("float32"), "TIFF"), RAMP / 65535),
        (encoded((RAMP >> 8).astype("uint8")), (RAMP >> 8) / 255),
        (encoded(RAMP > 32767), RAMP > 32767),
    ],
    ids=[
        "PNG 16",
        "TIFF 16",
        "big-endian",
        "I",
        "PGM 16",
        "12 bits",
        "signed",
        "little-endian",
        "F",
        "8",
        "1",
    ],
)
def test_each_depth_of_grey_is_a_share_of_white(content, expected):
    image = data.load_image(content)
    assert image.shape == (48, 64, 3) and image.dtype == np.float32
    np.testing.assert_allclose(image, np.repeat(expected[..., None], 3, -1), atol=2e-6)
    small = data.load_image(content, 16)
    assert small.shape == (16, 16, 3) and small.min() >= 0 and small.max() <= 1
    assert small.mean() == pytest.approx(expected[:, 8:56].mean(), abs=0.01)


@pytest.mark.parametrize(
    "mode", ["RGB", "RGBA", "L", "LA", "P", "PA", "1", "CMYK", "YCbCr", "I;16"]
)
def test_each_mode_of_pillow_is_read(mode):
    white = Image.new("RGB", (20, 20), "white")
    picture = white.convert(mode) if mode != "I;16" else Image.fromarray(np.full_like(RAMP, 65535))
    kind = "PNG" if mode in ("L", "LA", "P", "RGB", "RGBA", "1", "I;16") else "TIFF"
    np.testing.assert_allclose(data.load_image(encoded(picture, kind), 8), 1, atol=0.01)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.linspace(0, 255, 64, dtype="float32").reshape(8, 8), "numbers from 0 to 255: scale"),
        (np.linspace(-1, 1, 64, dtype="float32").reshape(8, 8), "numbers from -1 to 1: scale"),
        (np.full((8, 8), np.nan, "float32"), "numbers from nan to nan: scale"),
        (np.full((8, 8), 2**31 - 1, "int32"), r"to 2\.14748e\+09: scale them to 0 to 65,535"),
    ],
)
def test_numbers_that_say_nothing_of_white_are_refused(pixels, said):
    with pytest.raises(ValueError, match=f"the uploaded file holds .*{said}"):
        data.load_image(encoded(pixels, "TIFF"))


def test_colours_that_pillow_cannot_turn_into_red_green_and_blue_are_named():
    lab = Image.merge("LAB", [Image.new("L", (8, 8), 99)] * 3)
    with pytest.raises(ValueError, match="has colours in LAB: save it with colours in RGB"):
        data.load_image(encoded(lab, "TIFF"))


@pytest.mark.parametrize("pixels", [RAMP, (RAMP >> 8).astype("uint8")])
def test_a_transparent_grey_becomes_white(pixels):
    image = data.load_image(encoded(pixels, transparency=int(pixels[30, 30])))
    assert np.all(image[30, 30] == 1) and image[0, 0, 0] == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", [3, 6])
def test_what_a_camera_held_sideways_is_upright_at_every_size(kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(COLOURS, kind, exif=exif, **lossless)
    stored = Image.open(io.BytesIO(content)).convert("RGB")
    angle = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270}[turn]
    upright = stored if kind == "TIFF" else stored.transpose(angle)  # Pillow itself turns a TIFF
    np.testing.assert_allclose(data.load_image(content) * 255, np.asarray(upright), atol=1e-4)
    fitted = np.asarray(ImageOps.fit(upright, (16, 16), Image.Resampling.LANCZOS))
    np.testing.assert_allclose(data.load_image(content, 16) * 255, fitted, atol=1e-4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("exif", "turned"),
    [
        (b"no header at all", False),
        (b"MM\0*", False),
        (EXIF_HEADER + b"\1" + ORIENTATION + b"\x63\0\0", False),
        (EXIF_HEADER + b"\2" + ORIENTATION + b"\6\0\0" + TEXT_FOR_NUMBERS, True),
    ],
    ids=["no TIFF", "cut off", "no such orientation", "another tag is damaged"],
)
def test_a_damaged_exif_block_leaves_the_picture_as_it_lies(kind, exif, turned):
    lossless = {"lossless": True} if kind == "WEBP" else {}
    plain = data.load_image(encoded(COLOURS, kind, **lossless))
    content = encoded(COLOURS, kind, exif=b"Exif\0\0" + exif, **lossless)
    np.testing.assert_array_equal(data.load_image(content), np.rot90(plain, -turned))


@pytest.mark.parametrize("shape", [(160, 60), (60, 160), (61, 61), (7, 30)])
@pytest.mark.parametrize("content", ["colour", "deep"])
def test_a_picture_keeps_its_shape_when_asked(shape, content):
    rows = np.linspace(0, 1, shape[0])[:, None] * np.ones(shape[1])
    pixels = (rows * 65535).astype("uint16") if content == "deep" else (rows * 255).astype("uint8")
    image = data.load_image(encoded(pixels), 30, square=False)
    scale = min(1, 30 / min(shape))
    assert image.shape == (round(scale * shape[0]), round(scale * shape[1]), 3)
    assert image[0].mean() < 0.1 and image[-1].mean() > 0.9
    assert data.load_image(encoded(pixels), 30).shape == (30, 30, 3)


def test_a_thread_of_a_picture_is_not_blown_up():
    thread = encoded(np.zeros((9000, 1), "uint8"))
    assert data.load_image(thread, 512, square=False).shape == (9000, 1, 3)


@pytest.mark.parametrize("size", [0, -5, 2.5, 10**6, "64", True, None, np.nan])
def test_a_side_out_of_range_is_named(size, tmp_path):
    drawn = [lambda _, size: data.photographs(size), lambda _, size: data.style_images(size)]
    for read in ([] if size is None else [data.load_image]) + [data.pictures, *drawn]:
        with pytest.raises(ValueError, match=f"size is {size}: use a whole number of pixels from"):
            read(tmp_path, size)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(90), r"not read \(HEIC\): save .* as JPEG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(90), r"not read \(HEIC\)"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(90), r"not read \(JPEG XL\)"),
        (b"%PDF-1.7 and so on", r"not read \(PDF\)"),
        (b"\n<svg xmlns='x'></svg>", r"not read \(SVG drawing\)"),
        (b"<!DOCTYPE html><html>", r"not read \(web page\)"),
        (b"PK\3\4" + bytes(50), r"not read \(ZIP archive\)"),
        (encoded(COLOURS, "ICO"), r"not read \(Windows icon\)"),
        (encoded(COLOURS)[:100], r"damaged \(PNG\): copy or download it again"),
        (encoded(COLOURS, "WEBP")[:100], r"damaged \(WebP\)"),
        (b"hello", r"is no picture, or is damaged: use JPEG, PNG"),
        (b"", "is empty: choose another file"),
    ],
)
def test_formats_are_named_and_no_object(content, said, tmp_path):
    (tmp_path / "photo.bin").write_bytes(content)
    for source, name in ((content, "the uploaded file"), (tmp_path / "photo.bin", r"photo\.bin")):
        with pytest.raises(ValueError, match=f"^{name} .*{said}") as caught:
            data.load_image(source)
        assert " at 0x" not in str(caught.value) and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_damage_gives_a_picture_or_a_sentence(kind):
    content, rng = encoded(COLOURS, kind), np.random.default_rng(0)
    refused = 0
    for number in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(min(len(content), 300 if number % 2 else 10**6))] ^= rng.integers(
            1, 256
        )
        damaged = damaged[: rng.integers(1, len(content))] if number % 5 == 0 else damaged
        try:
            assert data.load_image(bytes(damaged), 8).shape == (8, 8, 3)
        except ValueError as error:
            assert re.match(r"the uploaded file (is|has|holds) .*: ", str(error))
            assert " at 0x" not in str(error)
            refused += 1
    assert refused > 5


def test_pillow_keeps_its_remarks_to_itself():
    content = bytearray(encoded(COLOURS, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09" + bytes(20)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert data.load_image(bytes(content), 8).shape == (8, 8, 3)


@pytest.mark.parametrize("path", ["n" * 300, "data:image/png;base64," + 9000 * "A", "a\0b.png"])
def test_a_path_that_no_file_can_have_is_named_in_a_short_sentence(path):
    for read in (data.load_image, lambda path: data.pictures(path, 16)):
        with pytest.raises(FileNotFoundError, match=r"There is no.* at .*: check the path"):
            read(path)
    with pytest.raises(FileNotFoundError) as caught:
        data.load_image(path)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("given", [None, 5, np.zeros((2, 2, 3)), io.BytesIO(b"x")])
def test_what_is_no_path_is_named_by_its_kind(given):
    for read in (data.load_image, data.celeba, lambda path: data.pictures(path, 16)):
        with pytest.raises(ValueError, match=f"^A {type(given).__name__} is no path: write where"):
            read(given)
