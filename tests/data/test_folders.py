"""Folders and archives of somebody else: all that is there, in order, and what is not, named."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from PIL import Image

from helpers import data
from helpers.data import cache, face_files, files, limits

pytestmark = pytest.mark.usefixtures("empty_cache")
COLOURS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")


@pytest.fixture
def folder(tmp_path):
    """Pictures whose brightness follows their names, two of them hidden, one behind a link."""
    home, other = tmp_path / "home", tmp_path / "other"
    places = [
        "b.png",
        "in/a.jpg",
        "in/.git/x.png",
        ".ipynb_checkpoints/y.png",
        "in/.z.png",
        "a.gif",
    ]
    for place in [home / place for place in places] + [other / "c.png"]:
        place.parent.mkdir(parents=True, exist_ok=True)
        level = {"a.gif": 50, "b.png": 100, "a.jpg": 150, "c.png": 200}.get(place.name, 250)
        place.write_bytes(
            encoded(np.full((9, 9), level, "uint8"), Image.registered_extensions()[place.suffix])
        )
    (home / "link").symlink_to(other)
    return home


def levels(images):
    return np.round(255 * images[:, 8, 8, 0]).astype(int).tolist()


def test_folders_are_read_by_name_and_hidden_ones_left_alone(folder):
    assert levels(data.pictures(folder, 16).images) == [50, 100, 150, 200]


def test_links_that_go_round_end(folder):
    (folder / "in" / "up").symlink_to(folder)
    (folder.parent / "other" / "self").symlink_to(folder.parent / "other")
    (folder / "twice").symlink_to(folder.parent / "other")
    assert levels(data.pictures(folder, 16).images) == [50, 100, 150, 200]


def test_what_cannot_be_read_is_counted_and_named(folder):
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "notes.txt").write_text("hello")
    (folder / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    (folder / "empty.png").write_bytes(b"")
    names = ["gone.png is a broken link", "pipe.png is a broken link, or no file"]
    names += ["notes.txt is no picture", "photo.heic is in a format that is not read (HEIC)"]
    for _ in ("decoded", "from the cache"):
        with pytest.warns(UserWarning, match="Left out 5 of 9 files: ") as said:
            assert len(data.pictures(folder, 16).images) == 4
        assert all(name in str(said[0].message) for name in [*names, "empty.png is empty"])


def test_many_are_counted_and_the_first_are_named(folder):
    for number in range(30):
        (folder / f"{number:02d}.txt").write_text("hello")
    with pytest.warns(UserWarning, match=r"Left out 30 of 34 .*: 00\.txt .*; and 20 more\."):
        assert len(data.pictures(folder, 16).images) == 4


def test_a_closed_folder_is_named(folder, monkeypatch):
    scan = os.scandir

    def closed(path):
        if not isinstance(path, int) and Path(path).name == "in":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(files.os, "scandir", closed)
    with pytest.warns(UserWarning, match="Left out 1 of 4 files: in cannot be opened"):
        assert levels(data.pictures(folder, 16).images) == [50, 100, 200]


def test_a_link_to_the_whole_disk_comes_to_an_end(folder, monkeypatch):
    monkeypatch.setattr(limits, "MOST_FILES", 3)
    with pytest.raises(ValueError, match="holds over 3 files: give the folder of the pictures"):
        data.pictures(folder, 16)


def test_home_is_understood_everywhere(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(data.pictures("~/home", 16).images) == 4
    assert data.load_image("~/home/b.png").shape == (9, 9, 3)
    monkeypatch.setenv("GDL_HOME", "~/cache")
    assert cache.cache_folder() == folder.parent / "cache"
    for path in ("~nobody-of-this-name/a", "~/nowhere"):
        with pytest.raises(FileNotFoundError, match=r"no picture at .*: check the path"):
            data.load_image(path)


def test_faces_come_in_any_format_and_stop_at_the_count(folder):
    for number, kind in enumerate(("WEBP", "BMP", "TIFF", "JPEG")):
        name = folder / f"0{number}.{'jfif' if kind == 'JPEG' else kind.lower()}"
        name.write_bytes(encoded(np.full((9, 9), 10 * number, "uint8"), kind))
    (folder / "00.txt").write_text("hello")
    with pytest.warns(UserWarning, match=r"Left out 1 of 9 files: 00\.txt"):
        assert levels(data.pictures(folder, 16, count=5).images) == [0, 10, 20, 30, 50]


@pytest.mark.parametrize("way", ["password", "bzip2", "garbled"])
def test_members_that_cannot_be_unpacked_are_named(tmp_path, way):
    packing = zipfile.ZIP_BZIP2 if way == "bzip2" else zipfile.ZIP_DEFLATED
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.png", encoded(COLOURS), packing)
        archive.writestr("good.png", encoded(COLOURS))
    content = bytearray(path.read_bytes())
    if way == "password":
        content[content.index(b"PK\1\2") + 8] |= 1
    if way == "garbled":
        content[200:900] = bytes(700)
    path.write_bytes(content)
    reasons = {"password": "locked", "bzip2": "packed in a way", "garbled": "damaged in its"}
    with pytest.warns(UserWarning, match=rf"Left out 1 of 2 files: bad\.png is {reasons[way]}"):
        assert len(data.pictures(path, 16).images) == 1


def celeba(folder, ending="jpg", signs=((1, -1), (-1, 1), (1, 1)), kind="JPEG"):
    """A small copy of CelebA whose pictures are as bright as their numbers."""
    names = [f"{number:06d}" for number in range(1, len(signs) + 1)]
    rows = [f"{n}.jpg {a} {b}" for n, (a, b) in zip(names, signs, strict=True)]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(len(rows)), "Hat Male", *rows]))
    (folder / "img_align_celeba").mkdir()
    for number, name in enumerate(names, 1):
        pixels = np.full((218, 178, 3), 40 * number, "uint8")
        (folder / "img_align_celeba" / f"{name}.{ending}").write_bytes(encoded(pixels, kind))
    return folder


@pytest.mark.parametrize(("ending", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("JPG", "JPEG")])
def test_celeba_in_another_format(tmp_path, ending, kind):
    faces = data.celeba(celeba(tmp_path, ending, kind=kind), 16)
    np.testing.assert_allclose(levels(faces.images), [40, 80, 120], atol=2)
    np.testing.assert_array_equal(faces.attributes["Hat"], [1, 0, 1])


def test_celeba_with_zeros_for_no(tmp_path):
    faces = data.celeba(celeba(tmp_path, signs=((1, 0), (0, 1), (1, 1))), 16)
    np.testing.assert_array_equal(faces.attributes["Hat"], [1, 0, 1])
    np.testing.assert_array_equal(faces.attributes["Male"], [0, 1, 1])


def test_a_broken_zip_beside_a_good_one(tmp_path):
    celeba(tmp_path)
    (tmp_path / "more.zip").write_bytes(b"PK\3\4 and nothing else")
    with pytest.warns(UserWarning, match=r"Left out 1 of 4 files: more\.zip is no \.zip"):
        assert len(data.celeba(tmp_path, 16).images) == 3
    (tmp_path / "list_attr_celeba.txt").unlink()
    with pytest.raises(ValueError, match=r"no list_attr_celeba\.txt .*left out: more\.zip is no"):
        data.celeba(tmp_path, 16)


def test_pictures_without_a_row_and_rows_without_a_picture_are_named(tmp_path):
    celeba(tmp_path)
    pictures = tmp_path / "img_align_celeba"
    (pictures / "000001.jpg").rename(pictures / "mine.jpg")
    said = r"Left out 2 of 4 files: 000001\.jpg is listed and not there; .*mine\.jpg is not listed"
    with pytest.warns(UserWarning, match=said):
        faces = data.celeba(tmp_path, 16)
    np.testing.assert_array_equal(faces.attributes["Hat"], [0, 1])
    np.testing.assert_allclose(levels(faces.images), [80, 120], atol=2)


def test_a_list_is_read_as_far_as_needed():
    asked = []

    def lines():
        yield "Hat Male\n"
        for number in range(10**6):
            asked.append(number)
            yield f"{number:06d}.jpg 1 -1\n"

    listed = face_files.parse_attributes(lines(), lambda name: int(name[:6]) % 2 == 0, 5)
    assert listed.names == [f"{number:06d}.jpg" for number in (0, 2, 4, 6, 8)]
    assert len(asked) == 9 and list(listed.left_out) == [f"00000{n}.jpg" for n in (1, 3, 5, 7)]


@pytest.mark.parametrize("damaged", [1, 2, 3])
def test_labels_follow_their_pictures(tmp_path, damaged):
    signs = np.array([(1, -1), (-1, 1), (1, 1)])
    (celeba(tmp_path) / "img_align_celeba" / f"{damaged:06d}.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=rf"Left out 1 of 3 files: 00000{damaged}\.jpg is no"):
        faces = data.celeba(tmp_path, 16)
    rest = [number for number in (1, 2, 3) if number != damaged]
    np.testing.assert_allclose(levels(faces.images), [40 * number for number in rest], atol=2)
    for name, column in zip(("Hat", "Male"), signs.T, strict=True):
        np.testing.assert_array_equal(faces.attributes[name], column[[n - 1 for n in rest]] > 0)


def test_a_pipe_is_no_folder_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(FileNotFoundError, match=r"There is nothing at .*pipe\.zip: check the path"):
        data.pictures(tmp_path / "pipe.zip", 16)


def test_a_member_that_an_archive_holds_twice_is_counted(tmp_path):
    first, second = (encoded(np.full((8, 8), grey, "uint8")) for grey in (0, 255))
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(tmp_path / "a.zip", "w") as a,
    ):
        for content in (first, second):
            a.writestr("in/same.png", content)
        a.writestr("other.png", first)
    said = r"Left out 1 of 3 files: in/same\.png is there again in its archive, and the last is tak"
    with pytest.warns(UserWarning, match=said):
        images = data.pictures(tmp_path / "a.zip", 8).images
    assert images.mean(axis=(1, 2, 3)).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[2J", "\x85", "\u2028"])
def test_a_name_with_signs_that_move_the_text_is_told_in_one_line(tmp_path, sign):
    home, name = tmp_path / f"my{sign}home", f"bad{sign}name"
    home.mkdir()
    (home / f"{name}.png").write_text("hello")
    (home / "known.csv").write_text(f'file,a\n"{name}.png","{name}"\nb.png,1\n', newline="")
    calls = [
        lambda: data.load_image(home / f"{name}.png"),
        lambda: data.load_image(home / "gone.png"),
        lambda: data.pictures(home, 16),
        lambda: data.pictures(home / "gone", 16),
        lambda: data.pictures(home, 16, table=home / "known.csv"),
        lambda: data.pictures(home, 16, table=home / "gone.csv"),
        lambda: data.celeba(home / f"{name}.png", 16),
    ]
    for call in calls:
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            call()
        assert "\N{REPLACEMENT CHARACTER}" in str(caught.value)
        assert sign[0] not in str(caught.value)
    (home / "good.png").write_bytes(encoded(COLOURS))
    with pytest.warns(UserWarning, match="Left out 2 of 3 files: bad\N{REPLACEMENT CHARACTER}"):
        data.pictures(home, 16)


def test_a_name_in_another_script_is_told_as_it_is():
    name = "Gemälde 二 \u202f \N{ARTIST PALETTE}.png"
    assert limits.printable(name) == name
    latin = Path(b"b\xe4r.png".decode("utf-8", "surrogateescape"))
    assert limits.printable(latin) == "b\N{REPLACEMENT CHARACTER}r.png"
