"""Where are the faces in a folder or archive of somebody else, and what is known of them?

    data set    pictures                                      labels
    CelebA      img_align_celeba/000001.jpg, 178 x 218        list_attr_celeba.txt or .csv
    anime       any folder of .png or .jpg, 64 x 64           none

CelebA's own folders are Anno, Eval and Img, and its pictures are a .zip inside Img; copies
elsewhere are flat, or hold a folder in a folder. So files are found by their names, wherever they
lie, in folders, in a .zip, and in a .zip inside a folder. Nothing is unpacked to the disk.

The list of attributes has a row per picture: its name, then 40 values of 1 (yes) or -1 (no). As
.txt a line with the number of pictures and a line with the names come first; as .csv a line with
the names does.

Liu, Luo, Wang and Tang, ICCV 2015 (CelebA).
"""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

PICTURES = (".jpg", ".jpeg", ".png")
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
ALIGNED = "img_align_celeba"
Readers = dict[str, Callable[[], bytes]]


def find(path: str | Path) -> Readers:
    """Every file below a folder or inside a .zip, hidden ones left out.

    Args:
        path: the folder or the archive; archives inside the folder are looked into.

    Returns:
        The file's place to a function that reads its bytes, in the order of the places.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: the path is a file and no .zip, or an archive is damaged.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is nothing at {path}: check the path.")
    if path.is_file():
        return _members(path)
    files = {}
    for file in sorted(path.rglob("*")):
        place = file.relative_to(path).as_posix()
        if not file.is_file() or not _visible(place):
            continue
        if file.suffix.lower() == ".zip":
            files |= {f"{place}/{name}": read for name, read in _members(file).items()}
        else:
            files[place] = file.read_bytes
    return files


def _visible(place: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(place).parts)


def _members(path: Path) -> Readers:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        hint = "give a folder or a whole .zip; unpack other archives first"
        raise ValueError(f"{path.name} is no .zip, or is damaged: {hint}.") from error
    names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    return {name: partial(archive.read, name) for name in names if _visible(name)}


def only_pictures(files: Readers) -> Readers:
    """Those of the files whose names end like a picture's."""
    return {place: read for place, read in files.items() if place.lower().endswith(PICTURES)}


def aligned(files: Readers) -> Readers:
    """CelebA's pictures by name; those of `img_align_celeba` where other sets lie beside it."""
    pictures = only_pictures(files)
    own = {place: read for place, read in pictures.items() if ALIGNED in place}
    return {PurePosixPath(place).name: read for place, read in (own or pictures).items()}


def parse_attributes(text: str) -> tuple[list[str], dict[str, np.ndarray]]:
    """Read CelebA's list of attributes.

    Args:
        text: of `list_attr_celeba.txt` or `list_attr_celeba.csv`.

    Returns:
        The names of the pictures, and attribute to int32 of shape (n,), 1 for yes and 0 for no.

    Raises:
        ValueError: a row has another number of values than there are attributes, or one of them
            is neither 1 nor -1.
    """
    lines = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    if lines and len(lines[0]) == 1:
        lines = lines[1:]
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    attributes = header[1:] if header[:1] == ["image_id"] else header
    wrong = [row[0] for row in rows if len(row) != len(attributes) + 1]
    values = np.array([row[1:] for row in rows if not wrong])
    if not rows or wrong or not np.isin(values, ["1", "-1"]).all():
        where = f"row {wrong[0]}" if wrong else "a value"
        hint = "each row needs a picture's name and a 1 or -1 for every attribute"
        raise ValueError(f"The list of attributes is damaged at {where}: {hint}.")
    columns = (values == "1").astype("int32").T
    return [row[0] for row in rows], dict(zip(attributes, columns, strict=True))


def celeba_attributes(files: Readers) -> tuple[list[str], dict[str, np.ndarray]]:
    """Find CelebA's list among files from :func:`find` and read it.

    Returns:
        As :func:`parse_attributes`.

    Raises:
        ValueError: there is no list, or it is damaged.
    """
    for place, read in files.items():
        if PurePosixPath(place).name in ATTRIBUTES:
            return parse_attributes(read().decode("utf-8-sig", errors="replace"))
    hint = "put it beside the pictures, as its authors publish it"
    raise ValueError(f"There is no {' or '.join(ATTRIBUTES)}: {hint}.")
