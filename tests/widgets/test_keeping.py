"""What a widget shows is kept: at its own pixels, with what made it, under a name that is free."""

import errno
import io
import threading
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import every_control
from PIL import Image
from test_every_widget import CODES, IMAGES, MAKERS, decode, use

from helpers import plots, widgets
from helpers.widgets import keeping


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of notebooks, empty, where a kernel runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / keeping.FOLDER


@pytest.fixture(params=MAKERS, scope="module")
def lab(request):
    made = MAKERS[request.param]()
    if isinstance(made, widgets.TrainingPanel):
        made.samples = IMAGES[:4]
    use(made)
    yield made
    made.close()


def press(lab, name):
    (button,) = (b for b in lab.savers if b.description == name)
    button.click()


def test_every_widget_saves_its_pictures_pixel_for_pixel_with_what_made_them(lab, folder):
    pictures = lab.full_size()
    press(lab, "Save picture")
    names = {f"{type(lab).__name__}_{part}_1.png" for part in pictures}
    assert {path.name for path in folder.iterdir()} == names == set(lab.caption.files)
    assert lab.caption.saved.startswith("Saved in my_pictures beside the notebook: ")
    for part, picture in pictures.items():
        path = folder / f"{type(lab).__name__}_{part}_1.png"
        saved, (height, width) = Image.open(path), picture.shape[:2]
        assert f"{path.name} ({width} × {height} pixels)" in lab.caption.saved
        pixels = np.asarray(saved).reshape(height, width, -1) / 255
        np.testing.assert_allclose(pixels, np.clip(picture, 0, 1), atol=0.51 / 255)
        assert saved.text["Title"] == lab.title
        assert saved.text["Description"] == lab.caption.text
        assert saved.text["Settings"] == lab.settings_in_words()
        assert f"Keras {keras.__version__}" in saved.text["Software"]
        assert datetime.fromisoformat(saved.text["Creation Time"]).tzinfo
        assert lab.caption.files[path.name] == path.read_bytes()


PIXELS = {  # height and width of 8 x 8 pictures in sheets with a gap, none of them enlarged
    "explorer": {"decoded": (8, 8), "plane": (440, 484)},
    "interpolator": {"ends": (8, 28), "path": (8, 108)},
    "switcher": {"pictures": (44, 89), "codes": (418, 484)},
    "turner": {"picture": (420, 420)},
    "walker": {"pictures": (8, 28), "walk": (8, 108)},
    "bench": {"rows": (28, 58)},
    "faces": {"faces": (8, 18)},
    "scrubber": {"frame": (8, 8)},
    "mixer": {"painting": (192, 128)},
    "panel": {"curves": (352, 484), "samples": (17, 17)},
}


def test_what_is_saved_is_as_large_as_it_was_made_not_as_it_is_shown(lab, request):
    name = request.node.callspec.params["lab"]
    if name in PIXELS:
        saved = {part: picture.shape[:2] for part, picture in lab.full_size().items()}
        assert saved == PIXELS[name]


def test_every_film_is_saved_in_both_formats(lab, folder):
    if lab.FILM is None:
        assert [button.description for button in lab.savers] == ["Save picture"]
        return
    if isinstance(lab, widgets.GanStepper):
        lab.step_generator()
    if isinstance(lab, widgets.FaceStudio):
        press(lab, "Save GIF film")
        assert lab.caption.saved.startswith("Nothing is saved: All frames are alike")
        lab.sliders["smile"].value = 0.5
    for name, kind in (("GIF", "gif"), ("WebP", "webp")):
        press(lab, f"Save {name} film")
        path = folder / f"{type(lab).__name__}_film_1.{kind}"
        with Image.open(path) as film:
            size, count = f"{film.width} × {film.height} pixels", film.n_frames
        told = f"{count} frames of {size}, {path.stat().st_size / 1000:,.0f} kB"
        assert f"{path.name} ({told})" in lab.caption.saved
        assert 2 <= count <= len(lab.frames()) and list(lab.caption.files) == [path.name]


def test_the_buttons_leave_no_trace_in_the_static_picture(lab):
    before, words = lab.static(), lab._repr_mimebundle_()[1]
    press(lab, "Save picture")
    np.testing.assert_array_equal(lab.static(), before)
    assert lab._repr_mimebundle_()[1] == words
    assert all(button in list(every_control(lab)) for button in lab.savers)


@pytest.mark.parametrize("name", ["studio", "quiz"])
def test_where_nothing_is_shown_nothing_is_saved(name, folder):
    lab = MAKERS[name]()
    press(lab, "Save picture")
    assert lab.caption.saved == "Nothing is saved: nothing is shown yet." and not folder.exists()
    assert lab.caption.files == {}


def test_a_second_picture_gets_a_second_name(folder):
    lab = MAKERS["scrubber"]()
    for _ in range(2):
        press(lab, "Save picture")
    lab.frame.value = 0
    folder.joinpath("Scrubber_frame_3.png").write_bytes(b"of the learner")
    press(lab, "Save picture")
    names = [f"Scrubber_frame_{number}.png" for number in (1, 2, 3, 4)]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert folder.joinpath(names[2]).read_bytes() == b"of the learner"
    assert "Scrubber_frame_4.png (8 × 8 pixels)" in lab.caption.saved
    assert Image.open(folder / names[0]).text["Description"] == "third"
    assert Image.open(folder / names[3]).text["Description"] == "first"


def test_many_at_once_overwrite_nothing(folder):
    contents = [bytes([number]) * 10 for number in range(24)]
    write = [
        threading.Thread(target=keeping.write_new, args=("one", ".png", content))
        for content in contents
    ]
    for thread in write:
        thread.start()
    for thread in write:
        thread.join()
    assert sorted(path.read_bytes() for path in folder.iterdir()) == contents


def test_a_folder_that_cannot_be_written_is_named_and_the_browser_still_offered_it(folder):
    folder.write_text("a file where the folder should be")
    lab = MAKERS["interpolator"]()
    press(lab, "Save picture")
    assert lab.caption.saved == (
        "Not saved: my_pictures beside the notebook cannot be written (File exists); the browser "
        "can still keep it:"
    )
    assert list(lab.caption.files) == ["Interpolator_ends.png", "Interpolator_path.png"]
    assert folder.read_text() == "a file where the folder should be"


def test_of_a_full_disk_no_half_file_stays(folder, monkeypatch):
    opened = Path.open

    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(path, mode="r"):
        stream = opened(path, mode)
        if "path" not in path.name:
            return stream
        stream.close()
        return Full()

    monkeypatch.setattr(Path, "open", full)
    lab = MAKERS["interpolator"]()
    press(lab, "Save picture")
    assert lab.caption.saved == (
        "Saved only Interpolator_ends_1.png: my_pictures beside the notebook cannot be written (No "
        "space left on device); the browser can still keep it:"
    )
    assert [path.name for path in folder.iterdir()] == ["Interpolator_ends_1.png"]


def test_a_film_of_one_frame_is_refused_in_a_sentence(folder):
    lab = widgets.Scrubber([IMAGES[0]], ["only"])
    press(lab, "Save GIF film")
    assert lab.caption.saved == (
        "Nothing is saved: A film of 1 frame does not move: give 2 or more."
    )
    assert not folder.exists() and lab.caption.files == {}


def test_frames_of_a_walk_are_those_on_the_way_there_and_back():
    lab = MAKERS["interpolator"]()
    lab.first.value, lab.second.value = 3, 7
    frames, count = lab.frames(), lab.WALK
    assert len(frames) == 2 * count - 2
    np.testing.assert_allclose(frames[0], decode(CODES[3])[0], atol=1e-6)
    np.testing.assert_allclose(frames[count - 1], decode(CODES[7])[0], atol=1e-6)
    np.testing.assert_array_equal(frames[1 : count - 1], frames[: count - 1 : -1])


def test_frames_of_several_sizes_take_the_shape_of_the_largest(folder):
    frames = [np.full((side, 2 * side, 3), 0.5) for side in (8, 32, 16)]
    lab = widgets.Scrubber(frames, ["a", "b", "c"])
    assert {frame.shape for frame in lab.frames()} == {(32, 64, 3)}


def test_a_long_game_is_kept_from_its_beginning_to_now_in_few_frames():
    lab = MAKERS["stepper"]()
    shown = [lab.image.value]
    for number in range(5 * lab.MOST_FRAMES):
        colour = [number // 256 / 255, number % 256 / 255, 0.5]
        lab.image.value = plots.png(np.broadcast_to(colour, (4, 4, 3)))
        shown.append(lab.image.value)
        lab._keep_frame()
    assert lab.MOST_FRAMES // 2 <= len(lab.kept_frames) < lab.MOST_FRAMES
    places = [shown.index(frame) for frame in lab.kept_frames]
    assert places[0] == 0 and len(set(np.diff(places))) == 1  # even steps, however long the game
    now = np.asarray(Image.open(io.BytesIO(lab.image.value)), "float32") / 255
    np.testing.assert_array_equal(lab.frames()[-1], now)
    lab.reset()
    assert len(lab.kept_frames) == 1
