"""Small, typed, tested building blocks that every lab imports.

Importing this package sets TensorFlow's environment (see :mod:`helpers.runtime`) before
TensorFlow itself is loaded, so import it first.
"""

from helpers import runtime

__all__ = ["runtime"]
