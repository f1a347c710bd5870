"""Whole labs on a folder of one's own: no cell fails, pictures are shown, ours stay as they are."""

import hashlib
import re

import nbclient
import nbformat
import numpy as np
import pytest
import skimage.data
from conftest import ROOT, encoded

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF"}
KINDS = ("astronaut", "cat", "coffee")
BUDGETS = {
    "05_convolutional_autoencoder": {"STEPS_ON_MINE, SEEDS_ON_MINE = ": "2, 1"},
    "08_vae_faces": {
        "STEPS_ON_MINE = ": "0.1",
        "SCHEDULE = ": "((20.0, 1), (100.0, 1))",
        "MY_TABLE = ": "its path",
    },
    "10_dcgan": {"STEPS_ON_MINE = ": "10", "WIDTH = ": "8"},
    "11_face_gan": {
        "STEPS_ON_MINE = ": "2",
        "WIDTHS = ": "(8, 8, 8)",
        "OBJECTIVES, PENALTIES = ": 'losses.OBJECTIVES, ("none", "r1")',
        "COUNT, SEEDS = ": "200, 1",
    },
}
# To trace costs more than these few steps; but lab 10 draws much, which a graph does faster.
EAGER = "import tensorflow as tf; tf.config.run_functions_eagerly(True)"
TRACED = "10_dcgan"


@pytest.fixture
def folder(tmp_path):
    """300 cuts of photographs in five formats and two folders, and a file that is no picture."""
    place, random = tmp_path / "my pictures", np.random.default_rng(0)
    (place / "nested").mkdir(parents=True)
    photographs = [skimage.data.astronaut(), skimage.data.cat(), skimage.data.coffee()]
    for number in range(300):
        photograph = photographs[number % 3]
        side = int(random.integers(40, 200))
        top, left = (int(random.integers(0, length - side)) for length in photograph.shape[:2])
        ending = list(FORMATS)[number % 5]
        path = (place if number % 4 else place / "nested") / f"{number}.{ending}"
        path.write_bytes(encoded(photograph[top : top + side, left : left + side], FORMATS[ending]))
    (place / "broken.jpg").write_bytes(b"no picture")
    rows = [f"{number}.{list(FORMATS)[number % 5]},{KINDS[number % 3]}" for number in range(300)]
    (tmp_path / "table.csv").write_text("\n".join(["file,kind", *rows]))
    return place


def on_pictures(notebook, folder, budget):
    """The notebook with other values in the lines of its settings cell, which is returned."""
    values = {"MY_PICTURES = ": repr(str(folder)), "SIZE = ": "32", **budget}
    if "MY_TABLE = " in values:
        values["MY_TABLE = "] = repr(str(folder.parent / "table.csv"))
    (cell,) = [cell for cell in notebook.cells if "\nMY_PICTURES = None" in cell.source]
    for line, value in values.items():
        cell.source, count = re.subn(rf"(?m)^{line}[^#\n]*", f"{line}{value}  ", cell.source)
        assert count == 1, line
    return cell


def hashes():
    paths = (ROOT / "checkpoints").iterdir()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("lab", BUDGETS)
def test_a_whole_lab_runs_on_a_folder_of_three_hundred_pictures(lab, folder, monkeypatch):
    monkeypatch.setenv("GDL_EXERCISES", "off")
    monkeypatch.delenv("GDL_BUDGET", raising=False)
    path, before = ROOT / "notebooks" / f"{lab}.ipynb", hashes()
    notebook = nbformat.read(path, as_version=4)
    saved = [kinds(cell) for cell in notebook.cells]
    settings = on_pictures(notebook, folder, BUDGETS[lab])
    settings.source += "" if lab == TRACED else f"\n{EAGER}"
    how = {"timeout": 600, "resources": {"metadata": {"path": str(path.parent)}}}
    nbclient.NotebookClient(notebook, kernel_name="gdl-cpu", **how).execute()
    assert [kinds(cell) for cell in notebook.cells] == saved
    printed = "".join(o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o)
    assert "Left out 1 of 301 files: broken.jpg" in printed and "✓" not in printed
    assert printed.count("(on your pictures; for ours: ") > 8
    assert hashes() == before


def kinds(cell):
    """How many pictures a cell shows."""
    shown = [set(output.get("data", {})) for output in cell.get("outputs", [])]
    return sum(bool(found & {"image/png", "image/jpeg"}) for found in shown)
