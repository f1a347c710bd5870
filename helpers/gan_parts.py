"""What must be ready before G and D can play their game?

    networks      G draws what D takes, D answers with one logit, both are told the same conditions
    settings      each in its range; labels only where the objective has some; a penalty only on a D
                  that looks at each picture alone
    pictures      finite, of D's shape, in the range in which G draws
    optimizers    one for each network, with room for its weights

What is not gets a ValueError in one sentence.
"""

import itertools
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import contract, losses, penalties, runtime

BATCH_SIZE = 64  # pictures of a step of D, where none is asked for
CROSS_ENTROPIES = ("minimax", "non_saturating")
BATCHES = ("separate", "mixed", "inference")
RANGES = {"tanh": (-1, 1), "sigmoid": (0, 1)}  # of G, by its last activation
UNSEEN = "no loss of a GAN says how good it is on pictures it has not seen, so leave it out and "
UNSEEN += "measure what G draws, for example with metrics.score_pictures"
OF_ONE_RATE = keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler
REFUSED = {
    "y": "a GAN has no targets, so leave it out; labels go in as fit([pictures, conditions])",
    "sample_weight": "every picture counts alike in a GAN, so leave it out",
    "class_weight": "every picture counts alike in a GAN, so leave it out",
    "validation_split": UNSEEN,
    "validation_data": UNSEEN,
}


def check_networks(
    generator: keras.Model, discriminator: keras.Model, replay: keras.layers.Layer | None
) -> None:
    """Refuse networks that do not fit together, with a ValueError in one sentence."""
    contract.check_network("generator", generator)
    contract.check_network("discriminator", discriminator)
    drawn, taken = generator.output_shape, discriminator.inputs[0].shape
    if drawn != taken or discriminator.output_shape != (None, 1):
        raise ValueError(
            f"The generator draws {drawn}, the discriminator takes {taken} and answers "
            f"{discriminator.output_shape}: the first two must agree, and the last be (None, 1)."
        )
    if len(generator.inputs) != len(discriminator.inputs) or len(generator.inputs) > 2:
        counts = f"{len(generator.inputs)} and {len(discriminator.inputs)}"
        raise ValueError(f"The networks take {counts} inputs: use one each, or two each.")
    widths = [[c.shape[-1] for c in network.inputs[1:]] for network in (generator, discriminator)]
    if widths[0] != widths[1]:
        both = f"{widths[0][0]} and {widths[1][0]}"
        raise ValueError(f"The networks take {both} numbers as conditions: use as many in both.")
    if replay is not None and not isinstance(replay, keras.layers.Layer):
        raise ValueError(f"replay is {replay}: use a layers.ReplayBuffer, or None.")
    if replay is not None and len(generator.inputs) == 2:
        raise ValueError("A replay buffer keeps no conditions: use it with networks without.")


def check_settings(settings: dict[str, Any], discriminator: keras.Model) -> None:
    """Refuse settings outside their range, and a penalty that would mean nothing on this D."""
    if settings["seed"] is not None:
        settings["seed"] = runtime.check_seed(settings["seed"])
    losses.check_game(settings["objective"], settings["penalty"])
    batches = settings["batches"]
    if batches not in BATCHES:
        raise ValueError(f"batches is {batches!r}: use one of {', '.join(BATCHES)}.")
    runtime.check_count(discriminator_steps=settings["discriminator_steps"])
    runtime.check_not_negative(penalty_weight=settings["penalty_weight"])
    runtime.check_share(average=settings["average"], flip=settings["flip"])
    labels = settings["labels"]
    if len(labels) != 2 or not all(0 <= label <= 1 for label in labels):
        raise ValueError(f"labels are {labels}: use two numbers from 0 to 1, real and fake.")
    changed = labels != [1.0, 0.0] or settings["flip"]
    if changed and settings["objective"] not in CROSS_ENTROPIES:
        hint = f"use one of {', '.join(CROSS_ENTROPIES)}, or leave labels and flip as they are"
        raise ValueError(f"{settings['objective']} has no labels to change: {hint}.")
    penalties.check_penalty(settings["penalty"], discriminator, batches != "inference")


def check_options(x: Any, options: dict[str, Any]) -> None:
    """Refuse what Keras' `fit` offers and a GAN has no use for."""
    contract.check_choices(x, options)
    for callback in keras.tree.flatten(options.get("callbacks") or []):
        if isinstance(callback, OF_ONE_RATE):
            hint = "give each optimizer a schedule, for example CosineDecay, instead"
            name = type(callback).__name__
            raise ValueError(f"{name} sets one learning rate and a GAN has two: {hint}.")
    for name, why in REFUSED.items():
        value = options.get(name)
        if value is not None and not (np.isscalar(value) and value == 0):
            raise ValueError(f"{name} is given: {why}.")


def _last_activation(network: keras.Model) -> str:
    """The name of the function that a network ends in, empty where it is not known."""
    for layer in reversed(getattr(network, "operations", None) or network.layers):
        if isinstance(layer, keras.Model):
            return _last_activation(layer)
        if not isinstance(layer, (keras.layers.Reshape, keras.layers.Cropping2D)):
            name = getattr(getattr(layer, "activation", None), "__name__", "")
            return name or type(layer).__name__.lower()
    return ""


def checked(
    x: contract.Data,
    batch_size: int | None,
    steps: int,
    generator: keras.Model,
    discriminator: keras.Model,
) -> tuple[contract.Data, dict[str, Any]]:
    """What :meth:`helpers.gan.GAN.fit` was given, after a look at it, and how Keras should take it.

    Args:
        x: arrays; or a dataset or generator, of which the first batch is looked at.
        batch_size: pictures per step of D, or None.
        steps: of D for each of G.
        generator: draws such pictures.
        discriminator: takes them.
    """
    if isinstance(x, contract.BATCHED):
        first, x = first_batch(x)
        check_pictures(first, generator, discriminator)
        ordered = not isinstance(x, keras.utils.PyDataset)  # Keras warns that it cannot shuffle
        return x, {"shuffle": False} if ordered else {}
    batch_size = BATCH_SIZE if batch_size is None else batch_size
    check_pictures(x, generator, discriminator, least=batch_size * steps)
    return x, {"batch_size": batch_size * steps}


def first_batch(data: Any) -> tuple[Any, Any]:
    """What a dataset or generator gives first, and the same data, as Keras' `fit` takes them.

    Raises:
        ValueError: there is none, or it holds targets or weights beside the pictures.
    """
    batches = data if isinstance(data, types.GeneratorType) else iter(data)
    first = next(batches, None)
    if first is None:
        raise ValueError(f"The {type(data).__name__} is empty: give one with batches in it.")
    x, *others = keras.utils.unpack_x_y_sample_weight(first)
    if any(other is not None for other in others):
        hint = "map it to pictures alone, or to ((pictures, conditions),) where networks take both"
        raise ValueError(f"The {type(data).__name__} gives more than pictures: {hint}.")
    return x, contract.begun(first, batches) if batches is data else data


def check_pictures(
    x: Any, generator: keras.Model, discriminator: keras.Model, least: int = 1
) -> None:
    """Refuse what the networks cannot learn from, with a ValueError in one sentence.

    Args:
        x: should be finite pictures or points, shape (n, ...), or `[pictures, conditions]` where
            the networks take conditions.
        generator: draws such pictures.
        discriminator: takes them.
        least: how many a step needs.
    """
    real, *conditions = _parts(x, conditional=len(discriminator.inputs) == 2)
    _check_shape("pictures", real, discriminator.inputs[0].shape[1:])
    if len(real) < least:
        hint = "use a smaller batch_size or more pictures"
        raise ValueError(f"A step needs {least} pictures and there are {len(real)}: {hint}.")
    _check_range(real, _last_activation(generator))
    for one, taken in zip(conditions, discriminator.inputs[1:], strict=True):
        _check_shape("conditions", one, taken.shape[1:])


def _parts(x: Any, conditional: bool) -> list[np.ndarray]:
    """The pictures, and as many conditions where the networks take some."""
    listed = isinstance(x, (list, tuple))
    if listed != conditional or (listed and len(x) != 2):
        wanted = "[pictures, conditions]" if conditional else "one array of pictures"
        raise ValueError(f"These networks learn from {wanted}: call fit({wanted}).")
    parts = [np.asarray(part) for part in (x if listed else [x])]
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        hint = "give one row of conditions for each picture"
        raise ValueError(f"There are {lengths[0]} pictures and {lengths[1]} rows: {hint}.")
    return parts


def _check_shape(name: str, array: np.ndarray, wanted: tuple) -> None:
    pairs = zip(array.shape[1:], wanted, strict=False)
    if array.ndim - 1 != len(wanted) or any(want not in (None, side) for side, want in pairs):
        hint = f"use (n, {', '.join(map(str, wanted))}), as the discriminator takes"
        raise ValueError(f"The {name} have shape {array.shape}: {hint}.")


def _check_range(real: np.ndarray, last: str) -> None:
    """Refuse pictures that a G with this last activation could never draw.

    Pictures without a value below 0 are none in [-1, 1]: half of tanh's range is left to G's fakes
    alone, and D tells them at a glance.
    """
    low, high = float(np.min(real)), float(np.max(real))
    if not np.isfinite([low, high]).all():
        hint = "look for what is not a number, or infinite"
        raise ValueError(f"The pictures lie in [{low:g}, {high:g}]: {hint}.")
    if last not in RANGES and real.ndim != 4:
        return  # points may lie anywhere
    smallest, largest = RANGES.get(last, (-1, 1))
    if low < smallest - 1e-3 or high > largest + 1e-3 or (last == "tanh" and low >= 0):
        end = f", and G, which ends in {last}, draws in [{smallest}, {largest}]"
        hint = "bring them to [-1, 1] with data.to_tanh_range"
        if last == "sigmoid":
            hint = "bring them to [0, 1] with data.to_unit_range, or let G end in tanh"
        raise ValueError(
            f"The pictures lie in [{low:g}, {high:g}]{end if last in RANGES else ''}: {hint}."
        )


def share(x: tf.Tensor, number: int, steps: int) -> tf.Tensor:
    """Every `steps`-th row from one on; where rows run out, from the first again.

    So all parts of a batch are equally long, whatever its length.
    """
    if steps == 1:
        return x
    count = ops.shape(x)[0]
    rows = (number + steps * ops.arange(-(-count // steps))) % count
    return ops.take(x, rows, axis=0)


def copy(network: keras.Model) -> keras.Model:
    """A network with the same layers and weights, made without drawing a seed for any layer."""
    numbers = itertools.count()

    def seeded(settings: Any) -> Any:
        """A layer's settings, with a number for every seed that is None."""
        if isinstance(settings, dict):
            pairs = settings.items()
            return {k: next(numbers) if (k, v) == ("seed", None) else seeded(v) for k, v in pairs}
        if isinstance(settings, (list, tuple)):
            return type(settings)(seeded(part) for part in settings)
        return settings

    twin = keras.models.clone_model(
        network, clone_function=lambda layer: type(layer).from_config(seeded(layer.get_config()))
    )
    twin.set_weights(network.get_weights())
    return twin


def built(
    optimizer: str | keras.optimizers.Optimizer, network: keras.Model
) -> keras.optimizers.Optimizer:
    """An optimizer with room for a network's weights, its loss scaled where that is float16."""
    if optimizer is None:
        raise ValueError("An optimizer is None: give one for G and one for D, for example Adam.")
    optimizer = keras.optimizers.get(optimizer)
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if network.compute_dtype == "float16" and not scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer


def length(gradients: list[tf.Tensor | None], optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    """Length of a gradient, of the loss before the optimizer scaled it.

    0 where float16 could not hold it: there a `LossScaleOptimizer` takes no step and scales less.
    """
    norm = tf.linalg.global_norm(gradients) / optimizer.scale_loss(1.0)
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return norm
    return tf.where(tf.math.is_finite(norm), norm, 0.0)
