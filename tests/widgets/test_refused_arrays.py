"""Codes or pictures that a widget cannot show: one sentence, before anything is drawn."""

import numpy as np
import pytest
from conftest import small_vae
from test_every_widget import ARROWS, CLOUD, CODES, IMAGES, PAINTINGS, PHOTOGRAPHS, Instant, decode

from helpers import widgets

LABELS, VAE = np.arange(12) % 10, small_vae()
TALL, DOTS = PHOTOGRAPHS["tall"], PAINTINGS["dots"]
ROWS = {  # a widget's arrays, which have a row for each other's
    "explorer": (lambda z, labels: widgets.LatentExplorer(decode, z, labels), [CODES, LABELS]),
    "interpolator": (lambda z, x: widgets.Interpolator(decode, z, x), [CODES, IMAGES]),
    "switcher": (lambda x, y: widgets.BetaSwitcher({0.5: VAE}, x, y), [IMAGES, LABELS]),
    "turner": (lambda x, flat: widgets.CloudTurner(x, {"flat": flat}), [CLOUD, CLOUD]),
    "walker": (lambda z, x: widgets.UnitWalker(decode, z, x), [CODES, IMAGES]),
}
ALONE = {
    "codes alone": (lambda z: widgets.Interpolator(decode, z), [CODES]),
    "bench": (lambda x: widgets.NoiseBench(x, {"as it is": decode}), [IMAGES]),
    "faces": (lambda z: widgets.FaceStudio(decode, z, ARROWS, {}), [CODES]),
    "arrows": (lambda d: widgets.FaceStudio(decode, CODES, {"a": {"b": d}}, {}), [CODES]),
    "scrubber": (lambda x: widgets.Scrubber([IMAGES[0], x], ["one", "two"]), [IMAGES[0]]),
    "mixer": (
        lambda x, y: widgets.StyleMixer({"a": x}, PAINTINGS | {"b": y}, Instant()),
        [TALL, DOTS],
    ),
    "studio": (lambda x, y: widgets.StyleStudio({"a": x}, {"b": y}), [TALL, DOTS]),
    "quiz": (lambda x, y: widgets.Quiz(x, y, questions=5), [IMAGES, IMAGES]),
}
WIDGETS = ROWS | ALONE
ARRAYS = [(name, place) for name, (_, given) in WIDGETS.items() for place in range(len(given))]


def not_finite(array, value):
    spoilt = np.array(array, float)
    spoilt.flat[-1] = value
    return spoilt


SPOILT = {
    "empty": lambda array: array[:0],
    "nan": lambda array: not_finite(array, np.nan),
    "infinite": lambda array: not_finite(array, np.inf),
    "text": lambda array: np.full(array.shape, "a"),
}
SENTENCE = r"^(There are no numbers in|Some numbers of|images (hold|have|reach)) .*: .*\.\Z"


@pytest.mark.parametrize("way", SPOILT)
@pytest.mark.parametrize(("name", "place"), ARRAYS)
def test_arrays_without_finite_numbers_are_refused(name, place, way):
    make, given = WIDGETS[name]
    arrays = [SPOILT[way](a) if i == place else a for i, a in enumerate(given)]
    with pytest.raises(ValueError, match=SENTENCE):
        make(*arrays)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_its_partner(name):
    make, (first, second) = ROWS[name]
    for arrays in [(first[:-1], second), (first, second[:-1])]:
        with pytest.raises(ValueError, match=r"^There are \d+ rows of .* and \d+ of .*: give o"):
            make(*arrays)
    make(first, second).close()


def test_too_few_are_counted():
    with pytest.raises(ValueError, match="There are 0 pictures: give 1 or more"):
        widgets.Scrubber([], [])
    for given in [({}, PAINTINGS), (PHOTOGRAPHS, {})]:
        with pytest.raises(ValueError, match=r"There are 0 p[a-z]+: give 1 or more"):
            widgets.StyleStudio(*given)
    with pytest.raises(ValueError, match="There are 1 paintings: give 2 or more"):
        widgets.StyleMixer(PHOTOGRAPHS, {"dots": DOTS}, Instant())
    with pytest.raises(ValueError, match="1 models and 9 images: give 1 model and 10 images or mo"):
        widgets.BetaSwitcher({1.0: VAE}, IMAGES[:9], LABELS[:9])
    with pytest.raises(ValueError, match="0 models and 12 images"):
        widgets.BetaSwitcher({}, IMAGES, LABELS)
    with pytest.raises(ValueError, match="There are 0 reconstructions: give 1 or more"):
        widgets.CloudTurner(CLOUD, {})
