"""Set the environment before TensorFlow loads, and share small data and models."""

from helpers import runtime  # isort: skip  (first: it sets TensorFlow's environment)

import io
import sys
from importlib import util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import vae
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


def size(png):
    """Width and height of PNG bytes."""
    return Image.open(io.BytesIO(png)).size


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
