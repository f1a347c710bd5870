"""The picture moves and the network does not; stopping loses nothing; masks and colours hold."""

import keras
import numpy as np
import pytest
from skimage import color

from helpers import data, style

LAYERS = {"block1_conv1": 1.0, "block2_conv1": 1.0}
QUICK = {"layers": LAYERS, "content_layer": "block2_conv2"}
PLAN = {"sizes": (32, 48), "steps": (8, 8)}


@pytest.fixture(scope="module")
def photograph():
    return data.photographs(64)["astronaut"]


@pytest.fixture(scope="module")
def paintings():
    return data.style_images(64)


@pytest.fixture
def transfer(photograph, paintings):
    return style.StyleTransfer(photograph, [paintings["starry_night"]], **QUICK)


def total(transfer, picture):
    targets = transfer.targets(len(picture))
    return float(transfer.losses(picture[np.newaxis], targets)["total"])


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_picture_improves_and_the_network_stays(transfer, photograph, optimizer):
    before = [weight.numpy() for weight in transfer.network.weights]
    painted = transfer.run(**PLAN, optimizer=optimizer)
    assert painted.shape == (48, 48, 3) and painted.min() >= 0 and painted.max() <= 1
    assert total(transfer, painted) < 0.3 * total(transfer, style.resize(photograph, 48))
    for weight, old in zip(transfer.network.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


@pytest.mark.parametrize("optimizer", style.OPTIMIZERS)
def test_each_optimizer_goes_through_several_sizes(transfer, optimizer):
    """A compiled step that was made for one size must not be taken for another."""
    painted = transfer.run((32, 48, 64), (2, 2, 2), optimizer=optimizer)
    assert painted.shape == (64, 64, 3)


def test_gradient_agrees_with_finite_differences(transfer):
    rng, targets = np.random.default_rng(0), transfer.targets(32)
    x = rng.uniform(0.3, 0.7, (1, 32, 32, 3)).astype("float32")
    direction = rng.normal(size=x.shape).astype("float32")
    _, gradient = transfer.losses_and_gradient(x, targets)
    above, below = (transfer.losses(x + s * direction, targets)["total"] for s in (5e-4, -5e-4))
    slope = float(above - below) / 1e-3
    assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=0.02)


def test_same_run_same_picture(photograph, paintings):
    first, again = (
        style.StyleTransfer(photograph, [paintings["rings"]], **QUICK).run((32,), (6,))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


def test_balance_stays_when_the_picture_grows(transfer, photograph):
    """A picture beside its mirror images has the same losses as the picture alone."""
    targets, small = transfer.targets(64), photograph[np.newaxis]
    noisy = np.clip(small + np.random.default_rng(0).normal(0, 0.1, small.shape), 0, 1)

    def mirrored(array):
        doubled = np.concatenate([array, array[:, ::-1]], axis=1)
        return np.concatenate([doubled, doubled[:, :, ::-1]], axis=2).astype("float32")

    large_features = transfer.network(mirrored(small))[transfer.content_layer]
    masks = [np.tile(mask, (1, 2, 2, 1)) for mask in targets.masks]
    large = targets._replace(content=large_features, masks=masks)
    alone, grown = (
        transfer.losses(picture, goal)
        for picture, goal in ((noisy.astype("float32"), targets), (mirrored(noisy), large))
    )
    for name, value in alone.items():
        assert float(grown[name]) == pytest.approx(float(value), rel=0.08), name


def test_stop_returns_the_best_picture_so_far(transfer):
    frames = []

    def watch(frame):
        frames.append(frame)
        return len(frames) == 5

    painted = transfer.run(**PLAN, on_frame=watch)
    assert len(frames) == 5 and painted.shape == (48, 48, 3)
    best = min(frames, key=lambda frame: frame.losses["total"])
    np.testing.assert_allclose(painted, style.resize(best.picture, 48), atol=1e-6)


def test_an_interrupt_keeps_the_best_picture(transfer):
    def interrupt(frame):
        if frame.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.run(**PLAN, on_frame=interrupt)
    assert transfer.best.shape == (32, 32, 3)
    assert np.abs(transfer.best - style.resize(transfer.content, 32)).mean() > 0.01


def test_frames_count_steps_and_seconds(transfer):
    frames = []
    transfer.run((32,), (6,), on_frame=lambda frame: frames.append(frame))
    assert [frame.step for frame in frames] == list(range(1, len(frames) + 1))
    assert sorted(frame.seconds for frame in frames) == [frame.seconds for frame in frames]
    assert set(frames[0].losses) == {"content", "style", "variation", "total"}
    parts = [transfer.weights[n] * frames[-1].losses[n] for n in ("content", "style", "variation")]
    assert sum(parts) == pytest.approx(frames[-1].losses["total"], rel=1e-5)


def test_a_picture_may_be_the_start(transfer, paintings):
    start, given, plain = paintings["rings"][:, :48], [], []
    transfer.run((40,), (3,), start=start, on_frame=given.append)
    transfer.run((40,), (3,), on_frame=plain.append)
    np.testing.assert_array_equal(given[0].picture, style.fit(start, (40, 40)))
    assert given[0].losses["total"] == pytest.approx(total(transfer, style.fit(start, (40, 40))))
    assert given[0].losses["content"] > plain[0].losses["content"]


def test_content_alone_gives_the_photograph_back(photograph):
    weights = {"style_weight": 0, "variation_weight": 0, "content_layer": "block1_conv1"}
    transfer = style.StyleTransfer(photograph, [], **weights)
    copy = transfer.run((48,), (60,), start="noise")
    assert np.abs(copy - style.resize(photograph, 48)).mean() < 0.05


def test_style_alone_makes_a_texture_of_the_paintings_colours(photograph, paintings):
    weights = {"content_weight": 0, "layers": {"block1_conv1": 1.0}}
    painting = paintings["marbling"]
    texture = style.StyleTransfer(photograph, [painting], **weights).run(
        (48,), (40,), start="noise"
    )
    np.testing.assert_allclose(texture.mean(axis=(0, 1)), painting.mean(axis=(0, 1)), atol=0.08)


def test_a_mixture_with_all_on_one_painting_is_that_painting(photograph, paintings):
    both = [paintings["rings"], paintings["hatching"]]
    mixed = style.StyleTransfer(photograph, both, mix=[0, 2], **QUICK).targets(32)
    alone = style.StyleTransfer(photograph, both[1:], **QUICK).targets(32)
    for first, second in zip(mixed.grams, alone.grams, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5)


def test_a_mask_keeps_the_style_where_it_is_asked_for(photograph, paintings):
    mask = np.zeros((64, 64, 1), "float32")
    mask[:, :24] = 1
    transfer = style.StyleTransfer(photograph, [paintings["rings"]], mask=mask, **QUICK)
    changed = np.abs(transfer.run((64,), (25,)) - photograph).mean(axis=(0, 2))
    assert changed[:24].mean() > 5 * changed[40:].mean()


def test_original_colours_are_the_photographs(photograph, paintings):
    transfer = style.StyleTransfer(photograph, [paintings["rings"]], original_colours=True, **QUICK)
    painted, original = transfer.run(**PLAN), style.resize(photograph, 48)
    shift = np.abs(color.rgb2yuv(painted) - color.rgb2yuv(original)).mean(axis=(0, 1))
    assert shift[0] > 4 * max(shift[1:])


def test_keep_colours_of_itself_changes_nothing(photograph):
    np.testing.assert_allclose(style.keep_colours(photograph, photograph), photograph, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"style_weight": -1}, "The weight of style is -1: use 0 or a positive number"),
        ({"content_weight": np.nan}, "The weight of content is nan: use 0 or a positive number"),
        ({"variation_weight": np.inf}, "The weight of variation is inf: use 0 or a positive"),
        ({"layers": {"block1_conv1": np.nan}}, "The weight of block1_conv1 is nan: use 0 or"),
        ({"mix": [np.inf]}, r"mix is .* and not only zeros"),
        ({"mask": np.full((64, 64, 1), 7.0)}, r"mask .* reaches from 7 to 7: use shape \(64, 64"),
        ({"mask": np.linspace(-1, 1, 4096).reshape(64, 64, 1)}, r"mask .* reaches from -1 to 1: u"),
        ({"content_weight": 0, "style_weight": 0}, "Nothing to match"),
        ({"mix": [1, 2]}, r"mix is .* for 1 paintings: give each"),
        ({"mix": [0]}, r"mix is .* and not only zeros"),
        ({"mask": np.ones((3, 3, 1))}, r"mask has shape \(3, 3, 1\).*: use shape \(64, 64, 1\)"),
        ({"mask": np.zeros((64, 64, 1))}, "with 1 where the style should go"),
        ({"layers": {"block9_conv1": 1.0}}, r"VGG19 has no layer \['block9_conv1'\]: choose from"),
    ],
)
def test_settings_that_mean_nothing_are_refused(photograph, paintings, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        style.StyleTransfer(photograph, [paintings["rings"]], **options)


def test_pictures_and_plans_are_checked(transfer, photograph):
    with pytest.raises(ValueError, match="scale them to"):
        style.StyleTransfer(255 * photograph, [photograph])
    with pytest.raises(ValueError, match="There is no optimizer 'sgd': use adam or lbfgs"):
        transfer.run(optimizer="sgd")
    for start, complaint in (
        ("style", "'style' is no start: use content, noise or a picture"),
        (255 * photograph, "scale them to"),
        (photograph[..., :1], r"A picture has shape .*use \(height, width, 3\)"),
        (photograph * np.nan, "nan"),
        (None, "give an array of numbers"),
    ):
        with pytest.raises(ValueError, match=complaint):
            transfer.run((32,), (2,), start=start)
    with pytest.raises(ValueError, match="as many of each, whole numbers, 32 pixels or more"):
        transfer.run(sizes=(32, 64), steps=(5,))
    for plan in (((), ()), ((32,), (0,)), ((32,), (np.nan,)), ((32.5,), (1,)), ((np.inf,), (1,))):
        with pytest.raises(
            ValueError, match="as many of each, whole numbers, 32 pixels or more an"
        ):
            transfer.run(*plan)
    for rate in (0, -1, np.nan):
        with pytest.raises(ValueError, match=f"learning_rate is {rate}: use a number above 0"):
            transfer.run(optimizer="adam", learning_rate=rate)


def test_resize_keeps_the_shape_and_the_range():
    wide = np.random.default_rng(0).random((40, 80, 3)).astype("float32")
    small = style.resize(wide, 20)
    assert small.shape == (20, 40, 3) and small.min() >= 0 and small.max() <= 1
    assert small.mean() == pytest.approx(wide.mean(), abs=0.01)


def test_colours_of_another_shape_are_refused(photograph):
    with pytest.raises(ValueError, match=r"shapes \(60, 64, 3\) and \(64, 64, 3\): scale or crop"):
        style.keep_colours(photograph[:60], photograph)


@pytest.mark.parametrize("shape", [(48, 64), (64, 49), (50, 33)])
def test_pictures_need_not_be_square(photograph, paintings, shape):
    wide = style.fit(photograph, shape)
    mask = np.ones((*shape, 1), "float32")
    options = {"mask": mask, "original_colours": True, **QUICK}
    transfer = style.StyleTransfer(wide, [paintings["rings"]], **options)
    stop_early = [transfer.run((32, 40, 56), (3, 3, 3), on_frame=watch) for watch in (
        lambda frame: None, lambda frame: frame.step == 2,
    )]  # fmt: skip
    expected = style.resize(wide, 56).shape
    assert all(painted.shape == expected for painted in stop_early)


def test_a_small_mask_still_counts(photograph, paintings):
    mask = np.zeros((64, 64, 1), "float32")
    mask[30:33, 30:33] = 1
    targets = style.StyleTransfer(photograph, [paintings["rings"]], mask=mask).targets(64)
    assert all(float(np.sum(weights)) > 0 for weights in targets.masks)


def test_a_fourth_channel_is_refused(photograph):
    alpha = np.concatenate([photograph, photograph[..., :1]], axis=-1)
    with pytest.raises(ValueError, match=r"shape \(64, 64, 4\): use \(height, width, 3\)"):
        style.StyleTransfer(alpha, [photograph])


def test_half_precision_as_keras_policy_changes_no_picture(photograph, paintings):
    """Its float16 could not hold the gradient of a single pixel."""
    night, plan = [paintings["starry_night"]], {"sizes": (32,), "steps": (4,)}
    single = style.StyleTransfer(photograph, night, **QUICK).run(**plan)
    keras.config.set_dtype_policy("mixed_float16")
    style._frozen_network.cache_clear()
    try:
        half = style.StyleTransfer(photograph, night, **QUICK).run(**plan)
        features = style.FastTransfer().encode(photograph)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(half, single)
    np.testing.assert_array_equal(features, style.FastTransfer().encode(photograph))
