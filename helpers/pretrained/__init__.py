"""Which weights did somebody else, or a longer run, already train?

A lab trains for a minute; the full run of the same notebook (`make checkpoints LAB=07`) trains
for as long as it takes and keeps each model in `checkpoints/`:

    07_vae_2d.keras    architecture and weights, in Keras' own format
    07_vae_2d.json     its card: settings, seconds, metrics, package versions

A name begins with the number of the lab that makes it. Lab 12 keeps cards alone: what its
experiments measured, without weights.

Two networks come from elsewhere, through :func:`helpers.data.style_weights`. Both take or give RGB
in [0, 1] and pad by reflection, so that the edge of a picture is no edge to the network:

    VGG19            picture to features; block1_conv1 ... block5_conv4, ReLU after each
    AdaIN decoder    features of block4_conv1 to a picture

    symbol           shape                               meaning
    block{b}_conv    (batch, h / 2^(b-1), w / ..., c)    c is 64, 128, 256, 512, 512 for b = 1 ... 5

Simonyan and Zisserman, arXiv:1409.1556; Huang and Belongie, arXiv:1703.06868.
"""

import functools
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from keras import ops
from PIL import Image

from helpers import autoencoder, data, gan, vae  # noqa: F401  (Keras must know their classes)
from helpers.data import cache

VGG19_BLOCKS = {1: (64, 2), 2: (128, 2), 3: (256, 4), 4: (512, 4), 5: (512, 4)}
VGG19_LAYERS = tuple(
    f"block{b}_conv{c + 1}" for b, (_, n) in VGG19_BLOCKS.items() for c in range(n)
)
DECODER_WIDTHS = (256, "up", 256, 256, 256, 128, "up", 128, 64, "up", 64, 3)
CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint that is absent, damaged or of another shape; the message says what to do."""


def names() -> list[str]:
    """Names of the checkpoints that are there, in order."""
    return sorted(path.stem for path in CHECKPOINTS.glob("*.keras"))


def load(name: str, like: keras.Model | None = None) -> keras.Model:
    """Read a trained model.

    Args:
        name: for example ``"07_vae_2d"``; :func:`names` lists all.
        like: a model of your own; the checkpoint must have weights of the same shapes.

    Returns:
        The model, ready to use, not compiled.

    Raises:
        CheckpointError: no such checkpoint, a damaged file, or other shapes than `like`.
    """
    path = CHECKPOINTS / f"{name}.keras"
    if not path.is_file():
        there = ", ".join(names()) or "none yet"
        raise CheckpointError(
            f"There is no checkpoint {name!r}: make it with `make checkpoints LAB={name[:2]}`, or "
            f"choose one of: {there}."
        )
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is damaged or was made by another Keras: restore it with "
            f"`git checkout checkpoints`, or make it again ({type(error).__name__})."
        ) from error
    if like is not None and [w.shape for w in model.weights] != [w.shape for w in like.weights]:
        raise CheckpointError(
            f"Checkpoint {name!r} does not fit this model: build the model with the card's "
            f"settings, {card(name)['settings']}."
        )
    return model


def card(name: str) -> dict:
    """The card beside a checkpoint: `settings`, `seconds`, `metrics`, `versions`.

    Raises:
        CheckpointError: there is no such card, or it is damaged.
    """
    path = CHECKPOINTS / f"{name}.json"
    if not path.is_file():
        raise CheckpointError(f"There is no card {path.name}: `make checkpoints LAB={name[:2]}`.")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise CheckpointError(
            f"{path.name} is damaged: restore it with `git checkout checkpoints`, or make it "
            f"again with `make checkpoints LAB={name[:2]}`."
        ) from error


def checkpoint(name: str, train: Callable | None, measure: Callable, **settings) -> keras.Model:
    """Load a checkpoint; where there is something to train it with, train and save it first.

    Args:
        name: begins with the lab's number, for example ``"07_vae_2d"``.
        train: called as `train(**settings)`, returns the trained model; None only loads. Give it
            as `runtime.budget(lab=None, full=train)`.
        measure: called with the model; returns the card's metrics, a dictionary of numbers.
        **settings: all that decides the result, the seed included; written to the card.

    Returns:
        The model as read back from its file.

    Raises:
        CheckpointError: nothing to load; says how to make it.
    """
    if train is not None:
        start = time.perf_counter()
        model = train(**settings)
        save(name, model, settings, time.perf_counter() - start, measure(model))
    return load(name)


def save(name: str, model: keras.Model, settings: dict, seconds: float, metrics: dict) -> None:
    """Write a model and its card; the optimizer's state is left out."""
    CHECKPOINTS.mkdir(exist_ok=True)
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(CHECKPOINTS / f"{name}.keras")
    _write_card(name, settings, seconds, metrics)


def recorded(name: str, measure: Callable | None, **settings) -> dict:
    """Load the card of a measurement too long to repeat at every reading; it has no weights.

    Args:
        name: begins with the lab's number, for example ``"12_03"``.
        measure: called as `measure(**settings)`; returns numbers by name, which may be in lists and
            dictionaries. None only loads. Give it as `runtime.budget(lab=None, full=measure)`.
        **settings: all that decides the result, of kinds that JSON knows.

    Returns:
        What was measured, to six digits.

    Raises:
        CheckpointError: there is no card, or it was measured with other settings.
    """
    if measure is not None:
        start = time.perf_counter()
        found = measure(**settings)
        _write_card(name, settings, time.perf_counter() - start, found)
    return _card_of(name, settings)["metrics"]


def picture(name: str, paint: Callable | None, **settings) -> np.ndarray:
    """Load a picture that takes too long to paint while one reads; it is kept as a JPEG.

    Args:
        name: begins with the lab's number, for example ``"01_cat_rings"``.
        paint: called as `paint(**settings)`; returns RGB in [0, 1], (height, width, 3). None only
            loads. Give it as `runtime.budget(lab=None, full=paint)`.
        **settings: all that decides the result, of kinds that JSON knows.

    Returns:
        The picture as read back from its file, float32, same shape and range.

    Raises:
        CheckpointError: there is no picture or card, it is damaged, or has other settings.
    """
    path = CHECKPOINTS / f"{name}.jpg"
    if paint is not None:
        start = time.perf_counter()
        painted = Image.fromarray(np.round(255 * paint(**settings)).astype("uint8"))
        size = {"width": painted.width, "height": painted.height}
        _write_card(name, settings, time.perf_counter() - start, size)
        painted.save(path, quality=90)
    found = _card_of(name, settings)["metrics"]
    try:
        kept = Image.open(path, formats=["JPEG"])
        pixels = np.asarray(kept.convert("RGB"), "float32") / 255
    except OSError as error:
        raise CheckpointError(
            f"{path.name} is missing or damaged: restore it with `git checkout checkpoints`, or "
            f"make it again with `make checkpoints LAB={name[:2]}`."
        ) from error
    if pixels.shape != (found["height"], found["width"], 3):
        said = f"{path.name} has shape {pixels.shape}, and its card says otherwise"
        raise CheckpointError(f"{said}: restore both with `git checkout checkpoints`.")
    return pixels


def _card_of(name: str, settings: dict) -> dict:
    """A card, if it was made with these settings."""
    kept, asked = card(name), json.loads(json.dumps(settings))
    if kept["settings"] != asked:
        raise CheckpointError(
            f"Card {name}.json was measured with {kept['settings']} and this asks for {settings}: "
            f"`make checkpoints LAB={name[:2]}` measures again."
        )
    return kept


def _write_card(name: str, settings: dict, seconds: float, metrics: dict) -> None:
    CHECKPOINTS.mkdir(exist_ok=True)
    content = {
        "settings": settings,
        "seconds": round(seconds, 1),
        "metrics": _six_digits(metrics),
        "versions": {package: version(package) for package in ("tensorflow", "keras", "numpy")},
    }
    (CHECKPOINTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def _six_digits(value):
    """Numbers in lists, arrays and dictionaries, rounded."""
    if isinstance(value, dict):
        return {key: _six_digits(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_six_digits(item) for item in value]
    return float(f"{value:.6g}")


def _convolve(x, width: int, name: str, activation: str | None = "relu"):
    """A 3x3 convolution that sees the picture mirrored at its edges."""
    x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")
    return keras.layers.Conv2D(width, 3, activation=activation, name=name)(x)


def _vgg19_layers(image, deepest: str):
    """Name to tensor for the convolutions of VGG19, in order, up to the deepest one wanted."""
    x, found = keras.layers.Conv2D(3, 1, name="preprocess")(image), {}
    for name in VGG19_LAYERS[: VGG19_LAYERS.index(deepest) + 1]:
        block = int(name[5])
        if block > 1 and name.endswith("conv1"):
            x = keras.layers.MaxPooling2D(2, padding="same", name=f"block{block - 1}_pool")(x)
        x = found[name] = _convolve(x, VGG19_BLOCKS[block][0], name)
    return found


def vgg19(layers=VGG19_LAYERS, weights: str | None = "normalised") -> keras.Model:
    """VGG19 without its classifier, frozen.

    Its first layer, ``preprocess``, turns RGB into the BGR times 255 minus the mean colour that
    the network was trained on, so pictures stay in [0, 1] everywhere else.

    Args:
        layers: names of the layers to return, for example ``("block1_conv1", "block4_conv2")``.
        weights: ``"normalised"``, each channel rescaled to a mean activation of 1 over pictures;
            ``"imagenet"``, Keras' own; None for random ones, to compare with.

    Returns:
        A model from images, (batch, height, width, 3) in [0, 1], to a dictionary from each name to
        its activations after the ReLU; sides are halved by every block before the layer.

    Raises:
        ValueError: an unknown layer or kind of weights.
        DataError: the weights cannot be fetched.
    """
    unknown = [name for name in layers if name not in VGG19_LAYERS]
    if unknown or not layers:
        raise ValueError(f"VGG19 has no layer {unknown}: choose from {', '.join(VGG19_LAYERS)}.")
    if weights not in ("normalised", "imagenet", None):
        raise ValueError(f'weights is {weights!r}: use "normalised", "imagenet" or None.')
    image = keras.Input((None, None, 3), name="image")
    tensors = _vgg19_layers(image, deepest=max(layers, key=VGG19_LAYERS.index))
    model = keras.Model(image, {name: tensors[name] for name in layers}, name="vgg19")
    {"normalised": _set_normalised, "imagenet": _set_imagenet, None: _set_colours}[weights](model)
    model.trainable = False
    return model


_style_weights = functools.cache(data.style_weights)


def _set_in_order(model: keras.Model, network: str) -> None:
    """Give the convolutions of a model the weights of one network, in order."""
    arrays = _style_weights()
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    for number, layer in enumerate(convolutions):
        parts = (arrays[f"{network}/{number:02d}/{part}"] for part in ("kernel", "bias"))
        layer.set_weights(list(parts))


def _set_normalised(model: keras.Model) -> None:
    _set_in_order(model, "vgg19")


def _set_colours(model: keras.Model) -> None:
    """RGB in [0, 1] to BGR times 255 minus ImageNet's mean colour."""
    kernel = 255.0 * np.eye(3, dtype="float32")[::-1].reshape(1, 1, 3, 3)
    mean_bgr = np.array([103.939, 116.779, 123.68], "float32")
    model.get_layer("preprocess").set_weights([kernel, -mean_bgr])


def _set_imagenet(model: keras.Model) -> None:
    _set_colours(model)
    try:
        source = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:
        raise cache.DataError(
            "Keras' own weights of VGG19 cannot be fetched: connect to the internet, or use "
            'weights="normalised", which come from a package.'
        ) from error
    for layer in model.layers:
        if layer.name in VGG19_LAYERS:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def adain_decoder(weights: str | None = "trained") -> keras.Model:
    """The decoder of Huang and Belongie (arXiv:1703.06868): features of block4_conv1 to a picture.

    It mirrors VGG19 up to that layer, with nearest-neighbour upsampling where VGG19 pools.

    Args:
        weights: ``"trained"``, the authors' decoder; None for a fresh one to train.

    Returns:
        A model from (batch, height / 8, width / 8, 512) to (batch, height, width, 3), not clipped
        to [0, 1].

    Raises:
        DataError: the weights cannot be fetched.
    """
    x = features = keras.Input((None, None, 512), name="features")
    for number, width in enumerate(DECODER_WIDTHS):
        if width == "up":
            x = keras.layers.UpSampling2D(2, name=f"up_{number}")(x)
        else:
            x = _convolve(x, width, f"conv_{number}", None if width == 3 else "relu")
    model = keras.Model(features, x, name="adain_decoder")
    if weights is not None:
        _set_in_order(model, "decoder")
    return model
