"""What is said before a painting: its size, its seconds on this machine, and whether it fits."""

import keras
import numpy as np
import pytest

from helpers import style, widgets
from helpers.widgets import forecast

RNG = np.random.default_rng(0)
PHOTOGRAPHS = {"tall": RNG.random((96, 72, 3)), "wide": RNG.random((64, 128, 3))}
PAINTINGS = {"dots": RNG.random((32, 32, 3)), "lines": RNG.random((32, 32, 3))}
PACE = forecast.Pace(first=(0.5, 2e-5), step=(0.1, 1e-5))


class Counted:
    """A pace that was not asked for yet, and a note of each time that it is."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return PACE

    def cache_info(self):
        return type("Info", (), {"currsize": min(1, self.asked)})


@pytest.fixture
def pace(monkeypatch):
    counted = Counted()
    monkeypatch.setattr(forecast, "pace", counted)
    return counted


@pytest.fixture
def free(monkeypatch):
    """Tell how much memory there is."""
    return lambda count: monkeypatch.setattr(forecast.limits, "free_bytes", lambda: count)


@pytest.mark.parametrize(
    ("given", "size", "expected"),
    [
        ((256, 256), 1024, (1024, 1024)),
        ((300, 400), 768, (768, 1024)),
        ((300, 400), 1024, (768, 1024)),
        ((400, 100), 512, (1024, 256)),
        ((683, 512), 96, (128, 96)),
    ],
)
def test_a_photograph_keeps_its_shape_up_to_1024_pixels(given, size, expected):
    assert forecast.shape_of(np.zeros((*given, 3)), size) == expected


def test_the_shape_is_that_of_what_is_painted_and_never_too_long():
    for height, width in RNG.integers(100, 400, (40, 2)):
        picture = np.zeros((height, width, 1))
        shape = forecast.shape_of(picture, 1024)
        assert style.resize(picture, min(shape)).shape[:2] == shape
        assert max(shape) <= 1024 and min(shape) > 1015 * min(height, width) / max(height, width)


def test_seconds_follow_a_line_through_both_measured_sizes():
    pixels = np.square(forecast.MEASURED)
    slope, fixed = np.polyfit(pixels, [0.5, 1.5], 1)
    np.testing.assert_allclose(forecast._line(np.array([0.5, 1.5])), (fixed, slope), rtol=1e-6)
    assert forecast._line(np.array([1.0, 0.5])) == (0.5, 0.0)
    assert forecast._line(np.array([0.1, 4.0]))[0] == 0.0


def test_a_painting_takes_three_rounds_of_their_own_pace(pace):
    seconds = 0.0
    for side, steps in ((64, 40), (128, 20), (256, 10)):
        seconds += 0.5 + 2e-5 * side**2 + (steps - 1) * (0.1 + 1e-5 * side**2)
    assert forecast.optimising((256, 256), 10) == pytest.approx(seconds)


def test_the_rough_figure_counts_the_multiply_adds_of_vgg19(monkeypatch):
    monkeypatch.setattr(forecast, "speed", lambda: 1e11)
    network, total = keras.applications.VGG19(include_top=False, weights=None), 0.0
    for layer in network.layers:
        if "conv" in layer.name:
            total += layer.kernel.shape.num_elements() / 4 ** (int(layer.name[5]) - 1)
        if layer.name == style.CONTENT_LAYER:
            break
    assert total == forecast.MULTIPLY_ADDS
    seconds = 10 * (64**2 * 4 + 128**2 * 2 + 256**2) * 5 * total / 1e11 + 70 * 0.02
    assert forecast.roughly((256, 256), 10) == pytest.approx(seconds)


def test_the_speed_of_this_machine_is_that_of_a_convolution(monkeypatch):
    clock = iter([0.0, 9.0, 10.0, 10.5, 20.0, 21.0, 30.0, 39.0])
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: next(clock))
    assert forecast.speed.__wrapped__() == pytest.approx(96**2 * 9 * 64 * 64 / 0.5)


def test_the_pace_of_this_machine_is_measured_by_painting(monkeypatch):
    """Real pictures are painted, by a clock that goes on with their pixels."""
    run = style.StyleTransfer.run

    def timed(transfer, sizes, counts, on_frame):
        def stamp(frame):
            assert min(frame.picture.shape[:2]) == sizes[0]
            seconds = 0.4 + 2e-5 * sizes[0] ** 2 + (frame.step - 1) * (0.1 + 1e-5 * sizes[0] ** 2)
            on_frame(frame._replace(seconds=seconds))

        return run(transfer, sizes, counts, on_frame=stamp)

    monkeypatch.setattr(style.StyleTransfer, "run", timed)
    monkeypatch.setattr(forecast, "MEASURED", (64, 96))
    first, step = forecast.pace.__wrapped__()
    np.testing.assert_allclose([first, step], [(0.4, 2e-5), (0.1, 1e-5)], rtol=1e-6)


def test_the_studio_says_before_how_long_it_will_take(pace):
    studio = widgets.StyleStudio(PHOTOGRAPHS, PAINTINGS)
    rough = round(float(f"{forecast.roughly((171, 128), 20):.2g}"))
    before = f"about {rough} s for 128 × 171 pixels (the photograph has 72 × 96)"
    assert studio.time_left.value == before and not pace.asked
    studio.controls["size"].value = 1024
    seconds = round(forecast.optimising((1024, 768), 20), -1)
    assert studio.time_left.value == (
        f"about {seconds:.0f} s for 768 × 1024 pixels (the photograph has 72 × 96)"
    )
    before = studio.time_left.value
    studio.controls["steps"].value = 40
    assert studio.time_left.value != before
    studio.controls["photograph"].value = "wide"
    studio.controls["size"].value = 64
    assert studio.time_left.value.endswith(" s for 128 × 64 pixels")


def test_what_the_memory_cannot_hold_is_refused_before_and_when_it_is_pressed(pace, free):
    free(1e9)
    studio = widgets.StyleStudio(PHOTOGRAPHS, PAINTINGS)
    studio.controls["size"].value = 1024
    sentence = "768 × 1024 pixels take 3.8 GB of memory, 1.0 GB are free: choose a smaller size."
    assert studio.time_left.value == sentence
    studio.go.click()
    with pytest.raises(ValueError, match=r"take 3\.8 GB of memory"):
        studio.join()
    assert studio.caption.text.endswith(sentence) and studio.best is None


class Slow:
    """A stand-in for the style network that notes the shapes it is given."""

    def __init__(self):
        self.encoded = []

    def encode(self, picture):
        self.encoded.append(picture.shape[:2])
        return picture

    def mix(self, content, styles, shares, alpha=1.0):
        return content

    def decode(self, features):
        return features


def test_the_mixer_says_before_how_long_it_will_take_and_refuses(free, monkeypatch):
    monkeypatch.setattr(forecast, "in_one_pass", lambda transfer, picture, shape: 12.3)
    network, said = Slow(), []
    mixer = widgets.StyleMixer(PHOTOGRAPHS, PAINTINGS, network, size=128)
    mixer.caption.observe(lambda change: said.append(change["new"]), "text")
    mixer.size.value = 1024
    assert said[0] == ("Painting: about 12 s for 768 × 1024 pixels (the photograph has 72 × 96) …")
    assert mixer.painted.shape == (1024, 768, 3) and "painted in" in mixer.caption.text
    free(1e8)
    count = len(network.encoded)
    mixer.size.value = 768
    assert mixer.caption.text.startswith("Not painted: 768 × 1024 pixels take 0.9 GB of memory")
    assert len(network.encoded) == count and mixer.painted.shape == (1024, 768, 3)


def test_a_pass_is_measured_on_a_small_picture(monkeypatch):
    clock = iter([10.0, 10.5, 10.7])
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: next(clock))
    network = Slow()
    seconds = forecast.in_one_pass(network, PHOTOGRAPHS["tall"], (512, 384))
    assert network.encoded == [(256, 192)]
    assert seconds == pytest.approx(4 * (3 * 0.5 + 0.2))
