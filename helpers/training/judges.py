"""Who says how good a picture is, where no formula does?

A small classifier, trained on real pictures and their labels: what it calls a generated picture,
how sure it is, and the features it sees in it make numbers (:mod:`helpers.metrics`). Two runs
compare only under one and the same judge, so each is trained once, by its recipe below, and kept:

    04_judge    dense, digits                        labs 04 and 07
    08_judge    attributes of faces, 64 pixels       lab 08
    09_judge    convolutional, 20,000 digits         lab 09
    10_judge    convolutional, clothes               lab 10
    11_judge_32, 11_judge_64    attributes of faces  lab 11
    12_judge    convolutional, 20,000 clothes        lab 12

`pretrained.load("10_judge")` reads one, `python -m helpers.training.judges 10` (which `make
checkpoints LAB=10` calls first) trains it again and writes its card: the share of unseen pictures
that it names rightly.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import keras
import numpy as np

from helpers import data, metrics, pretrained, runtime
from helpers.data import checks
from helpers.training import seeds

Labels: TypeAlias = np.ndarray | dict[str, np.ndarray]


def train_judge(
    images: np.ndarray, labels: np.ndarray, epochs: int = 2, seed: int = 0
) -> keras.Model:
    """A small classifier that judges pictures: about 97 % right on MNIST after two epochs.

    Args:
        images: floats in [0, 1], shape (n, height, width, channels).
        labels: whole numbers from 0 to 9, shape (n,).
        epochs: passes over the images.
        seed: of the first weights and the order of the images; no other generator is touched.

    Returns:
        A trained model from images to ten probabilities.
    """
    _check(images, labels, epochs, classes=10)
    layers, make = keras.layers, seeds.layer_maker(seed)
    stack = [make(layers.Dense, 128, "relu"), make(layers.Dense, 10, "softmax")]
    judge = keras.Sequential([keras.Input(images.shape[1:]), layers.Flatten(), *stack])
    judge.compile("adam", "sparse_categorical_crossentropy")
    _fit(judge, images, labels, seed, batch_size=128, epochs=epochs)
    return judge


def train_cnn_judge(
    images: np.ndarray, labels: np.ndarray, epochs: int = 3, seed: int = 0
) -> keras.Model:
    """A small convolutional classifier; its last hidden layer gives the features of CNN-FD.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side divisible by 4.
        labels: whole numbers from 0 on, shape (n,).
        epochs: passes over the images.
        seed: of the first weights and the order of the images; no other generator is touched.

    Returns:
        A trained model from images to `[features, probabilities]`, of shapes (n, 64) and
        (n, classes).
    """
    _check(images, labels, epochs)
    layers, make = keras.layers, seeds.layer_maker(seed)
    h = picture = keras.Input(images.shape[1:])
    for width in (32, 64):
        h = make(layers.Conv2D, width, 4, 2, "same", activation="relu")(h)
    features = make(layers.Dense, 64, "relu", name="features")(layers.Flatten()(h))
    chances = make(layers.Dense, int(labels.max()) + 1, "softmax", name="chances")(features)
    classifier = keras.Model(picture, chances)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(images) // 128))
    classifier.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    _fit(classifier, images, labels, seed, batch_size=128, epochs=epochs)
    return keras.Model(picture, [features, chances])


def train_attribute_judge(
    images: np.ndarray, attributes: dict, epochs: int = 4, seed: int = 0
) -> keras.Model:
    """A small convolutional network that reads attributes off pictures, trained on true labels.

    Args:
        images: in [0, 1], shape (n, side, side, channels), side divisible by 16.
        attributes: name to whole numbers from 0 on, shape (n,).
        epochs: passes over the images.
        seed: of the first weights and the order of the images; no other generator is touched.

    Returns:
        A trained model from images to a dictionary, name to probabilities of shape (n, values).
    """
    _check(images, attributes, epochs)
    layers, widths, make = keras.layers, (16, 32, 64), seeds.layer_maker(seed)
    picture = keras.Input(images.shape[1:])
    h = layers.AveragePooling2D(2)(picture)
    for width in widths:
        h = make(layers.Conv2D, width, 3, 2, "same", activation="relu")(h)
    h = make(layers.Dense, 128, "relu", name="features")(layers.Flatten()(h))
    counts = {name: int(values.max()) + 1 for name, values in attributes.items()}
    heads = {n: make(layers.Dense, count, "softmax", name=n)(h) for n, count in counts.items()}
    judge = keras.Model(picture, heads)
    steps = epochs * -(-len(images) // 64)
    schedule = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    losses_of = dict.fromkeys(attributes, "sparse_categorical_crossentropy")
    judge.compile(keras.optimizers.Adam(schedule), losses_of)
    _fit(judge, images, attributes, seed, batch_size=64, epochs=epochs)
    return judge


def _check(
    images: np.ndarray, labels: Labels, epochs: int, classes: int = checks.MOST_CODES
) -> None:
    """Refuse pictures outside [0, 1], labels that are no codes, one for each, and no epochs."""
    runtime.check_count(epochs=epochs)
    data.check_images(images)
    named = labels if isinstance(labels, dict) else {"labels": labels}
    if not named:
        raise ValueError("There are no attributes to judge: give one or more.")
    for name, values in named.items():
        codes = checks.as_codes(name, values)
        if len(codes) != len(images) or codes.max() >= classes:
            said = f"{name} has {len(codes)} values up to {codes.max()} for {len(images)} pictures"
            raise ValueError(f"{said}: give one for each, from 0 to {classes - 1}.")


def _fit(judge: keras.Model, images: np.ndarray, labels: Labels, seed: int, **options: int) -> None:
    """Keras' `fit` on pictures in an order that the seed decides."""
    order = seeds.shuffled(len(images), seed)
    labels = keras.tree.map_structure(lambda values: np.asarray(values)[order], labels)
    judge.fit(images[order], labels, shuffle=False, verbose=0, **options)


def accuracy(judge: keras.Model, images: np.ndarray, labels: Labels) -> float:
    """The share of labels that a judge names rightly.

    Args:
        judge: one of this module.
        images: in [0, 1], shape (n, height, width, channels), which it was not trained on.
        labels: whole numbers, shape (n,); for a judge of attributes, a dictionary of them.
    """
    if isinstance(labels, dict):
        seen = metrics.read_attributes(judge, images)
        return float(np.mean([seen[name] == values for name, values in labels.items()]))
    said = judge.predict(images, batch_size=500, verbose=0)
    chances = said[1] if isinstance(said, list) else said
    return float(np.mean(chances.argmax(axis=1) == labels))


def _classes(load: Callable, known: int) -> tuple:
    """The first training pictures of a data set, and all its test pictures, with their labels."""
    train, test = load()
    return train.images[:known], train.labels[:known], test.images, test.labels


def _faces(side: int, drawn: int, known: int) -> tuple:
    """The first of some drawn faces, and the others, with their attributes."""
    faces = data.avatars(side, drawn)
    first, rest = (
        {factor: values[part] for factor, values in faces.attributes.items()}
        for part in (slice(known), slice(known, None))
    )
    return faces.images[:known], first, faces.images[known:], rest


class Recipe(NamedTuple):
    """How a judge is trained, for how many epochs, and `pictures`, which gives what it sees."""

    train: Callable
    epochs: int
    pictures: Callable


RECIPES = {
    "04_judge": Recipe(train_judge, 2, partial(_classes, data.mnist, 60_000)),
    "08_judge": Recipe(train_attribute_judge, 4, partial(_faces, 64, 12000, 11000)),
    "09_judge": Recipe(train_cnn_judge, 2, partial(_classes, data.mnist, 20_000)),
    "10_judge": Recipe(train_cnn_judge, 3, partial(_classes, data.fashion_mnist, 60_000)),
    "11_judge_32": Recipe(train_attribute_judge, 4, partial(_faces, 32, 6000, 4000)),
    "11_judge_64": Recipe(train_attribute_judge, 2, partial(_faces, 64, 12000, 7000)),
    "12_judge": Recipe(train_cnn_judge, 2, partial(_classes, data.fashion_mnist, 20_000)),
}


def splits(name: str) -> tuple:
    """The pictures a judge learns from, their labels, unseen pictures, and their labels."""
    return RECIPES[name].pictures()


def make(name: str) -> None:
    """Train a judge and keep it with its card in `checkpoints/`."""
    train, epochs, _ = RECIPES[name]
    images, labels, unseen, unseen_labels = splits(name)
    start = time.perf_counter()
    judge = train(images, labels, epochs=epochs, seed=0)
    seconds = time.perf_counter() - start
    settings = {"pictures": len(images), "epochs": epochs, "seed": 0}
    scores = {"accuracy": accuracy(judge, unseen, unseen_labels)}
    pretrained.save(name, judge, settings, seconds, scores)
    print(f"{name}: {100 * scores['accuracy']:.1f} % right, {seconds:.0f} s")


if __name__ == "__main__":
    for chosen in RECIPES:
        if chosen.startswith(sys.argv[1] if len(sys.argv) > 1 else ""):
            make(chosen)
