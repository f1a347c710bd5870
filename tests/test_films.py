"""A film read back by Pillow: every frame, its time, its pixels and its colours."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from helpers import plots

RNG = np.random.default_rng(0)
FRAMES = {channels: RNG.random((5, 16, 12, channels)) for channels in (1, 3)}


def read(content):
    """The film's own facts and its frames, RGB from 0 to 255, with the milliseconds of each."""
    film, frames, times = Image.open(io.BytesIO(content)), [], []
    for number in range(film.n_frames):
        film.seek(number)
        film.load()
        frames.append(np.asarray(film.convert("RGB"), int))
        times.append(film.info["duration"])
    return film, np.array(frames), times


def expected(frames, scale):
    pixels = np.round(255 * np.broadcast_to(frames, (*frames.shape[:3], 3)))
    return pixels.repeat(scale, axis=1).repeat(scale, axis=2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_a_film_holds_every_frame_enlarged_by_whole_pixels_and_begins_again(kind, channels):
    made = plots.Film("noise", FRAMES[channels], seconds=0.25, smallest=64)
    film, frames, times = read(made.encoded(kind))
    assert film.format.lower() == kind and film.size == (72, 96) and film.info["loop"] == 0
    assert times == [250] * 5
    np.testing.assert_array_equal(frames, expected(FRAMES[channels], 6))


@pytest.mark.parametrize(("kind", "most"), [("gif", 24), ("webp", 0), ("png", 0)])
def test_of_many_colours_a_gif_shows_close_ones(kind, most):
    across = np.linspace(0, 1, 64)
    picture = np.stack(np.broadcast_arrays(across, across[:, np.newaxis], 0.5), axis=-1)
    _, frames, _ = read(plots.Film("colours", [picture, picture[::-1]], smallest=64).encoded(kind))
    errors = np.abs(frames - expected(np.stack([picture, picture[::-1]]), 1))
    assert np.max(errors) <= most and (most == 0 or errors.mean() < 6)


def test_a_film_is_never_made_smaller():
    assert read(plots.Film("noise", FRAMES[1], smallest=5).encoded("gif"))[0].size == (12, 16)


@pytest.mark.parametrize(
    ("frames", "settings", "sentence"),
    [
        (FRAMES[1][:1], {}, "A film of 1 frame does not move: give 2 or more"),
        (
            np.repeat(FRAMES[1][:1], 3, axis=0),
            {},
            "All frames are alike: a film of them is a still",
        ),
        (FRAMES[1][:0], {}, "Frames have shapes none: give all one"),
        (FRAMES[1][..., 0], {}, r"shapes \(16, 12\): give all one \(height, width, 1 or 3\)"),
        (np.zeros((2, 4, 4, 2)), {}, r"shapes \(4, 4, 2\)"),
        ([np.zeros((4, 4, 1)), np.zeros((4, 5, 1))], {}, r"shapes \(4, 4, 1\), \(4, 5, 1\)"),
        (255 * FRAMES[1], {}, "Frames reach from 0.* to 25.*: scale them to"),
        (np.full((2, 4, 4, 1), np.nan), {}, "Frames reach from nan to nan"),
        (FRAMES[1], {"seconds": 0}, "cannot be shown for 0 seconds: use 0.02 to 60"),
        (
            RNG.random((2, 1, 70, 1)),
            {"smallest": 300},
            "would be 21000 x 300 pixels: at most 16383",
        ),
    ],
)
def test_what_makes_no_film_is_named_in_a_sentence(frames, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        plots.Film("noise", frames, **settings)


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="cannot be 'mp4': choose gif, webp, png"):
        plots.Film("noise", FRAMES[1]).encoded("mp4")


def test_a_notebook_shows_a_film_with_its_title_for_those_who_cannot_see():
    made = plots.Film("noise that moves", FRAMES[1], smallest=32)
    shown, metadata = made._repr_mimebundle_()
    assert set(shown) == {"image/png", "text/plain"}
    assert shown["text/plain"] == "<Film: noise that moves>"
    assert metadata == {"image/png": {"alt": "noise that moves"}}
    film, frames, _ = read(base64.b64decode(shown["image/png"]))
    assert film.is_animated and len(frames) == 5
