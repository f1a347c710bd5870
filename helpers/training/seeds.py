"""How can training be the same each time, and leave everybody else's random numbers alone?

`keras.utils.set_random_seed` begins three generators of the whole process anew: Python's, NumPy's
and TensorFlow's. Whatever a learner draws afterwards then depends on it, and another thread that
draws in the meantime changes what comes out. What trains inside a helper draws from generators of
its own instead, and gets the numbers that Keras would have drawn after `set_random_seed(seed)`:

    first weights        Python's generator hands each layer a seed, in the order they are made
    order of pictures    TensorFlow's, one order for all epochs
"""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helpers import runtime


def layer_maker(seed: int) -> Callable:
    """A function that makes layers, each with first weights of its own (Glorot and Bengio, 2010).

    Args:
        seed: integer; the same one gives the same weights to the same layers in the same order.

    Returns:
        `make(kind, *arguments, **settings)`, which gives `kind(*arguments, **settings)`, a layer
        whose kernel begins where Keras' usual initialiser puts it.
    """
    generator = random.Random(runtime.check_seed(seed))

    def make(kind: type, *arguments: Any, **settings: Any) -> keras.layers.Layer:
        first_weights = keras.initializers.GlorotUniform(generator.randint(1, 10**9))
        return kind(*arguments, kernel_initializer=first_weights, **settings)

    return make


def shuffled(count: int, seed: int) -> np.ndarray:
    """The numbers from 0 to below `count` in the order that Keras' `fit` takes under a global seed.

    A dataset makes its operations anew for every pass, so the order is one and the same however
    often it is asked for. TensorFlow takes two seeds of 0 as a wish for chance, hence the other.
    """
    seed = runtime.check_seed(seed)
    seeds = {"seed": seed, "seed2": 0 if seed else 2**31 - 1}

    def order(_: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.RandomShuffle(value=tf.range(count, dtype=tf.int64), **seeds)

    return next(iter(tf.data.Dataset.range(1).map(order))).numpy()
