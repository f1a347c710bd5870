"""Layers begin where a global seed would let them, on any thread, and nobody else is disturbed."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers import runtime


def build():
    """A model with several things that draw: two initialisers, a dropout, a layer's own noise."""
    layers = keras.layers
    stack = [layers.Conv2D(3, 2), layers.Dropout(0.5), layers.Flatten(), layers.GaussianNoise(1.0)]
    return keras.Sequential([keras.Input((4, 4, 1)), *stack, layers.Dense(2, "tanh")])


def numbers(model):
    """Weights, and what the model makes of one picture while training, which draws noise."""
    return [*model.get_weights(), np.array(model(np.ones((1, 4, 4, 1)), training=True))]


def seeded(seed):
    with runtime.layers_draw_from(seed):
        return numbers(build())


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("seed", [0, 7])
def test_numbers_are_those_of_a_global_seed(seed):
    keras.utils.set_random_seed(seed)
    expected = numbers(build())
    keras.utils.set_random_seed(99)
    assert same(seeded(seed), expected) and not same(seeded(seed + 1), expected)


def test_outside_the_block_the_global_seed_rules_again():
    keras.utils.set_random_seed(3)
    expected = numbers(build()), random.random(), np.random.random(), float(tf.random.uniform(()))
    keras.utils.set_random_seed(3)
    seeded(5)
    with pytest.raises(ZeroDivisionError), runtime.layers_draw_from(5):
        raise ZeroDivisionError
    assert same(numbers(build()), expected[0])
    assert (random.random(), np.random.random(), float(tf.random.uniform(()))) == expected[1:]


def test_blocks_within_blocks_draw_from_their_own():
    with runtime.layers_draw_from(1):
        first = numbers(build())
        inner = seeded(2)
        second = numbers(build())
    with runtime.layers_draw_from(1):
        assert same(numbers(build()), first) and same(numbers(build()), second)
    assert same(inner, seeded(2))


def test_threads_and_a_cell_that_draws_leave_each_other_alone():
    alone, computed, stop = [seeded(seed) for seed in range(3)], {}, threading.Event()
    threads = [
        threading.Thread(target=lambda seed=seed: computed.update({seed: seeded(seed)}))
        for seed in range(3)
    ]
    random.seed(8)
    expected = [random.random() for _ in range(200)]

    def disturb():
        while not stop.is_set():
            keras.layers.Dense(2).build((None, 2))
            tf.random.set_seed(np.random.randint(1000))

    disturber = threading.Thread(target=disturb)
    disturber.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    disturber.join()
    random.seed(8)
    threads = [threading.Thread(target=seeded, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    drawn = [random.random() for _ in range(200)]
    for thread in threads:
        thread.join()
    assert all(same(alone[seed], computed[seed]) for seed in range(3)) and drawn == expected
