"""What does a file of PyTorch weights hold, read without PyTorch and without running anything?

A pickle is a program: opening one from elsewhere may run whatever its author wrote. Files that
`torch.save` wrote before version 1.6 are, one after another:

    1-3    pickles of a magic number, a protocol number and facts on the system
    4      a pickle of the state dictionary; each tensor names a storage, an offset and a shape
    5      a pickle of the list of storage keys
    6...   for each key an int64 count, then that many float32 numbers, little-endian

The unpickler below knows three names, enough for a state dictionary, and refuses every other.
"""

import collections
import math
import pickle
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


class _Tensor(NamedTuple):
    """Where a tensor lies in its storage; the arguments of PyTorch's own rebuilding function."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: object


KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): np.float32,
}


class _Unpickler(pickle.Unpickler):
    """Knows ordered dictionaries and float tensors, nothing that could run."""

    def find_class(self, module: str, name: str) -> Callable | type:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise ValueError(f"refused: it asks for {module}.{name}, not for weights") from None

    def persistent_load(self, pid: tuple) -> str:
        """A storage is named by ("storage", its type, its key, its device, its length, None)."""
        return pid[2]


def read(file: BinaryIO) -> dict[str, np.ndarray]:
    """Read a state dictionary in the format that PyTorch wrote before version 1.6.

    Args:
        file: opened for reading bytes, at its beginning.

    Returns:
        Name to float32 array, in PyTorch's axis order: kernels are (out, in, height, width).

    Raises:
        ValueError: not such a file, bytes are missing, or it asks for more than weights.
    """
    try:
        if (_Unpickler(file).load(), _Unpickler(file).load()) != (MAGIC, PROTOCOL):
            raise ValueError("not a file of PyTorch weights in the format before 1.6")
        _Unpickler(file).load()
        tensors, keys = _Unpickler(file).load(), _Unpickler(file).load()
        storages = {key: _read_storage(file) for key in keys}
        return {name: _as_array(tensor, storages) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"not a file of PyTorch weights, or damaged ({error})") from error


def _read_storage(file: BinaryIO) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    content = file.read(4 * count)
    if len(content) != 4 * count:
        raise ValueError("bytes are missing at the end")
    return np.frombuffer(content, "<f4")


def _as_array(tensor: _Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    shape, storage = tensor.shape, storages[tensor.storage]
    rows = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    end = tensor.offset + math.prod(shape)
    if tensor.strides != rows or not 0 <= tensor.offset <= end <= len(storage):
        raise ValueError(f"a tensor of shape {shape} does not lie in its storage")
    return storage[tensor.offset : end].reshape(shape)
