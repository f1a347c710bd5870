"""Every control of the explorers changes the picture, and what is shown is what it says."""

import threading

import ipywidgets
import numpy as np
import pytest
from conftest import every_control, size, small_vae

from helpers import latent, widgets


@pytest.fixture
def labels():
    return np.arange(256) % 10


@pytest.fixture
def explorer(model, images, labels):
    return widgets.LatentExplorer(model.decode, model.encode(images)[0], labels)


def test_slider_pad_and_picture_move_together(explorer):
    before = explorer.image.value
    explorer.sliders[0].value = 1.0
    assert explorer.pad.x == 1.0 and explorer.image.value != before
    after = explorer.image.value
    explorer.pad.y = -0.7
    assert explorer.sliders[1].value == pytest.approx(-0.7) and explorer.image.value != after
    assert "z1 = 1.00, z2 = -0.70. The nearest test code has label" in explorer.caption.text


def test_explorer_shows_what_the_decoder_says(explorer, model):
    explorer.sliders[0].value, explorer.sliders[1].value = 0.5, -0.25
    np.testing.assert_allclose(explorer.decoded, model.decode([[0.5, -0.25]])[0], atol=1e-6)
    assert size(explorer.image.value) == (224, 224)


def test_caption_names_the_nearest_label(explorer, labels):
    chosen = explorer.coordinates[17]
    for slider, value in zip(explorer.sliders, chosen, strict=True):
        slider.step, slider.value = 1e-9, value
    assert explorer.caption.text.endswith(f"label {labels[17]}.")


def test_explorer_of_many_dimensions_moves_along_principal_axes(images, labels):
    model = small_vae(latent_dim=6)
    codes = model.encode(images)[0]
    explorer = widgets.LatentExplorer(model.decode, codes, labels)
    assert [s.description for s in explorer.sliders] == ["axis 1", "axis 2", "axis 3"]
    np.testing.assert_allclose(explorer.code, codes.mean(axis=0), atol=1e-5)
    explorer.sliders[0].value = 0.5
    _, _, directions = np.linalg.svd(codes - codes.mean(axis=0))
    moved = explorer.code - codes.mean(axis=0)
    np.testing.assert_allclose(np.abs(moved @ directions[0]), 0.5, rtol=1e-4)


def test_explorer_refuses_one_dimension(labels):
    with pytest.raises(ValueError, match=r"codes have shape \(256, 1\): use \(n, latent\)"):
        widgets.LatentExplorer(lambda z: z, np.zeros((256, 1)), labels)


def test_pad_marks_where_the_slider_is(explorer):
    middle = explorer.picture()
    explorer.sliders[0].value = 0.8
    moved = explorer.picture()
    left, _, width, _ = explorer.pad.frame
    changed = np.argwhere(np.abs(moved - middle).max(axis=(0, 2)) > 0.5)
    expected = (left + width * (0.8 - explorer.pad.x_range[0]) / np.ptp(explorer.pad.x_range)) * 484
    assert np.min(np.abs(changed - expected)) < 10


def test_interpolator_ends_and_path(model, images):
    codes = model.encode(images)[0]
    lab = widgets.Interpolator(model.decode, codes[:50], images[:50])
    lab.second.value = 7
    lab.t.value = 0.0
    np.testing.assert_allclose(lab.decoded, model.decode(codes[:1])[0], atol=1e-6)
    lab.t.value = 1.0
    np.testing.assert_allclose(lab.decoded, model.decode(codes[7:8])[0], atol=1e-6)
    lab.t.value = 0.3
    straight, strip = lab.at(0.3), lab.strip.value
    np.testing.assert_allclose(straight, latent.lerp(codes[0], codes[7], 0.3))
    lab.path.value = "slerp"
    np.testing.assert_allclose(lab.at(0.3), latent.slerp(codes[0], codes[7], 0.3))
    assert lab.strip.value != strip


def test_interpolator_between_codes_alone(model):
    lab = widgets.Interpolator(model.decode, latent.prior_codes(4, 2))
    before = lab.ends.value
    lab.first.value = 3
    assert lab.ends.value != before


def test_beta_switcher_shows_each_model(images, labels):
    models = {0.5: small_vae(beta=0.5), 4.0: small_vae(beta=4.0, seed=8)}
    lab = widgets.BetaSwitcher(models, images, labels)
    before = lab.pictures.value, lab.plane.value
    lab.beta.value = 4.0
    assert lab.pictures.value != before[0] and lab.plane.value != before[1]
    assert lab.caption.text.startswith("beta 4,")


def every_widget(model, images, labels):
    codes = model.encode(images)[0]
    return [
        widgets.LatentExplorer(model.decode, codes, labels),
        widgets.Interpolator(model.decode, codes[:20], images[:20]),
        widgets.BetaSwitcher({1.0: model}, images, labels),
    ]


def test_each_widget_has_a_picture_of_its_own(model, images, labels):
    for lab in every_widget(model, images, labels):
        picture = np.asarray(lab.picture())
        assert picture.shape[2] in (1, 3) and picture.shape[1] > 150 and len(np.unique(picture)) > 2


def test_every_control_is_named_and_every_picture_described(model, images, labels):
    named = (ipywidgets.FloatSlider, ipywidgets.IntSlider, ipywidgets.SelectionSlider)
    for lab in every_widget(model, images, labels):
        parts = list(every_control(lab))
        assert all(part.description for part in parts if isinstance(part, named))
        pictures = [part for part in parts if isinstance(part, ipywidgets.Image)]
        assert len(lab.caption.alternatives) == len(pictures) and all(lab.caption.alternatives)
        assert lab.caption in parts


def test_fast_moves_from_several_threads_end_in_one_state(explorer, model):
    def wiggle(offset):
        for value in np.linspace(-1, 1, 40):
            explorer.sliders[0].value = value + offset

    threads = [threading.Thread(target=wiggle, args=(offset,)) for offset in (0.0, 0.01)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    explorer.sliders[0].value = 0.4
    expected = model.decode(explorer.code[None])[0]
    np.testing.assert_allclose(explorer.decoded, expected, atol=1e-6)
