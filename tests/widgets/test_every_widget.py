"""What all widgets share: a lock, words for their pictures, and nothing saved without a finding."""

import base64
import io
import threading
import time
from functools import partial

import ipywidgets
import numpy as np
import pytest
from conftest import every_control, small_gan, small_vae
from PIL import Image

from helpers import widgets
from helpers.widgets import pictures

RNG = np.random.default_rng(0)
VIEW = "application/vnd.jupyter.widget-view+json"
IMAGES = RNG.random((12, 8, 8, 1)).astype("float32")
CODES = IMAGES.reshape(12, 64)


def decode(codes):
    return np.asarray(codes).reshape(-1, 8, 8, 1)


def panel(decode=decode):
    return widgets.TrainingPanel(
        lambda **settings: small_vae(),
        (IMAGES,),
        lambda model: decode(IMAGES[:4]),
        {"width": (4, 1, 8, 1), "kind": ["plain", "odd"]},
        epochs=1,
    )


class Instant:
    """A stand-in for the style network: features are the picture itself."""

    def encode(self, picture):
        return picture

    def mix(self, content, styles, shares, alpha=1.0):
        return content * shares[0]

    def decode(self, features):
        return features


PHOTOGRAPHS = {"tall": RNG.random((24, 16, 3)), "wide": RNG.random((16, 24, 3))}
PAINTINGS = {"dots": RNG.random((16, 16, 3)), "lines": RNG.random((16, 16, 3))}
ARROWS = {"face": {"smile": CODES[0], "beard": CODES[1]}}
CLOUD = RNG.normal(size=(20, 3))
MAKERS = {
    "explorer": lambda decode=decode: widgets.LatentExplorer(decode, CODES, np.arange(12) % 10),
    "interpolator": lambda decode=decode: widgets.Interpolator(decode, CODES, IMAGES),
    "switcher": lambda: widgets.BetaSwitcher({0.5: small_vae()}, IMAGES, np.arange(12) % 10),
    "turner": lambda: widgets.CloudTurner(CLOUD, {"flat": CLOUD * [1, 1, 0], "whole": CLOUD}),
    "walker": lambda decode=decode: widgets.UnitWalker(decode, CODES, IMAGES),
    "bench": lambda decode=decode: widgets.NoiseBench(IMAGES[:6], {"as it is": decode}),
    "faces": lambda decode=decode: widgets.FaceStudio(
        decode, CODES, ARROWS, {"glad": {"smile": 1}}
    ),
    "scrubber": lambda: widgets.Scrubber(list(IMAGES[:3]), ["first", "second", "third"]),
    "mixer": lambda: widgets.StyleMixer(PHOTOGRAPHS, PAINTINGS, Instant(), size=128),
    "studio": lambda: widgets.StyleStudio(PHOTOGRAPHS, PAINTINGS),
    "panel": panel,
    "stepper": lambda: widgets.GanStepper(small_gan),
    "quiz": lambda: widgets.Quiz(IMAGES, IMAGES[::-1], questions=5),
}


def use(lab):
    """Let a widget show something."""
    if isinstance(lab, widgets.TrainingPanel):
        lab.history = {"loss": [(0.5, 3.0), (1.0, 2.0)]}
        lab._draw()
    if isinstance(lab, widgets.StyleStudio):
        lab.history = {"total": [(0.5, 3.0), (1.0, 2.0)]}
    if isinstance(lab, widgets.GanStepper):
        lab.step_discriminator()
    if isinstance(lab, widgets.Quiz):
        lab.answer(True)


@pytest.fixture(params=MAKERS)
def lab(request):
    made = MAKERS[request.param]()
    yield made
    made.close()


def test_a_saved_widget_is_described_in_picture_and_words(lab):
    use(lab)
    data, metadata = lab._repr_mimebundle_()
    (kind,) = {"image/png", "image/jpeg"} & set(data)
    assert VIEW in data and data["text/plain"] == f"<{lab.title}>"
    alternative = metadata[kind]["alt"]
    assert alternative.startswith(f"{lab.title}.") and "\n" not in alternative
    assert alternative.endswith(
        lab.caption.text.split()[-1] if lab.caption.text else lab.title + "."
    )
    saved = Image.open(io.BytesIO(base64.b64decode(data[kind])))
    own = lab.picture()
    assert saved.width >= own.shape[1] and saved.height >= own.shape[0] + 3 * pictures.LINE


def test_below_the_picture_stand_what_it_shows_the_controls_and_the_caption(lab, monkeypatch):
    use(lab)
    lines = []
    monkeypatch.setattr(
        "helpers.widgets.base.described", lambda image, given, width: lines.extend(given) or image
    )
    lab.static()
    text = "\n".join(lines)
    assert lines[0].startswith("Shown: ") and lines[-1] == lab.NOTE
    assert all(line in text for line in lab.caption.text.splitlines())
    for part in every_control(lab):
        kinds = (ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.FloatLogSlider)
        if isinstance(part, kinds):
            assert f"{part.description} {part.value:.4g}" in text
        if isinstance(part, (ipywidgets.Dropdown, ipywidgets.SelectionSlider)):
            assert f"{part.description} {part.value}" in text
    for words, image in lab.described_images.items():
        assert (words in lines[0]) == bool(image.value)
    assert "progress" not in text and "None" not in text


@pytest.mark.parametrize("name", ["panel", "studio", "stepper", "quiz"])
def test_a_widget_that_shows_nothing_yet_leaves_no_picture(name):
    made = MAKERS[name]()
    bundle, _ = made._repr_mimebundle_()
    assert set(bundle) == {VIEW, "text/plain"}
    assert bundle["text/plain"] == f"<{made.title}; nothing to show yet>"
    use(made)
    data, metadata = made._repr_mimebundle_()
    assert {"image/png", "image/jpeg"} & set(data) & set(metadata)  # with its alternative text


def test_every_picture_on_the_page_has_words_and_every_control_a_name(lab):
    parts = list(every_control(lab))
    images = [part for part in parts if isinstance(part, ipywidgets.Image)]
    assert list(lab.described_images.values()) == images
    assert list(lab.described_images) == lab.caption.alternatives
    assert all(lab.caption.alternatives) and lab.caption in parts
    for part in parts:
        if isinstance(part, ipywidgets.DOMWidget) and hasattr(part, "description"):
            named = isinstance(part, (ipywidgets.Label, ipywidgets.HTML))
            assert named or part.description, part
        if isinstance(part, ipywidgets.DOMWidget) and not hasattr(part, "description"):
            tooltip = getattr(part, "tooltip", None)  # ipywidgets 7 has none to set
            assert tooltip is None, "ipywidgets shows none of it, but an error instead"


def overlap(act, several=3, times=6):
    """How many calls of the function that `act` is given run at once, at most."""
    inside, most, guard = [], [0], threading.Lock()

    def slow(function, *given):
        with guard:
            inside.append(None)
            most[0] = max(most[0], len(inside))
        time.sleep(0.002)
        with guard:
            inside.pop()
        return function(*given)

    moves, errors = act(slow), []

    def move(number):
        try:
            for turn in range(times):
                moves(number + several * turn)
        except Exception as error:  # an error in a thread must not go unseen
            errors.append(error)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(several)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return most[0]


def of_explorer(slow):
    lab = MAKERS["explorer"](partial(slow, decode))
    return lambda n: setattr(lab.sliders[n % 3], "value", 0.05 * n - 0.5)


def of_pad(slow):
    lab = MAKERS["explorer"](partial(slow, decode))
    return lambda n: setattr(lab.pad, "xy"[n % 2], 0.05 * n - 0.5)


def of_interpolator(slow):
    lab = MAKERS["interpolator"](partial(slow, decode))
    return lambda n: setattr(lab.t, "value", 0.02 * n)


def of_walker(slow):
    lab = MAKERS["walker"](partial(slow, decode))
    return lambda n: setattr(lab.unit, "value", n)


def of_bench(slow):
    lab = MAKERS["bench"](partial(slow, decode))
    return lambda n: setattr(lab.level, "value", 0.05 * n)


def of_faces(slow):
    lab = MAKERS["faces"](partial(slow, decode))
    return lambda n: setattr(lab.which, "value", n % 12)


def of_panel(slow):
    lab = panel(partial(slow, decode))
    lab.model = small_vae()
    return lambda n: lab._draw()


def of_stepper(slow):
    lab = MAKERS["stepper"]()
    lab.phases = {name: partial(slow, phase) for name, phase in lab.phases.items()}
    return lambda n: lab.step_discriminator() if n % 2 else lab.step_generator()


def of_quiz(slow):
    lab = MAKERS["quiz"]()
    lab.score = partial(slow, lab.score)
    return lambda n: lab.restart() if n % 4 == 3 else lab.answer(n % 2 == 0)


MOVES = [of_explorer, of_pad, of_interpolator, of_walker, of_bench, of_faces, of_panel]
MOVES += [of_stepper, of_quiz]


@pytest.mark.parametrize("act", MOVES, ids=lambda act: act.__name__)
def test_moves_from_several_threads_draw_one_after_the_other(act):
    assert overlap(act) == 1


def test_the_point_and_its_sliders_agree_after_fast_moves_of_both():
    lab, stop = MAKERS["explorer"](), threading.Event()

    def wiggle(holder, trait, sign):
        while not stop.is_set():
            for value in np.linspace(-0.8, 0.8, 9):
                setattr(holder, trait, round(float(sign * value), 2))

    moves = [(lab.pad, "x", 1), (lab.sliders[0], "value", -1), (lab.sliders[1], "value", 1)]
    threads = [threading.Thread(target=wiggle, args=move) for move in moves]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert [lab.pad.x, lab.pad.y] == [slider.value for slider in lab.sliders[:2]]
    np.testing.assert_allclose(lab.decoded, decode(lab.code[None].astype("float32"))[0], atol=1e-6)


def test_closing_a_widget_takes_its_view_away(lab):
    lab.close()
    assert lab.comm is None


def test_text_below_a_picture_is_broken_between_words():
    image, text = np.full((20, 300, 1), 0.5), "one two three four five six " * 8
    short, long = pictures.described(image, ["a"], 360), pictures.described(image, [text], 360)
    assert short.shape[1:] == long.shape[1:] == (360, 3)
    assert pictures.described(image, ["a"]).shape[1:] == (300, 3)
    more, rest = divmod(len(long) - len(short), pictures.LINE)
    assert rest == 0 and 3 <= more <= 6
    np.testing.assert_allclose(long[:20, :300], 0.5)
    assert np.all(long[:, -4:] == 1) and np.all(long[:20, 300:] == 1)  # nothing is cut off
    assert long[24:].min() < 0.3


def test_names_of_rows_stand_beside_their_rows():
    rows = pictures.named_rows(np.full((90, 50, 1), 0.5), ["first", "a longer name", "third"])
    width = rows.shape[1] - 50
    np.testing.assert_allclose(rows[:, width:], 0.5)
    inked = [rows[30 * row : 30 * row + 30, :width].min() < 0.3 for row in range(3)]
    between = [rows[30 * row - 4 : 30 * row + 4, :width].min() for row in (1, 2)]
    assert inked == [True] * 3 and between == [1, 1] and rows[:, : width - 4].min() < 0.3
