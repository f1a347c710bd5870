"""What does Keras' `fit` promise, and what must be looked at before it begins?

    options    by place or by name, in Keras' own order; numbers that nothing can be trained by
    data       arrays, or batches from elsewhere, of which the first is looked at
    rows       targets and weights, one for each sample, all finite
    networks   with known inputs

What does not fit gets a ValueError in one sentence; the rest is Keras' own.
"""

import inspect
import types
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from helpers import divergence, runtime

BATCH_SIZE = 128  # of a training step, where none is asked for
COUNTS = ("batch_size", "epochs", "steps", "steps_per_epoch", "validation_steps")
BATCHED = (tf.data.Dataset, keras.utils.PyDataset, types.GeneratorType)
Data: TypeAlias = np.ndarray | tf.data.Dataset | keras.utils.PyDataset | types.GeneratorType


def by_name(method: Callable, given: tuple, named: dict) -> dict[str, Any]:
    """What a method of `keras.Model` is given after x and y, by place and by name: all by name."""
    bound = inspect.signature(method).bind(None, None, None, *given, **named).arguments
    _, _, _, *others = bound.items()
    options = dict(others)
    return options | options.pop("kwargs", {})


def check_choices(x: Any, options: dict[str, Any]) -> None:
    """Refuse numbers that Keras takes and nothing can be trained by, with a ValueError."""
    counts = {name: options[name] for name in COUNTS if options.get(name) is not None}
    runtime.check_count(**counts)
    runtime.check_share(validation_split=options.get("validation_split") or 0.0)
    if "batch_size" in counts and isinstance(x, BATCHED):
        raise ValueError("A dataset or generator has batches: leave batch_size out.")


def begun(first: Any, others: Iterator) -> Iterator[tuple]:
    """A generator from which the first batch was taken, whole again, in tuples as Keras wants."""
    for batch in chain([first], others):
        yield tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)


def check_network(name: str, network: Any) -> None:
    """Refuse what is no network whose inputs are known, with a ValueError in one sentence."""
    if not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
        kind = type(network).__name__
        hint = "give a keras.Model or keras.Sequential that begins with keras.Input"
        raise ValueError(f"The {name}, a {kind}, is no network with known inputs: {hint}.")


class CheckedModel(divergence.FiniteModel):
    """A model that looks at its data before Keras does, so that what is wrong gets a sentence.

    A subclass says in `target` what x is trained towards, and refuses in `_check_batch`.
    """

    def fit(
        self,
        x: Data,
        y: np.ndarray | None = None,
        batch_size: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Keras' `fit`, after a look at the data.

        Args:
            x: float images in [0, 1], shape (n, height, width, channels); points of shape
                (n, width) may have any range. Or a `tf.data.Dataset`, a `keras.utils.PyDataset` or
                a generator of batches `x` or `(x, y)`, of which the first is looked at.
            y: the targets, where they are not x itself.
            batch_size: images per step, 1 or more; 128 if None. A dataset has its own.
            *args: anything else `keras.Model.fit` takes.
            **kwargs: the same, by name.

        Raises:
            ValueError: wrong type, shape or range, or a batch size below 1.
        """
        options = by_name(keras.Model.fit, (batch_size, *args), kwargs)
        check_choices(x, options)
        if options.get("class_weight") is not None:
            hint = "use sample_weight, one number for each picture"
            raise ValueError(f"There are no classes that class_weight could weigh: {hint}.")
        if not isinstance(x, BATCHED):
            options["batch_size"] = batch_size or BATCH_SIZE
        elif not isinstance(x, keras.utils.PyDataset):  # Keras warns that it cannot shuffle
            options.setdefault("shuffle", False)
        x, y = self._looked_at(x, y, options.get("sample_weight"))
        if options.get("validation_data") is not None:
            options["validation_data"] = self._validation(options["validation_data"])
        return super().fit(x, y, **options)

    def evaluate(
        self, x: Data = None, y: np.ndarray | None = None, *args: Any, **kwargs: Any
    ) -> float | list[float] | dict[str, float]:
        """Keras' `evaluate`, after a look at the data; see :meth:`fit`."""
        options = by_name(keras.Model.evaluate, args, kwargs)
        if not options.get("_use_cached_eval_dataset"):
            check_choices(x, options)
            x, y = self._looked_at(x, y, options.get("sample_weight"))
        return super().evaluate(x, y, **options)

    def _looked_at(
        self, x: Data, y: np.ndarray | None = None, sample_weight: np.ndarray | None = None
    ) -> tuple[Data, np.ndarray | None]:
        """The same data, after a look at it: at arrays, or at the first of many batches.

        Keras drops the weights of samples that have no target, so these get the one they have.
        """
        if not isinstance(x, BATCHED):
            self._check_batch(x, y, sample_weight)
            _check_rows(x, targets=y, sample_weight=sample_weight)
            return x, y if sample_weight is None else self.target(x, y)
        batches = x if isinstance(x, types.GeneratorType) else iter(x)
        first = next(batches, None)
        if first is None:
            raise ValueError(f"The {type(x).__name__} is empty: give one with batches in it.")
        self._check_batch(*keras.utils.unpack_x_y_sample_weight(first))
        return begun(first, batches) if batches is x else x, y

    def _validation(self, given: Data | tuple) -> Data | tuple:
        """What `validation_data` holds, after a look at it."""
        if isinstance(given, BATCHED):
            return self._looked_at(given)[0]
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(given)
        return *self._looked_at(x, y, sample_weight), sample_weight

    def target(self, x: Any, y: tf.Tensor | None) -> Any:
        """What x is trained towards."""
        raise NotImplementedError

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Refuse data that do not fit, with a ValueError in one sentence."""
        raise NotImplementedError


def _check_rows(x: Any, **given: Any) -> None:
    """Refuse targets and weights that are no arrays, or not as long as the data."""
    count = len(keras.tree.flatten(x)[0])
    for name, array in given.items():
        if array is None:
            continue
        shape = getattr(array, "shape", None)
        if not shape or shape[0] != count:
            kind = f"a {type(array).__name__}" if shape is None else f"of shape {tuple(shape)}"
            raise ValueError(f"{name} is {kind}: give an array with a row for each of {count}.")
        if not np.isfinite(np.asarray(array, "float64")).all():
            raise ValueError(f"Not all of {name} are finite: look for what is NaN or infinite.")


def check_one_weight_each(sample_weight: Any) -> None:
    """Refuse weights that are not one number for each sample, with a ValueError."""
    shape = np.shape(sample_weight) if sample_weight is not None else ()
    if shape[1:] not in ((), (1,)):
        raise ValueError(f"sample_weight has shape {shape}: use one number for each image.")
