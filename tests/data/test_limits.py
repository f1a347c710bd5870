"""A small file that claims much is refused before memory is spent on it."""

import io
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from conftest import encoded, tiff
from PIL import Image

from helpers import data
from helpers.data import decoding, limits

pytestmark = pytest.mark.usefixtures("empty_cache")
COLOURS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")


def jpeg_claiming(side, **options):
    """A JPEG of 16 pixels whose header says that it has more."""
    content = bytearray(encoded(np.full((16, 16, 3), 90, "uint8"), "JPEG", **options))
    frame = next(i for i in range(len(content)) if content[i : i + 2] in (b"\xff\xc0", b"\xff\xc2"))
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def in_three_scans(content):
    """A JPEG that says that its first scan holds one channel; readers then keep all of them."""
    scan = content.index(b"\xff\xda")
    return content[: scan + 2] + b"\0\x08\1\1\0\0\x3f\0" + content[scan + 14 :]


def png_claiming(width, height):
    content = bytearray(encoded(np.zeros((8, 8, 4), "uint8")))
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def zeros(megabytes):
    """Some hundred kilobytes that inflate to many megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)
    return chunk * megabytes + packer.flush()


def tiff_in_one_tile(side):
    """A TIFF of 64 x 64 pixels whose only tile is larger."""
    tile = b"\x78\x9c" + zeros(side**2 // 10**6) + bytes(4)
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    tags |= {324: 8 + 2 + 12 * 10 + 4, 325: len(tile)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + tile


BOMBS = {
    "one bit a pixel": encoded(Image.new("1", (9000, 9000))),
    "PNG": png_claiming(12_000, 14_000),
    "PNG over Pillow's own limit": png_claiming(60_000, 60_000),
    "JPEG": jpeg_claiming(65_500),
    "progressive JPEG": jpeg_claiming(12_000, progressive=True),
    "JPEG in several scans": in_three_scans(jpeg_claiming(12_000)),
    "TIFF's tile": tiff_in_one_tile(20_000),
    "TIFF": tiff(np.zeros((8, 8), "uint8"), 8).replace(
        struct.pack(">HHII", 256, 4, 1, 8), struct.pack(">HHII", 256, 4, 1, 10**8)
    ),
}
MEASURE = '''
import os, pickle, resource, sys
from helpers import data


def peak():
    """In megabytes; Linux' `ru_maxrss` would count what the parent had."""
    if os.path.exists("/proc/self/status"):
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        return int(status["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


cases = pickle.load(open(sys.argv[1], "rb"))
data.load_image(cases.pop("first"), 64)
begin = peak()
for name, content in cases.items():
    try:
        said = data.load_image(content, 64).shape
    except ValueError as error:
        said = error
    print(f"{name}: {said}")
try:
    data.pictures(sys.argv[2], 64)
except ValueError as error:
    print(error)
print(f"peak {peak() - begin:.0f} MB")
'''


def lying_zip(path, megabytes):
    """A member that claims 9,000 bytes and unpacks to many megabytes of zeros."""
    packed = zeros(megabytes)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("bomb.png")
        archive.writestr(member, b"")
    content = path.read_bytes()
    directory = bytearray(content[content.index(b"PK\1\2") : content.index(b"PK\5\6")])
    directory[10:12] = struct.pack("<H", 8)
    directory[20:28] = struct.pack("<II", len(packed), 9000)
    local = bytearray(content[:38])
    local[8:10] = struct.pack("<H", 8)
    local[18:26] = struct.pack("<II", len(packed), 9000)
    end = bytearray(content[content.index(b"PK\5\6") :])
    end[16:20] = struct.pack("<I", len(local) + len(packed))
    path.write_bytes(bytes(local) + packed + bytes(directory) + bytes(end))


def test_no_file_takes_300_megabytes_whatever_it_claims(tmp_path):
    """A PNG of 16 million and a JPEG of 81 million pixels are read, what lies below is refused."""
    large = Image.fromarray(COLOURS).resize((9000, 9000), Image.Resampling.NEAREST)
    cases = {"first": encoded(COLOURS), "PNG to read": encoded(Image.new("1", (4000, 4000)))}
    cases |= {"JPEG to read": encoded(large, "JPEG", quality=40), **BOMBS}
    (tmp_path / "cases").write_bytes(pickle.dumps(cases))
    lying_zip(tmp_path / "faces.zip", 400)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "cases"), str(tmp_path / "faces.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *said, peak = done.stdout.splitlines()
    assert said[:2] == ["PNG to read: (64, 64, 3)", "JPEG to read: (64, 64, 3)"]
    for line, name in zip(said[2:-1], BOMBS, strict=True):
        assert re.match(rf"{name}: the uploaded file (has over|is no picture)", line), line
    assert re.search(r"none can be read \(bomb\.png is damaged in its archive\)", said[-1])
    assert 60 < int(peak.split()[1]) < 300, done.stdout


@pytest.mark.parametrize("name", [name for name in BOMBS if "TIFF" not in name])
def test_too_many_pixels_are_named(name):
    with pytest.raises(ValueError, match=r"has over \d+ million pixels: make it smaller first"):
        data.load_image(BOMBS[name], 64)


def test_a_large_jpeg_read_smaller_looks_the_same(monkeypatch):
    picture = Image.fromarray(COLOURS[:12, :12]).resize((960, 720))
    content = encoded(picture, "JPEG", quality=95)
    whole = {size: data.load_image(content, size) for size in (20, 300)}
    monkeypatch.setattr(limits, "DECODING_BYTES", 960 * 720 * decoding.ANY_BYTES_A_PIXEL // 2)
    for size, image in whole.items():
        np.testing.assert_allclose(data.load_image(content, size), image, atol=0.03)
    for size in (None, 700):
        with pytest.raises(ValueError, match="has over 0 million pixels"):
            data.load_image(content, size)


def test_bytes_of_a_file_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FILE_BYTES", 2000)
    (tmp_path / "noise.png").write_bytes(encoded(COLOURS))
    with pytest.raises(ValueError, match=r"noise\.png has 0 MB, over 0 MB: make it smaller"):
        data.load_image(tmp_path / "noise.png")
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("noise.png", encoded(COLOURS))
        archive.writestr("small.png", encoded(COLOURS[:4]))
    for place in (tmp_path, tmp_path / "faces.zip"):
        with pytest.warns(UserWarning, match=r"noise\.png has 0 MB, over 0 MB"):
            assert len(data.pictures(place, 16).images) == 1


@pytest.fixture
def folder(tmp_path):
    """Four pictures."""
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encoded(COLOURS))
    return tmp_path


def test_memory_that_is_not_there_is_refused_with_its_size(folder, monkeypatch):
    monkeypatch.setattr(limits, "free_bytes", lambda: 2e9)
    with pytest.raises(
        ValueError, match=r"12,000 pictures of 512 x 512 .* 47\.2 GB .* 2\.0 GB are"
    ):
        data.avatars(512, 12000)
    needed = 4 * 16 * 16 * 3 * limits.BYTES_A_VALUE
    monkeypatch.setattr(limits, "free_bytes", lambda: needed - 1)
    with pytest.raises(ValueError, match=r"4 pictures of 16 x 16 pixels take .*fewer of them"):
        data.pictures(folder, 16)
    monkeypatch.setattr(limits, "free_bytes", lambda: needed)
    assert len(data.pictures(folder, 16).images) == 4


@pytest.mark.parametrize(("limit", "free"), [("max", 5e9), ("3000000000", 2e9), ("9" * 12, 5e9)])
def test_a_containers_memory_counts(tmp_path, monkeypatch, limit, free):
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    available = type("Memory", (), {"available": 5e9})
    monkeypatch.setattr(limits.psutil, "virtual_memory", lambda: available)
    assert limits.free_bytes() == free


def test_pictures_are_held_once(folder):
    for number in range(40):
        (folder / f"more{number}.png").write_bytes(encoded(COLOURS))
    tracemalloc.start()
    images = data.pictures(folder, 128).images
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.nbytes < peak < 1.3 * images.nbytes


def test_a_margin_is_cut_before_a_large_jpeg_is_made_smaller(monkeypatch):
    """At an eighth of its size, half of the picture would be left for the square."""
    blocks = np.random.default_rng(0).integers(0, 256, (64, 64), "uint8")
    content = encoded(np.kron(blocks, np.ones((8, 8), "uint8")), "JPEG", quality=95)
    whole = decoding.read_pixels(io.BytesIO(content), "a.jpg", 64, margin=0.25)
    monkeypatch.setattr(limits, "DECODING_BYTES", 512 * 512 * decoding.ANY_BYTES_A_PIXEL // 2)
    smaller = decoding.read_pixels(io.BytesIO(content), "a.jpg", 64, margin=0.25)
    assert 0 < np.abs(smaller - whole).mean() < 0.045
