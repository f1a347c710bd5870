"""Small copies of CelebA and of a set of drawn faces, in the layouts that people have."""

import io
import shutil
import warnings
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers import data, latent, runtime
from helpers.data import face_files

pytestmark = pytest.mark.usefixtures("empty_cache")
NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08_vae_faces.ipynb"

ATTRIBUTES = ["5_o_Clock_Shadow", "Eyeglasses", "Smiling"]
SIGNS = np.array([[-1, 1, 1], [1, -1, -1], [-1, -1, 1], [1, 1, -1], [-1, 1, -1]])
RNG = np.random.default_rng(0)
NAMES = [f"{number:06d}.jpg" for number in range(1, 6)]


def picture(number, size=(178, 218), kind="JPEG"):
    """A grey picture whose brightness tells its number, with a black frame of 12 pixels."""
    pixels = np.zeros((size[1], size[0], 3), "uint8")
    frame = 12 if min(size) > 64 else 0
    pixels[frame : size[1] - frame, frame : size[0] - frame] = 40 * number
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, quality=95)
    return stream.getvalue()


def text_list():
    """As CelebA's authors publish it: a count, the names, right-aligned values."""
    rows = [f"{n} " + " ".join(f"{v:2d}" for v in row) for n, row in zip(NAMES, SIGNS, strict=True)]
    return "\r\n".join([str(len(rows)), " ".join(ATTRIBUTES) + " ", *rows, ""])


def comma_list():
    rows = [",".join([n, *map(str, row)]) for n, row in zip(NAMES, SIGNS, strict=True)]
    return "\n".join(["image_id," + ",".join(ATTRIBUTES), *rows, ""])


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def lay_out(folder, layout):
    """Write a small CelebA; return the path a learner would give."""
    pictures = {f"img_align_celeba/{name}": picture(i) for i, name in enumerate(NAMES, 1)}
    lists = {"list_attr_celeba.txt": text_list(), "list_eval_partition.txt": "000001.jpg 0\n"}
    if layout == "its authors'":
        (folder / "Img").mkdir()
        (folder / "Anno").mkdir()
        (folder / "Eval").mkdir()
        write_zip(folder / "Img" / "img_align_celeba.zip", pictures)
        (folder / "Anno" / "list_attr_celeba.txt").write_bytes(text_list().encode())
        (folder / "Eval" / "list_eval_partition.txt").write_text("000001.jpg 0\n")
        return folder
    if layout == "flat":
        files = pictures | lists
    else:  # a folder in a folder, and lists with commas, in one archive
        files = {f"img_align_celeba/{name}": content for name, content in pictures.items()}
        files |= {"list_attr_celeba.csv": comma_list(), "__MACOSX/._000001.jpg": b"no picture"}
        write_zip(folder / "archive.zip", files)
        return folder / "archive.zip"
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("layout", ["its authors'", "flat", "one archive"])
def test_celeba_in_each_layout(tmp_path, layout):
    faces = data.celeba(lay_out(tmp_path, layout), size=32)
    assert faces.images.shape == (5, 32, 32, 3) and faces.images.dtype == np.float32
    expected = np.arange(1, 6) * 40 / 255
    np.testing.assert_allclose(faces.images.mean(axis=(1, 2, 3)), expected, atol=0.01)
    assert list(faces.attributes) == ATTRIBUTES
    for name, signs in zip(ATTRIBUTES, SIGNS.T, strict=True):
        np.testing.assert_array_equal(faces.attributes[name], signs > 0)


def test_celeba_is_cut_to_the_face(tmp_path):
    """The black frame of 12 pixels is gone, as 15 are cut off on the left and on the right."""
    images = data.celeba(lay_out(tmp_path, "flat"), size=74).images
    np.testing.assert_allclose(images[4], 200 / 255, atol=0.02)


def test_labels_stay_with_their_pictures_when_some_are_missing(tmp_path):
    folder = lay_out(tmp_path, "flat")
    (folder / "img_align_celeba" / NAMES[1]).unlink()
    (folder / "img_align_celeba" / NAMES[3]).write_bytes(b"not a picture")
    with pytest.warns(UserWarning, match=r"Left out 2 of 5 files: 000002\.jpg .* 000004\.jpg"):
        faces = data.celeba(folder, size=16)
    np.testing.assert_array_equal(faces.attributes["Eyeglasses"], [1, 0, 1])
    np.testing.assert_allclose(faces.images[:, 8, 8, 0], np.array([1, 3, 5]) * 40 / 255, atol=0.02)


def test_count_takes_the_first_of_the_list(tmp_path):
    faces = data.celeba(lay_out(tmp_path, "one archive"), size=16, count=2)
    assert len(faces.images) == 2
    np.testing.assert_array_equal(faces.attributes["Smiling"], [1, 0])


def test_celeba_without_its_list(tmp_path):
    folder = lay_out(tmp_path, "flat")
    (folder / "list_attr_celeba.txt").unlink()
    with pytest.raises(ValueError, match=r"no list_attr_celeba\.txt or .*beside the pictures"):
        data.celeba(folder)


def test_celeba_without_its_pictures(tmp_path):
    folder = lay_out(tmp_path, "flat")
    shutil.rmtree(folder / "img_align_celeba")
    with pytest.raises(
        ValueError, match=r"None of the pictures that the list names is in .*unpack"
    ):
        data.celeba(folder)


def test_unaligned_pictures_beside_the_aligned_ones_are_not_taken(tmp_path):
    folder = lay_out(tmp_path, "flat")
    (folder / "img_celeba").mkdir()
    for name in NAMES:
        (folder / "img_celeba" / name).write_bytes(picture(6))
    images = data.celeba(folder, size=16).images
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), np.arange(1, 6) * 40 / 255, atol=0.01)


def test_a_name_listed_twice_keeps_labels_and_pictures_together(tmp_path):
    folder = lay_out(tmp_path, "flat")
    lines = text_list().split("\r\n")
    (folder / "list_attr_celeba.txt").write_text("\n".join([*lines[:3], lines[2], *lines[3:]]))
    with pytest.warns(UserWarning, match=r"Left out 1 of 6 files: 000001\.jpg is listed twice"):
        faces = data.celeba(folder, size=16)
    assert len(faces.images) == 5
    np.testing.assert_array_equal(faces.attributes["Eyeglasses"], SIGNS[:, 1] > 0)


def test_a_list_with_a_byte_order_mark(tmp_path):
    folder = lay_out(tmp_path, "flat")
    (folder / "list_attr_celeba.txt").unlink()
    (folder / "list_attr_celeba.csv").write_text(comma_list(), encoding="utf-8-sig")
    assert list(data.celeba(folder, size=16).attributes) == ATTRIBUTES


def test_a_damaged_member_is_left_out_and_named(tmp_path):
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in (1, 2):
            archive.writestr(f"{number}.png", RNG.bytes(3000) + picture(number))
            archive.writestr(f"good{number}.png", picture(number, (64, 64), "PNG"))
    content = bytearray(path.read_bytes())
    content[60:1500] = bytes(1440)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"Left out 2 of 4 files: 1\.png .*; 2\.png .*"):
        assert len(data.pictures(path, size=16).images) == 2


def test_stray_archives_do_not_end_the_search(tmp_path):
    folder = lay_out(tmp_path, "flat")
    (folder / "._img_align_celeba.zip").write_bytes(b"of a Mac")
    (folder / "old.zip").mkdir()
    assert len(data.celeba(folder, size=16).images) == 5


@pytest.mark.parametrize(("size", "count"), [(0, 5), (-1, 5), (32, 0), (32, -1), (32, 2.5)])
def test_sizes_and_counts_out_of_range(tmp_path, size, count):
    with pytest.raises(ValueError, match=f"size is {size} and count {count}: use a size from 16"):
        data.celeba(tmp_path, size, count)
    wrong = f"size is {size}: use a whole" if size < 1 else f"count is {count}: use a whole"
    with pytest.raises(ValueError, match=wrong):
        data.pictures(tmp_path, size, count)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("1\nA B\n000001.jpg 1\n", r"row 000001\.jpg"),
        ("1\nA B\n000001.jpg 1 3\n", "a value"),
        ("1\nA B\n000001.jpg 1 x\n", "a value"),
        ("2\nA B\n000001.jpg 1 0\n000002.jpg 1 -1\n", "a value"),
        ("", "a value"),
    ],
)
def test_damaged_list(text, where):
    with pytest.raises(ValueError, match=f"list of attributes is damaged at {where}: each row"):
        face_files.parse_attributes(io.StringIO(text), lambda name: True, 10)


@pytest.mark.parametrize("archived", [False, True])
def test_drawn_faces_from_a_folder_or_an_archive(tmp_path, archived):
    """As the course's archive holds them, and with what a Mac adds."""
    files = {f"images/{n}.png": picture(n, (64, 64), "PNG") for n in (3, 1, 2)}
    files |= {"images/.DS_Store": b"-", "__MACOSX/images/._1.png": b"-", "readme.txt": b"hello"}
    for name, content in files.items():
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "faces" / name).write_bytes(content)
    write_zip(tmp_path / "anime-faces.zip", files)
    path = tmp_path / ("anime-faces.zip" if archived else "faces")
    with pytest.warns(UserWarning, match=r"Left out 1 of 4 files: readme\.txt is no picture"):
        faces = data.pictures(path, size=32)
    assert faces.images.shape == (3, 32, 32, 3) and faces.attributes == {}
    np.testing.assert_allclose(faces.images.mean(axis=(1, 2, 3)) * 255, [40, 80, 120], atol=1)
    assert len(data.pictures(path, size=32, count=2).images) == 2


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is nothing at .*: check the path"):
        data.celeba(tmp_path / "nowhere")


def test_an_archive_of_another_kind(tmp_path):
    (tmp_path / "faces.rar").write_bytes(b"Rar!" + bytes(100))
    with pytest.raises(ValueError, match=r"faces\.rar is no \.zip, or is damaged: give a folder"):
        data.pictures(tmp_path / "faces.rar", 64)


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"holds no picture: of 1 files .*notes\.txt is no"):
        data.pictures(tmp_path, 64)


@pytest.mark.parametrize("source", ["celeba", "pictures"])
def test_the_labs_own_code_trains_on_them(tmp_path, source):
    """Cells of notebook 08, run as they stand, with these faces in the drawn ones' place."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    imports, names, networks, training = (
        next(source for source in cells if text in source)
        for text in ("import keras", "SEED = 8", "def networks", "def compiled")
    )
    lab = {"runtime": runtime}
    with warnings.catch_warnings(record=True) as said:  # of the lists, which are no pictures
        warnings.simplefilter("always")
        faces = getattr(data, source)(lay_out(tmp_path, "flat"), size=32)
    assert len(said) == (source == "pictures")
    for code in (imports, names, networks):
        exec(code, lab)
    lab |= {"known_32": faces.images, "unseen_32": faces.images, "EPOCHS": 1}
    exec(training, lab)
    live = next(source for source in cells if source.startswith("score_32 ="))
    exec(live[live.index("keras.utils.set_random_seed") : live.index("rows =")], lab)
    model = lab["live"]
    codes = model.encode(faces.images)[0]
    assert np.isfinite(codes).all() and model.decode(codes).shape == faces.images.shape
    for values in faces.attributes.values():
        assert latent.attribute_direction(codes, values).shape == (32,)
