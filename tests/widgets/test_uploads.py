"""A learner's own picture arrives whole, under a name of its own, and a bad one is named."""

import io
import os

import ipywidgets
import numpy as np
import pytest
from conftest import size
from PIL import Image

from helpers import widgets
from helpers.widgets import uploads

RNG = np.random.default_rng(0)
BUILT_IN = {"cat": RNG.random((16, 16, 3)), "coffee": RNG.random((16, 16, 3))}


def file_bytes(kind="PNG", shape=(30, 40), seed=0, **options):
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (*shape, 3), "uint8")
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def upload():
    """An upload beside two menus, and a note of each time a chosen picture was replaced."""
    menus, names = [], dict(BUILT_IN)
    for value in names:
        menus.append(ipywidgets.Dropdown(options=list(names), value=value))
    made = widgets.Upload(names, menus, lambda: made.shown.append(menus[0].value))
    made.shown = []
    return made


def arrive(upload, name, content):
    """What the browser sends of one file: to ipywidgets 8, and to ipywidgets 7, as in Colab."""
    file, button = {"name": name, "type": "image/png", "size": len(content)}, upload.button
    if not ipywidgets.__version__.startswith("7."):
        file |= {"last_modified": 0, "content": memoryview(content)}
        button.set_state({"value": [file]})
    else:
        sent = {"metadata": [file], "data": [memoryview(content)]}
        button.set_state({**sent, "_counter": button._counter + 1})


def test_an_upload_is_shown_and_offered(upload):
    arrive(upload, "holiday.png", file_bytes())
    assert size(upload.preview.value) == (85, 64) and upload.preview.layout.display == ""
    assert upload.message.value == "holiday.png: choose it in a menu above."
    assert [menu.value for menu in upload.menus] == ["cat", "coffee"] and upload.shown == []
    assert all(menu.options == ("cat", "coffee", "holiday.png") for menu in upload.menus)


@pytest.mark.parametrize("shape", [(600, 1600), (1600, 600), (40, 30), (513, 512), (3, 2), (1, 1)])
def test_a_picture_keeps_its_shape(upload, shape):
    upload.add("mine", file_bytes(shape=shape))
    height, width = upload.pictures["mine"].shape[:2]
    assert min(height, width) == min(*shape, uploads.GALLERY_SIZE)
    assert height / width == pytest.approx(shape[0] / shape[1], rel=2e-3)


@pytest.mark.parametrize("size", [(8000, 6000), (2000, 7000)])
def test_a_camera_s_photograph_is_made_smaller_while_it_is_read(upload, size):
    """48 and 14 million pixels: the first would need more memory whole than a picture may."""
    stream = io.BytesIO()
    Image.new("RGB", size, "teal").save(stream, "JPEG")
    upload.add("camera.jpg", stream.getvalue())
    assert upload.message.value == "camera.jpg: choose it in a menu above."
    height, width = upload.pictures["camera.jpg"].shape[:2]
    assert min(height, width) == uploads.GALLERY_SIZE
    assert width / height == pytest.approx(size[0] / size[1], rel=2e-3)


def test_nothing_of_a_picture_is_cut_off(upload):
    """Each side of the picture has a colour of its own, and all four are there."""
    pixels = np.full((60, 160, 3), 128, "uint8")
    pixels[:8], pixels[-8:], pixels[8:-8, :8], pixels[8:-8, -8:] = 0, 255, (255, 0, 0), (0, 0, 255)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    upload.add("framed.png", stream.getvalue())
    np.testing.assert_allclose(upload.pictures["framed.png"], pixels / 255, atol=0.01)


def test_a_long_thin_picture_is_refused_in_a_sentence(upload):
    upload.add("thin.png", file_bytes(shape=(10, 41)))
    assert upload.message.value == (
        "thin.png: the picture is 41 x 10 pixels: cut it until it is at most 4 times as long as "
        "wide."
    )
    upload.add("thin.png", file_bytes(shape=(10, 40)))
    assert "thin.png" in upload.pictures


@pytest.mark.parametrize("chosen", [True, False])
def test_the_same_file_name_again_is_shown_anew(upload, chosen):
    arrive(upload, "mine.png", file_bytes(seed=1))
    first, preview = upload.pictures["mine.png"], upload.preview.value
    if chosen:
        upload.menus[1].value = "mine.png"
    arrive(upload, "mine.png", file_bytes(seed=2))
    assert not np.array_equal(upload.pictures["mine.png"], first)
    assert upload.preview.value != preview and len(upload.shown) == chosen
    assert upload.menus[1].value == ("mine.png" if chosen else "coffee")
    assert upload.menus[0].options.count("mine.png") == 1


def test_the_same_file_again_is_read_again(upload):
    content = file_bytes()
    for _ in range(2):
        arrive(upload, "mine.png", content)
        assert "mine.png" in upload.pictures and not upload.button.value
        del upload.pictures["mine.png"]


@pytest.mark.parametrize("name", ["cat", "coffee"])
def test_a_picture_of_the_lab_is_not_replaced_by_one_of_its_name(upload, name):
    for seed in (1, 2):
        arrive(upload, name, file_bytes(seed=seed))
        assert upload.pictures[name] is BUILT_IN[name]
        assert upload.pictures[f"{name} (yours)"].shape == (30, 40, 3)
        assert upload.message.value == (
            f"{name} (yours): a picture of the lab is called {name}: choose it in a menu above."
        )
    assert list(upload.pictures) == ["cat", "coffee", f"{name} (yours)"] and upload.shown == []


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_any_format_of_pillow_can_be_uploaded(upload, kind):
    upload.add(f"mine.{kind}", file_bytes(kind))
    assert f"mine.{kind}" in upload.pictures


def test_uploads_are_turned_upright(upload):
    exif = Image.Exif()
    exif[0x0112] = 3
    upload.add("upright", file_bytes())
    upload.add("turned", file_bytes("TIFF", exif=exif))
    upright, turned = upload.pictures["upright"], upload.pictures["turned"]
    np.testing.assert_allclose(turned, upright[::-1, ::-1], atol=0.02)


BAD = {
    "text": b"hello",
    "half a picture": file_bytes()[:500],
    "nothing": b"",
    "thin": file_bytes(shape=(1, 9)),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_upload_is_named_in_a_line_and_the_next_one_works(upload, bad):
    arrive(upload, "odd.png", BAD[bad])
    assert upload.message.value.startswith("odd.png: ") and "\n" not in upload.message.value
    assert "odd.png" not in upload.pictures
    arrive(upload, "odd.png", file_bytes())
    assert "odd.png" in upload.pictures and not upload.adding


def test_an_error_while_menus_change_leaves_the_upload_alive(upload, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ipywidgets.Dropdown, "options", property(lambda self: (), lambda *_: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            upload.add("first.png", file_bytes())
    assert not upload.adding
    upload.add("second.png", file_bytes())
    assert upload.menus[0].options == ("cat", "coffee", "first.png", "second.png")


@pytest.mark.parametrize(("variable", "most"), [(None, 10), ("100", 100)])
def test_the_widget_says_how_large_a_file_may_be(monkeypatch, variable, most):
    monkeypatch.delenv("GDL_UPLOAD_MB", raising=False)
    if variable:
        monkeypatch.setitem(os.environ, "GDL_UPLOAD_MB", variable)
    upload = widgets.Upload(dict(BUILT_IN), [], lambda: None)
    assert upload.message.value == f"up to {most} MB"
    assert upload.message in upload.children


def test_a_file_arrives_alike_under_ipywidgets_7_and_8():
    """As version 7 (Colab) and version 8 keep what was chosen."""
    file = {"metadata": {"name": "mine.png", "size": 3}, "content": b"png"}
    listed = ({"name": "mine.png", "size": 3, "content": memoryview(b"png")},)
    assert uploads._received({"mine.png": file}) == [("mine.png", b"png")]
    assert uploads._received(listed) == [("mine.png", b"png")]
    assert uploads._received(()) == uploads._received({}) == []


class Instant:
    """A stand-in for the style network: features are the picture itself."""

    def encode(self, picture):
        return picture

    def mix(self, content, styles, shares, alpha=1.0):
        return content

    def decode(self, features):
        return features


def test_the_mixer_shows_a_new_picture_of_a_chosen_name_and_encodes_no_other(monkeypatch):
    mixer = widgets.StyleMixer(BUILT_IN, BUILT_IN, Instant(), size=128)
    calls = []
    monkeypatch.setattr(mixer.transfer, "encode", lambda p: calls.append(p) or p, raising=False)
    mixer.upload.add("mine.png", file_bytes(shape=(30, 60)))
    assert calls == []
    mixer.menus["photograph"].value = "mine.png"
    before, number = mixer.result.value, len(calls)
    assert mixer.painted.shape == (128, 256, 3) and number == 3
    mixer.upload.add("mine.png", file_bytes(shape=(60, 30), seed=1))
    assert mixer.result.value != before and mixer.painted.shape == (256, 128, 3)


def test_an_upload_leaves_a_finished_painting_alone_unless_its_photograph_is_replaced():
    studio = widgets.StyleStudio(BUILT_IN, BUILT_IN)
    studio.history = {"total": [(0.1, 2.0)]}
    before = studio.result.value
    studio.upload.add("mine.png", file_bytes())
    assert studio.result.value == before and studio.history
    assert "mine.png" in studio.controls["photograph"].options
    studio.controls["photograph"].value = "mine.png"
    before = studio.result.value
    studio.upload.add("mine.png", file_bytes(seed=1))
    assert studio.result.value != before and studio.empty
