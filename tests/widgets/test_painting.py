"""Studio, mixer and scrubber: every control acts, and pictures keep their shape."""

import io

import numpy as np
import pytest
from conftest import size
from PIL import Image

from helpers import data, style, widgets


@pytest.fixture(scope="module")
def photographs():
    return data.photographs(96)


@pytest.fixture(scope="module")
def paintings():
    return data.style_images(96)


@pytest.fixture(scope="module")
def fast():
    return style.FastTransfer()


@pytest.fixture
def mixer(photographs, paintings, fast):
    return widgets.StyleMixer(photographs, paintings, fast, size=128)


@pytest.fixture
def studio(photographs, paintings):
    studio = widgets.StyleStudio(photographs, paintings, size=128, steps=5)
    studio.controls["layers"].value = ["block1_conv1", "block2_conv1"]
    return studio


def test_studio_paints_and_says_the_losses(studio):
    before = studio.result.value, studio.curve_image.value
    studio.go.click()
    studio.join()
    assert studio.best.shape == (128, 128, 3) and studio.progress.value == 1
    assert studio.result.value != before[0] and studio.curve_image.value != before[1]
    assert studio.caption.text.startswith("Done. content ") and "total" in studio.caption.text
    assert {"content", "style", "variation", "total"} == set(studio.history)
    assert studio.full_size()["painting"] is studio.best
    studio.controls["style_weight"].value = 1.0
    made = studio.settings_in_words()
    assert made.startswith("photograph astronaut · painting ") and "style weight 20 ·" in made


def test_studio_stops_and_keeps_the_picture(studio):
    studio.controls["steps"].value = 100
    seen = studio.progress.observe
    seen(lambda change: studio.stop.click() if change["new"] > 0 else None, "value")
    studio.go.click()
    studio.join()
    assert studio.caption.text.startswith("Stopped. ") and 0 < studio.progress.value < 0.5
    assert studio.best.shape == (128, 128, 3) and not studio.go.disabled


def test_studio_settings_reach_the_transfer(studio, monkeypatch):
    given = {}

    class Spy(style.StyleTransfer):
        def __init__(self, *pictures, **options):
            given.update(options)
            super().__init__(*pictures, **options)

        def run(self, **plan):
            given.update(plan)
            return super().run((32,), (2,), on_frame=plan["on_frame"])

    monkeypatch.setattr(style, "StyleTransfer", Spy)
    studio.controls["style_weight"].value = 100.0
    studio.controls["optimizer"].value = "adam"
    studio.go.click()
    studio.join()
    assert (given["style_weight"], given["optimizer"]) == (100.0, "adam")
    assert list(given["layers"]) == ["block1_conv1", "block2_conv1"]
    assert (given["sizes"], given["steps"]) == ((32, 64, 128), (20, 10, 5))


def test_studio_without_layers_says_so(studio):
    studio.controls["layers"].value = []
    studio.go.click()
    with pytest.raises(ValueError, match="No style layer is chosen"):
        studio.join()
    assert "No style layer is chosen" in studio.caption.text and not studio.go.disabled


@pytest.mark.parametrize(
    ("control", "value"), [("mixture", 0.7), ("alpha", 0.2), ("colours", True), ("size", 192)]
)
def test_each_control_of_the_mixer_changes_the_picture(mixer, control, value):
    before = mixer.result.value
    getattr(mixer, control).value = value
    assert mixer.result.value != before


def test_menus_of_the_mixer_change_the_picture(mixer):
    mixer.mixture.value = 0.5
    for menu in mixer.menus.values():
        before, pictures = mixer.result.value, mixer.originals.value
        menu.value = "hatching"
        assert mixer.result.value != before and mixer.originals.value != pictures


def test_mixer_shows_what_the_network_paints(mixer, fast, photographs, paintings):
    mixer.mixture.value, mixer.alpha.value = 0.25, 0.5
    pictures = [photographs["astronaut"], paintings["starry_night"], paintings["marbling"]]
    content, *styles = [fast.encode(style.resize(picture, 128)) for picture in pictures]
    expected = fast.decode(fast.mix(content, styles, [0.75, 0.25], 0.5))
    np.testing.assert_allclose(mixer.painted, expected, atol=1e-5)
    assert "75 % starry_night, 25 % marbling, strength 0.50" in mixer.caption.text


def test_a_saved_mixer_has_its_originals_in_a_column(mixer, photographs, paintings):
    picture, (first, second) = mixer.picture(), list(paintings)[:2]
    assert picture.shape == (384, 96 + 12 + 384, 3)
    originals = [next(iter(photographs.values())), paintings[first], paintings[second]]
    for number, original in enumerate(originals):
        seen = picture[108 * number : 108 * number + 96, :96]
        assert np.abs(seen - style.resize(original, 96)).mean() < 0.05


def test_mixing_alone_does_not_encode_again(mixer, monkeypatch):
    encoded, before = [], mixer.result.value
    monkeypatch.setattr(mixer.transfer, "encode", encoded.append)
    mixer.mixture.value, mixer.alpha.value = 0.4, 0.6
    assert not encoded and mixer.result.value != before


def test_pictures_need_not_be_square(photographs, paintings, fast):
    wide = {"wide": np.repeat(photographs["cat"], 2, axis=1)}
    mixer = widgets.StyleMixer(wide, paintings, fast, size=128)
    assert mixer.painted.shape == (128, 256, 3)


def test_the_mixer_paints_every_shape_whole_and_in_its_own_colours(photographs, paintings, fast):
    """Also where the sides are no multiples of what the network halves."""
    tall = {"tall": np.repeat(photographs["cat"], 2, axis=0)[:171]}
    mixer = widgets.StyleMixer(tall, paintings, fast, size=128)
    assert mixer.painted.shape == (228, 128, 3)
    before = mixer.result.value
    mixer.colours.value = True
    assert mixer.result.value != before and mixer.painted.shape == (228, 128, 3)
    assert size(mixer.result.value) == (384, 684) and size(mixer.originals.value)[1] == 171


def test_the_studio_paints_every_shape_whole(studio, photographs):
    studio.photographs["wide"] = np.repeat(photographs["cat"], 2, axis=1)
    studio.upload._list("wide")
    studio.controls["photograph"].value = "wide"
    assert 638 <= size(studio.result.value)[0] <= 640  # photograph and painting, side by side
    studio.controls["size"].value = 64
    studio.go.click()
    studio.join()
    assert studio.best.shape == (64, 128, 3) and size(studio.result.value) == (640, 320)


def test_a_studio_that_diverges_says_where_and_keeps_the_last_picture(studio, monkeypatch):
    studio.best = before = np.zeros((4, 4, 3))

    def wild(transfer, **plan):
        for step, total in ((1, 2.0), (2, float("nan"))):
            plan["on_frame"](style.Frame(step, 0.1, {"total": total}, np.zeros((32, 32, 3))))
        return pytest.fail("went on")

    monkeypatch.setattr(style.StyleTransfer, "run", wild)
    studio.go.click()
    with pytest.raises(widgets.Diverged, match="total is nan at step 2 of 35: try smaller weights"):
        studio.join()
    assert studio.best is before and studio.history == {"total": [(0.1, 2.0)]}
    assert studio.caption.text.startswith("Stopped. total is nan") and not studio.go.disabled


def test_scrubber_shows_the_chosen_frame():
    frames = [np.full((4 * (n + 1), 4 * (n + 1), 3), n / 9) for n in range(10)]
    scrubber = widgets.Scrubber(frames, [f"step {n}" for n in range(10)])
    assert scrubber.caption.text == "step 9" and size(scrubber.image.value) == (320, 320)
    scrubber.frame.value = 3
    assert scrubber.caption.text == "step 3" and size(scrubber.image.value) == (320, 320)
    middle = np.asarray(Image.open(io.BytesIO(scrubber.image.value)))[160, 160, 0]
    assert middle == round(255 * 3 / 9)
    picture = scrubber.picture()
    assert picture.shape[:2] == (206, 6 * 180 + 5 * 12)
    assert picture[:180, 90, 0].max() == 0 and picture[184:, :180].min() < 0.3  # a caption below


def test_a_saved_scrubber_says_that_it_shows_several_frames(monkeypatch):
    lines = []
    monkeypatch.setattr(
        "helpers.widgets.base.described", lambda image, given, width: lines.extend(given) or image
    )
    widgets.Scrubber([np.zeros((4, 4, 3))] * 2, ["one", "two"]).static()
    assert lines[0].startswith("Shown: some frames, from first to last")


def test_scrubber_needs_a_caption_per_frame():
    with pytest.raises(ValueError, match="2 pictures and 1 captions"):
        widgets.Scrubber([np.zeros((4, 4, 3))] * 2, ["one"])


@pytest.mark.parametrize("side", [64, 96])
def test_studio_paints_at_its_smallest_sizes(studio, side):
    studio.controls["size"].value = side
    studio.go.click()
    studio.join()
    assert studio.best.shape == (side, side, 3)


def test_studio_names_the_losses_of_the_picture_it_keeps(studio):
    studio.go.click()
    studio.join()
    shown = float(studio.caption.text.split("total ")[1])
    totals = [value for _, value in studio.history["total"]]
    assert shown == pytest.approx(min(totals[-6:]), rel=0.01)


def test_studio_curves_have_a_gap_where_the_picture_grows(studio):
    studio.go.click()
    studio.join()
    for name, points in studio.history.items():
        values = np.array([value for _, value in points])
        gaps = np.flatnonzero(np.isnan(values))
        assert len(gaps) == 2 and not np.isnan(values[gaps + 1]).any(), name
