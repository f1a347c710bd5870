"""What stands in the place of a checkpoint when a lab runs on a learner's own pictures?

After `runtime.own_pictures(path)` nothing that we trained fits what a lab sees. Then `checkpoint`,
`recorded`, `picture` and `recorded_arms` of :mod:`helpers.pretrained.checkpoints` make what they
are asked for, with the settings that they are given, and neither read nor write a file.
"""

import time
from collections.abc import Callable
from typing import Any


def made(name: str, make: Callable | None, settings: dict) -> Any:
    """What a function makes of a learner's own pictures; prints how long it took.

    Args:
        name: of what a lab would load.
        make: called as `make(**settings)`.
        settings: of the notebook, for these pictures.

    Raises:
        ValueError: there is no function.
    """
    if make is None:
        hint = "give the function that makes it"
        raise ValueError(f"{name} was made on other pictures than yours: {hint}.")
    print(f"{name}: made on your pictures ...", flush=True)
    start = time.perf_counter()
    result = make(**settings)
    print(f"{name}: {time.perf_counter() - start:.0f} s, kept nowhere", flush=True)
    return result
