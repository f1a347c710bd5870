"""Set the environment before TensorFlow loads, and share small data and models."""

from helpers import runtime  # isort: skip  (first: it sets TensorFlow's environment)

import io
import random
import struct
import sys
from importlib import util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import gan, layers, vae
from helpers.data import toys
from helpers.training import replicas

ROOT = Path(__file__).resolve().parent.parent
runtime.prepare(seed=0)


def load(path, name):
    """A script of the project, which is no part of a package, as a module of a name."""
    spec = util.spec_from_file_location(name, ROOT / path)
    module = sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn_globally():
    """One draw of each generator that a learner may use without naming one."""
    layer = keras.layers.Dense(2)
    layer.build((None, 2))
    draws = [random.random(), np.random.random(), keras.random.uniform((2,)), layer.kernel]
    return [np.array(draw) for draw in [*draws, tf.random.uniform((2,))]]


def size(png):
    """Width and height of PNG bytes."""
    return Image.open(io.BytesIO(png)).size


def encoded(pixels, kind="PNG", **options):
    """The bytes of a picture."""
    stream = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(stream, kind, **options)
    return stream.getvalue()


def tiff(values, bits, sample_format=1, order=">"):
    """A grey TIFF, uncompressed, of whole numbers of any depth: 1 unsigned, 2 signed."""
    height, width = values.shape
    as_bits = (values[..., np.newaxis].astype("int64") >> np.arange(bits)[::-1]) & 1
    pixels = np.packbits(as_bits.reshape(height, -1).astype("uint8"), axis=1)
    if order == "<" and bits == 16:
        pixels = pixels.reshape(height, width, 2)[..., ::-1]
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: height}
    tags |= {279: pixels.size, 339: sample_format}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    mark = b"MM\0*" if order == ">" else b"II*\0"
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items()]
    begin = mark + struct.pack(f"{order}IH", 8, len(tags))
    return begin + b"".join(entries) + bytes(4) + pixels.tobytes()


@pytest.fixture
def empty_cache(tmp_path_factory, monkeypatch):
    """The folder of an empty cache, not made yet."""
    home = tmp_path_factory.mktemp("cache") / "home"
    monkeypatch.setenv("GDL_HOME", str(home))
    return home


def every_control(widget):
    """All ipywidgets below a widget, itself included."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every_control(child)


def small_vae(latent_dim=2, beta=1.0, seed=3, kind=vae.VAE, **settings):
    """A VAE over 8x8 images, quick enough for a test."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 1))
    h = keras.layers.Dense(32, "tanh")(keras.layers.Flatten()(image))
    heads = [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim)(h)]
    z = keras.Input((latent_dim,))
    h = keras.layers.Dense(32, "tanh")(z)
    logits = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(h))
    parts = keras.Model(image, heads), keras.Model(z, logits)
    return kind(*parts, beta=beta, seed=seed, **settings)


def with_batch_norm(latent_dim=2):
    """A decoder to 8x8 images that batch-normalises, and that layer."""
    z, norm = keras.Input((latent_dim,)), keras.layers.BatchNormalization()
    h = norm(keras.layers.Dense(64)(z))
    return keras.Model(z, keras.layers.Reshape((8, 8, 1))(h)), norm


def small_networks(latent=3, width=2, classes=0, norm=False, seed=0):
    """Two tiny networks for points, smooth, so that no unit is dead."""
    keras.utils.set_random_seed(seed)
    built = []
    for wide, outputs in ((latent, width), (width, 1)):
        inputs = [keras.Input((wide,))] + ([keras.Input((classes,))] if classes else [])
        h = keras.layers.Dense(8)(keras.ops.concatenate(inputs, axis=1) if classes else inputs[0])
        h = keras.layers.BatchNormalization(momentum=0.5)(h) if norm else h
        h = keras.layers.Dense(8, "tanh")(keras.layers.Activation("tanh")(h))
        built.append(keras.Model(inputs if classes else inputs[0], keras.layers.Dense(outputs)(h)))
    return built


def small_gan(rate=0.05, norm=False, classes=0, optimizer=keras.optimizers.SGD, **settings):
    """A compiled GAN over points."""
    model = gan.GAN(*small_networks(norm=norm, classes=classes), seed=1, **settings)
    model.compile(optimizer(rate), optimizer(rate), jit_compile=False)
    return model


def batch(count=16, width=2, seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(count, width)), "float32")


def pictures_gan(noise=0.0):
    """A GAN over 8x8 pictures whose discriminator has the layers of this course."""
    keras.utils.set_random_seed(0)
    own = [layers.InstanceNoise(noise, seed=0), layers.DiffAugment(seed=0)]
    own += [layers.MinibatchStdDev(), keras.layers.Flatten(), keras.layers.Dense(1)]
    draw = [keras.layers.Dense(64, "tanh"), layers.KeptGaussianDropout(0.1, seed=0)]
    g = keras.Sequential([keras.Input((3,)), *draw, keras.layers.Reshape((8, 8, 1))])
    d = keras.Sequential([keras.Input((8, 8, 1)), *own])
    model = gan.GAN(g, d, replay=layers.ReplayBuffer(32, seed=0), seed=0)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), jit_compile=False)
    return model


@pytest.fixture
def model():
    """A fresh, untrained VAE over 8x8 images."""
    return small_vae()


@pytest.fixture
def images():
    """256 blobs in [0, 1], shape (256, 8, 8, 1), whose place is the one thing that varies."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:8, :8]
    centres = rng.uniform(1, 6, (256, 2, 1, 1))
    squared = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2
    return np.exp(-squared / 3)[..., None].astype("float32")


@pytest.fixture(scope="session")
def one_device():
    """D's and G's loss in twenty steps of the ring GAN on one device, shape (20, 2)."""
    points = toys.ring().points(1280)
    return replicas.train_under(tf.distribute.get_strategy(), replicas.ring_gan, points, 20, 128)


@pytest.fixture
def exercise_folder(monkeypatch, tmp_path):
    """The working folder, an empty one, where solved exercises are noted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDL_EXERCISES", raising=False)
    return tmp_path
