"""How can a learner's own `build` begin the same each time, on any thread, without a global seed?

A layer that is given no seed asks Python's global generator for one. Where a thread begins that
generator anew, everybody else's numbers change, and theirs change its own. Inside
`with thread_seeds.layers_draw_from(seed):` the layers that this thread makes ask a generator of its
own instead, and get the numbers that `keras.utils.set_random_seed(seed)` would have given them.

Keras asks in one place, for which it has no setting: `python_random.randint` in its module
`seed_generator`. There stands, from the import of this module on, what looks up the thread first.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

from keras.src.random import seed_generator


class _Source(threading.local):
    """Gives each thread its own generator while it has one, else Python's global one."""

    own: random.Random | None = None

    def randint(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return (self.own or random).randint(low, high)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the global generator can do."""
        return getattr(random, name)


_SOURCE = seed_generator.python_random = _Source()


@contextlib.contextmanager
def layers_draw_from(seed: int) -> Iterator[None]:
    """Let layers without a seed, made by this thread in this block, draw theirs from this one.

    Args:
        seed: integer; the same one gives the same seeds to the same layers in the same order.
    """
    before, _SOURCE.own = _SOURCE.own, random.Random(seed)
    try:
        yield
    finally:
        _SOURCE.own = before
