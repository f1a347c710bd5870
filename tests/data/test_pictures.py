"""Pictures of one's own: any shape made square, read once, named by a table, always the same."""

import os
import warnings
import zipfile
from importlib.metadata import version

import numpy as np
import pytest
from conftest import encoded
from PIL import Image, ImageOps

from helpers import data
from helpers.data import decoding, files, folders, own

pytestmark = pytest.mark.usefixtures("empty_cache")
RNG = np.random.default_rng(0)
PLACES = {"a.png": 10, "in/b.jpg": 20, "in/c.gif": 30, "d.webp": 40}


@pytest.fixture
def folder(tmp_path):
    """Four grey pictures, each as bright as its place in the list."""
    folder = tmp_path / "mine"
    (folder / "in").mkdir(parents=True)
    for place, level in PLACES.items():
        write(folder / place, level)
    return folder


def write(path, level):
    kind = Image.registered_extensions()[path.suffix]
    path.write_bytes(encoded(np.full((30, 20, 3), level, "uint8"), kind))


def levels(pictures):
    return np.round(255 * pictures.images[:, 4, 4, 0]).astype(int).tolist()


def quietly(*arguments, **settings):
    """Pictures, without the warning that names what is left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Left out")
        return data.pictures(*arguments, **settings)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (50, 50), (9, 6), (1, 300), (300, 1)])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_picture_of_any_shape_becomes_square_as_pillow_makes_it(tmp_path, fit, shape):
    pixels = RNG.integers(0, 256, (*shape, 3), "uint8")
    (tmp_path / "a.png").write_bytes(encoded(pixels))
    image = data.pictures(tmp_path, 16, fit=fit).images[0]
    assert image.shape == (16, 16, 3) and image.dtype == np.float32
    if min(shape) > 1:
        square = {"crop": ImageOps.fit, "pad": ImageOps.pad}[fit]
        settings = {"method": Image.Resampling.LANCZOS} | (
            {"color": "white"} if fit == "pad" else {}
        )
        expected = square(Image.fromarray(pixels), (16, 16), **settings)
        np.testing.assert_array_equal(image, np.divide(expected, 255, dtype="float32"))
    elif fit == "pad":  # a line of one pixel's width stays one
        assert (image == 1).all(-1).sum() == 16 * 15


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_what_is_transparent_or_beside_the_picture_is_white(tmp_path, fit):
    clear = np.zeros((20, 40, 4), "uint8")
    clear[:, :20, 3] = 255
    (tmp_path / "clear.png").write_bytes(encoded(clear))
    (tmp_path / "deep.png").write_bytes(encoded(np.full((20, 40), 30_000, "uint16")))
    first, second = data.pictures(tmp_path, 16, fit=fit).images
    assert first[8, 2].max() == 0 and first[8, 14].min() == 1
    np.testing.assert_allclose(second[8, 8], 30_000 / 65_535, atol=0.5 / 255)
    if fit == "pad":
        assert first[:4].min() == second[:4].min() == 1
    else:
        assert first[0, 2].max() == 0 and second.max() < 0.5


def test_an_unknown_fit_is_named(folder):
    with pytest.raises(ValueError, match=r"fit is 'stretch': choose from crop, pad\."):
        data.pictures(folder, 8, fit="stretch")


def test_eight_bits_are_kept_exactly(tmp_path):
    pixels = np.arange(256, dtype="uint8").reshape(16, 16)
    (tmp_path / "all.png").write_bytes(encoded(pixels))
    expected = data.load_image(tmp_path / "all.png", 16)
    for _ in ("decoded", "from the cache"):
        np.testing.assert_array_equal(data.pictures(tmp_path, 16).images[0], expected)


@pytest.mark.parametrize("count", [None, 5])
def test_threads_change_nothing(tmp_path, monkeypatch, count):
    """Large and small pictures in turn, so that later ones are done first; some are broken."""
    for number in range(24):
        side = 600 if number % 3 == 0 else 20
        content = encoded(RNG.integers(0, 256, (side, side, 3), "uint8"))
        (tmp_path / f"{number:02d}.png").write_bytes(content[: -1 if number % 7 else 60])
    filters, results = warnings.filters[:], []
    for threads in (1, 2, 7):
        monkeypatch.setattr(folders, "THREADS", threads)
        results.append(folders.decode_all(files.find(tmp_path), tmp_path, 16, count or 24))
    assert results[0].places[0] == "01.png" and len(results[0].places) == (count or 20)
    for other in results[1:]:
        np.testing.assert_array_equal(other.levels, results[0].levels)
        assert other[1:] == results[0][1:]
    assert warnings.filters == filters


def test_threads_share_one_set_of_filters_of_warnings(folder, monkeypatch):
    """Python keeps one for all: threads that each set and reset it would undo each other."""
    seen, load = [], decoding._load

    def watched(*arguments):
        seen.append(warnings.filters)
        return load(*arguments)

    monkeypatch.setattr(decoding, "_load", watched)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    (folder / "small.png").write_bytes(encoded(np.zeros((8, 8), "uint8")))
    with pytest.warns(UserWarning, match=r"Left out 3 of 5 files: a\.png has over 0 million"):
        data.pictures(folder, 8)
    assert len(seen) == 5 and all(filters is seen[0] for filters in seen)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that were decoded, and not taken from the cache."""
    names, read = [], decoding.read_pixels

    def counted(stream, name, *arguments):
        names.append(name)
        return read(stream, name, *arguments)

    monkeypatch.setattr(folders.decoding, "read_pixels", counted)
    return names


def test_the_second_time_nothing_is_decoded(folder, decoded):
    (folder / "notes.txt").write_text("hello")
    for _ in range(3):
        with pytest.warns(UserWarning, match=r"Left out 1 of 5 files: notes\.txt is no picture"):
            pictures = data.pictures(folder, 8)
        assert levels(pictures) == [10, 40, 20, 30]
        assert len(decoded) == 5


def longer(path):
    """A byte more, changed at the same time."""
    times = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def another(patch, package):
    """The same package in another version."""
    found = {name: f"{version(name)}{'.1' if name == package else ''}" for name in folders.PACKAGES}
    patch.setattr(folders, "version", found.__getitem__)


CHANGES = {  # what happens to a folder, and how many pictures it holds then
    "a file's name": (lambda folder, patch: (folder / "a.png").rename(folder / "aa.png"), 4),
    "a file's folder": (lambda folder, patch: (folder / "a.png").rename(folder / "in/a.png"), 4),
    "a file's bytes": (lambda folder, patch: longer(folder / "a.png"), 4),
    "a file's date": (lambda folder, patch: os.utime(folder / "a.png", ns=(1, 1)), 4),
    "a file less": (lambda folder, patch: (folder / "a.png").unlink(), 3),
    "a file more": (lambda folder, patch: write(folder / "e.png", 50), 5),
    "Pillow": (lambda folder, patch: another(patch, "pillow"), 4),
    "numpy": (lambda folder, patch: another(patch, "numpy"), 4),
}


@pytest.mark.parametrize(("change", "count"), CHANGES.values(), ids=CHANGES)
def test_a_changed_folder_is_read_again(folder, decoded, monkeypatch, change, count):
    data.pictures(folder, 8)
    del decoded[:]
    change(folder, monkeypatch)
    assert len(decoded) == 0
    assert len(data.pictures(folder, 8).images) == len(decoded) == count


@pytest.mark.parametrize("settings", [{"size": 9}, {"count": 3}, {"fit": "pad"}], ids=str)
def test_other_settings_are_read_again(folder, decoded, settings):
    data.pictures(folder, 8)
    data.pictures(folder, **({"size": 8} | settings))
    assert len(decoded) >= 4 + settings.get("count", 4)
    before = len(decoded)
    data.pictures(folder, 8)
    assert len(decoded) == before


def test_archives_are_looked_into_and_their_changes_noticed(folder, decoded):
    """The second archive has members of the same names, sizes and dates, and the same own date."""
    for level in (1, 2):
        content = encoded(np.full((8, 8), 60 * level, "uint8"), "BMP")
        with zipfile.ZipFile(folder / "in" / "more.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("faces/x.bmp"), content)
            archive.writestr(zipfile.ZipInfo("__MACOSX/y.bmp"), b"-")
        os.utime(folder / "in" / "more.zip", ns=(1, 1))
        assert levels(data.pictures(folder, 8)) == [10, 40, 20, 30, 60 * level]
        assert decoded.count("in/more.zip/faces/x.bmp") == level


def test_a_damaged_cache_is_read_again(folder, empty_cache, decoded):
    data.pictures(folder, 8)
    path = next(empty_cache.glob("*.npz"))
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"\.npz is damaged .*: replacing it"):
        assert levels(data.pictures(folder, 8)) == [10, 40, 20, 30]
    assert len(decoded) == 8


def test_of_a_folder_the_last_few_arrays_are_kept(folder, empty_cache, decoded):
    for size in range(8, 9 + folders.KEPT):
        data.pictures(folder, size)
    data.pictures(folder / "in", 8)
    cached = [path.name.split("_")[2] for path in empty_cache.glob("pictures_*.npz")]
    assert sorted(cached) == sorted(["8px", "9px", "10px", "11px", "12px"])
    assert len(list(empty_cache.glob("*.lock"))) in (0, 1 + folders.KEPT)
    del decoded[:]
    data.pictures(folder, 12)
    data.pictures(folder / "in", 8)
    assert not decoded
    data.pictures(folder, 8)
    assert len(decoded) == 4


def test_progress_is_shown_while_many_are_read(folder, monkeypatch, capsys):
    data.pictures(folder, 7)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(folders, "FEW", 4)
    (folder / "a.png").write_bytes(b"broken")
    quietly(folder, 8)
    shown = capsys.readouterr().out
    assert "/4\x1b" in shown and "3/4\x1b[0m \x1b[32m" in shown and "picture" in shown
    assert shown.endswith("\n")
    quietly(folder, 8)
    assert capsys.readouterr().out == ""


TABLE = "file,smile,hair\na.png,1,red\nb.jpg,0,black\nin/c.gif,2,red\nmine/d.webp,-3,grey\n"
LAYOUTS = {
    "as described": TABLE,
    "semicolons": TABLE.replace(",", ";"),
    "tabs and blanks": TABLE.replace(",", " \t "),
    "lines of Windows": "\ufeff" + TABLE.replace("\n", "\r\n").replace("/", "\\"),
    "empty lines": TABLE.replace("\n", "\n\n,,\n"),
    "another order": "smile,Image,hair\n-3,d.webp,grey\n0,in/b.jpg,black\n2,c.gif,red\n1,a.png,red",
    "quotes": TABLE.replace("red", '"red"').replace("file", '"file"'),
    "a title of its own": TABLE.replace("file", "picture"),
    "numbers of a spreadsheet": TABLE.replace(",1,", ",1.0,"),
}


def tabled(path, text):
    path.write_bytes(text.encode())
    return path


def test_a_row_of_another_folder_is_of_no_picture_here(folder, tmp_path):
    """The names alone would give the labels of one folder to the pictures of the other."""
    rows = "file,smile\ntest/a.png,1\nmine/a.png,2\ntest/in/b.jpg,3\nmine/in/b.jpg,4\n"
    pictures = quietly(folder, 8, table=tabled(tmp_path / "known.csv", rows))
    np.testing.assert_array_equal(pictures.attributes["smile"], [2, 4])
    rows = f"file,smile\n{folder}/a.png,5\n"
    pictures = quietly(folder, 8, table=tabled(tmp_path / "known.csv", rows))
    assert levels(pictures) == [10] and pictures.attributes["smile"].tolist() == [5]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_table_names_what_is_known(folder, layout):
    """It lies among the pictures, and is no picture."""
    pictures = data.pictures(folder, 8, table=tabled(folder / "known.csv", LAYOUTS[layout]))
    assert levels(pictures) == [10, 40, 20, 30]
    assert list(pictures.attributes) == ["smile", "hair"]
    assert pictures.words == {"hair": ("black", "grey", "red")}
    np.testing.assert_array_equal(pictures.attributes["smile"], [1, -3, 0, 2])
    np.testing.assert_array_equal(pictures.attributes["hair"], [2, 1, 0, 2])
    assert {values.dtype for values in pictures.attributes.values()} == {np.dtype("int32")}


def test_without_a_table_nothing_is_known(folder):
    pictures = data.pictures(folder, 8)
    assert pictures.attributes == {} and pictures.words == {}


def test_a_new_table_of_the_same_pictures_needs_no_new_reading(folder, decoded, tmp_path):
    for smile in (1, 5):
        table = tabled(tmp_path / "known.csv", TABLE.replace(",1,", f",{smile},"))
        pictures = data.pictures(folder, 8, table=table)
        assert pictures.attributes["smile"][0] == smile and len(decoded) == 4


def test_pictures_and_rows_without_each_other_are_named(folder, tmp_path):
    (folder / "in" / "b.jpg").write_bytes(b"broken")
    write(folder / "e.png", 50)
    table = tabled(tmp_path / "known.csv", TABLE + "x/a.png,7,red\na.png,8,blue\n")
    with pytest.warns(UserWarning) as said:
        pictures = data.pictures(folder, 8, table=table)
    assert str(said[0].message) == (
        "Left out 4 of 7 files: x/a.png is listed and not there; a.png is listed twice; "
        "e.png is not in the table; in/b.jpg is no picture, or is damaged."
    )
    assert levels(pictures) == [10, 40, 30]
    np.testing.assert_array_equal(pictures.attributes["smile"], [1, -3, 2])
    assert quietly(folder, 8, count=2, table=table).attributes["smile"].tolist() == [1, -3]


def test_a_name_of_several_pictures_is_not_guessed(folder, tmp_path):
    write(folder / "in" / "a.png", 60)
    write(folder / "in" / "d.webp", 70)
    rows = "name,smile\na.png,1\nd.webp,2\nin/d.webp,3\nb.jpg,4\n"
    pictures = quietly(folder, 8, table=tabled(tmp_path / "known.csv", rows))
    assert levels(pictures) == [10, 40, 20, 70]  # a name in full is no guess
    np.testing.assert_array_equal(pictures.attributes["smile"], [1, 2, 4, 3])
    (folder / "a.png").rename(folder / "in" / "e.png")
    (folder / "other").mkdir()
    write(folder / "other" / "a.png", 80)
    with pytest.warns(UserWarning, match=r"a\.png is the name of several pictures"):
        pictures = data.pictures(folder, 8, table=tmp_path / "known.csv")
    assert levels(pictures) == [40, 20, 70]


def test_a_table_of_an_archive(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for place in PLACES:
            archive.write(folder / place, f"mine/{place}")
    table = tabled(tmp_path / "known.csv", TABLE)
    pictures = data.pictures(tmp_path / "mine.zip", 8, table=table)
    np.testing.assert_array_equal(pictures.attributes["smile"], [1, -3, 0, 2])


DAMAGED = {
    "a.png,1\n": "row 1 is the last: write the columns' names",
    "": "row 1 is the last",
    "file,a\n": "row 1 is the last",
    "a.png,1\nb.jpg,2\n": "row 1 names a picture: begin with the columns' names",
    ",a\na.png,1\n": "row 1 has an empty or a double name",
    "file,a,a\na.png,1,2\n": "row 1 has an empty or a double name",
    "file,a\na.png,1\n\nb.jpg,1,2\n": "row 4 has 3 cells and the first row 2: give each",
    "file,a\na.png\n": "row 2 has 1 cells",
    "file,a\na.png,1\nb.jpg,\n": "row 3 has no a: fill it",
    "file,a\n,1\n": "row 2 has no file",
    "file,a\na.png,1\nb.jpg,0.5\n": r"row 3 has 0\.5 as a: fill this column with whole numbers",
    "file,a\na.png,1\nb.jpg,NA\n": "row 3 has NA as a",
    "file,a\na.png,yes\nb.jpg,0\n": "row 2 has yes as a",
    "file,a\na.png,nan\n": "row 2 has nan as a",
    "file,a\na.png,3000000000\n": "row 2 has 3000000000 as a",
    'file,a\na.png,1\nb.jpg,"2\n': "row 3 cannot be read",
    "file,a\na.png,1\nb\udce4r.jpg,1\n": "row 3 is not in UTF-8: save the table as CSV in UTF-8",
}


@pytest.mark.parametrize(("text", "said"), DAMAGED.items(), ids=DAMAGED.values())
def test_a_damaged_table_is_named_with_its_row(folder, text, said):
    (folder / "known.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"^known\.csv is damaged: {said}"):
        data.pictures(folder, 8, table=folder / "known.csv")


def test_a_table_that_is_not_there_or_of_other_pictures(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no table at .*: check the path"):
        data.pictures(folder, 8, table=tmp_path)
    table = tabled(tmp_path / "known.csv", "file,a\nz.png,1\n")
    said = r"None of the pictures that known\.csv names is in .*z\.png is listed and not there"
    with pytest.raises(ValueError, match=said):
        data.pictures(folder, 8, table=table)


def test_values_below_zero_are_no_condition():
    values = {"smile": np.array([-1, 1, 1], "int32")}
    with pytest.raises(ValueError, match="smile holds -1: use whole numbers from 0 on"):
        data.one_hot(values, ("smile",))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([0.0, 1.0]), r"smile holds float64 of shape \(2,\): use whole numbers of shape"),
        (np.array(["no", "yes"]), r"smile holds <U3 of shape \(2,\): use whole numbers"),
        (np.array([[0], [1]]), r"smile holds int64 of shape \(2, 1\): use whole numbers"),
        (np.array([], int), r"smile holds int64 of shape \(0,\): use whole numbers"),
        (
            np.array([0, 10**9]),
            "smile holds 1000000000: use whole numbers from 0 on and below 1,000",
        ),
    ],
)
def test_values_that_are_no_codes_are_named(values, said):
    with pytest.raises(ValueError, match=said):
        data.one_hot({"smile": values}, ("smile",))
    for names in ((), "smile"):
        with pytest.raises(ValueError, match="give several in brackets"):
            data.one_hot({"smile": np.array([0, 1])}, names)


def test_a_table_larger_than_any_list_is_not_read(tmp_path, monkeypatch):
    table = tmp_path / "table.csv"
    with table.open("wb") as file:
        file.truncate(60_000_000)  # a hole, that takes no room on the disk
    monkeypatch.setattr(type(table), "read_bytes", lambda path: 1 / 0)
    with pytest.raises(
        ValueError, match=r"table\.csv has 60 MB, over 50 MB: make it smaller first"
    ):
        data.pictures(tmp_path, 8, table=table)


@pytest.mark.parametrize("share", [-0.5, 1.0, 2, np.nan, "x", True])
def test_a_share_that_leaves_nothing_is_named(share):
    with pytest.raises(ValueError, match=f"share is {share}: use a number from 0 to below 1"):
        own.held_out(200, share, 0)


@pytest.mark.parametrize(
    "images", [np.array([[[["a"]]]]), np.zeros((1, 2, 2, 1), complex), np.zeros((1, 0, 2, 1))]
)
def test_what_is_no_batch_of_pictures_is_named(images):
    with pytest.raises(ValueError, match=r"^images h"):
        data.check_images(images)
