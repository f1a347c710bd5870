"""One pass keeps the photograph's shape and takes the painting's statistics."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers import data, fast_style, losses, pretrained, style


@pytest.fixture(scope="module")
def photograph():
    return data.photographs(64)["astronaut"]


@pytest.fixture(scope="module")
def paintings():
    return data.style_images(64)


@pytest.fixture(scope="module")
def fast():
    return style.FastTransfer()


def test_strength_0_keeps_the_features_and_1_takes_the_statistics(fast, photograph, paintings):
    content, first, second = (
        fast.encode(p) for p in (photograph, paintings["rings"], paintings["hatching"])
    )
    np.testing.assert_allclose(fast.mix(content, [first], [1], alpha=0), content, atol=1e-5)
    full = fast.mix(content, [first, second], [1, 0])
    alive = content.numpy().std(axis=(0, 1, 2)) > 0.05
    for statistic in (np.mean, np.std):
        expected, computed = (statistic(f.numpy()[..., alive], axis=(1, 2)) for f in (first, full))
        np.testing.assert_allclose(computed, expected, rtol=1e-2, atol=4e-3)
    half = fast.mix(content, [first, second], [2, 2])
    between = 0.5 * (full + fast.mix(content, [first, second], [0, 1]))
    np.testing.assert_allclose(half, between, atol=1e-4)


def test_decoding_the_features_of_a_photograph_gives_it_back(fast):
    photograph = data.photographs(256)["coffee"]
    copy = fast.decode(fast.encode(photograph))
    assert copy.shape == photograph.shape and copy.min() >= 0 and copy.max() <= 1
    assert np.corrcoef(copy.ravel(), photograph.ravel())[0, 1] > 0.85


def test_one_pass_brings_the_style_nearer(fast, photograph, paintings):
    painting = paintings["marbling"]
    painted = fast.decode(fast.mix(fast.encode(photograph), [fast.encode(painting)], [1.0]))
    before, after, goal = (
        losses.gram_matrix(fast.encode(p)) for p in (photograph, painted, painting)
    )
    assert np.mean((after - goal) ** 2) < 0.5 * np.mean((before - goal) ** 2)


@pytest.mark.parametrize("layers", [("block2_conv1",), ("block1_conv2", "block3_conv1")])
def test_weights_as_constants_change_no_number_and_no_gradient(photograph, layers):
    network = pretrained.vgg19(layers)
    compiled = fast_style.with_constants(network)
    for picture in (photograph[np.newaxis], photograph[np.newaxis, :37, :50]):
        pixels, features, gradients = tf.constant(picture), [], []
        for look in (network, compiled):
            with tf.GradientTape() as tape:
                tape.watch(pixels)
                features.append(look(pixels))
                total = sum(keras.ops.sum(maps**2) for maps in features[-1].values())
            gradients.append(tape.gradient(total, pixels))
        for name in layers:
            np.testing.assert_allclose(features[1][name], features[0][name], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-3, atol=0.05)
    assert compiled.experimental_get_tracing_count() == 1  # for all sizes: TensorFlow warns of many


@pytest.mark.parametrize("part", ["_encode", "_decode"])
def test_the_compiled_graphs_read_no_variable(fast, photograph, part):
    """A constant kernel is laid out once; a variable's is read as it lies, at half the speed."""
    given = photograph[np.newaxis] if part == "_encode" else fast.encode(photograph)
    graph = getattr(fast, part).get_concrete_function(given)
    assert not graph.variables and not graph.captured_inputs


@pytest.mark.parametrize("shape", [(45, 61), (9, 64), (17, 16), (48, 64)])
def test_a_picture_of_any_shape_comes_back_in_it(fast, photograph, paintings, shape):
    piece = photograph[: shape[0], : shape[1]]
    content, rings = fast.encode(piece), fast.encode(paintings["rings"])
    painted = fast.decode(fast.mix(content, [rings], [1.0]), shape)
    assert painted.shape == piece.shape and painted.min() >= 0 and painted.max() <= 1
    assert style.keep_colours(painted, piece).shape == piece.shape
    whole = fast.decode(fast.mix(content, [rings], [1.0]))
    np.testing.assert_array_equal(whole[: shape[0], : shape[1]], painted)
    assert all(
        side % 8 == 0 and 0 <= side - own < 8 for side, own in zip(whole.shape, shape, strict=False)
    )


@pytest.mark.parametrize("shape", [(40, 61), (45, 65), (49, 61), (0, 61)])
def test_the_shape_of_another_photograph_is_refused(fast, photograph, shape):
    features = fast.encode(photograph[:45, :61])
    said = f"features are 6 x 8 and the picture {shape[0]} x {shape[1]}: give the height"
    with pytest.raises(ValueError, match=said):
        fast.decode(features, shape)


@pytest.mark.parametrize("shape", [(8, 8, 3), (8, 64, 3), (64, 1, 3), (64, 64, 1), (64, 64, 4)])
def test_what_is_too_small_or_not_in_colour_is_refused(fast, shape):
    said = f"shape {shape}: use (height, width, 3) with 9 pixels a side or more"
    with pytest.raises(ValueError, match=re.escape(said)):
        fast.encode(np.zeros(shape, "float32"))


@pytest.mark.parametrize("level", [255, -1, np.nan])
def test_pictures_out_of_range_are_refused(fast, level):
    with pytest.raises(ValueError, match=r"images reach from .*: scale them to"):
        fast.encode(np.full((16, 16, 3), level, "float32"))
