"""Weights are read exactly; anything that is no weights is refused before it can run."""

import io
import os
import pickle
import struct
import sys
import types

import numpy as np
import pytest

from helpers.data import torch_weights

RNG = np.random.default_rng(0)


def rebuild(*arguments):
    """Stands for PyTorch's function of this place and name; never called."""


class FakeStorage:
    """Stands for PyTorch's type of this place and name."""


class Tensor:
    """An array that pickles as PyTorch's tensors did before version 1.6."""

    def __init__(self, key, array, strides=None, offset=0):
        self.key, self.array, self.offset = key, array, offset
        self.strides = strides or tuple(s // 4 for s in array.strides)

    def __reduce__(self):
        place = (self.key, self.offset, self.array.shape, self.strides)
        return rebuild, (Storage(self.key), *place[1:], False, None)


class Storage:
    """Becomes a persistent id."""

    def __init__(self, key):
        self.key = key


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", FakeStorage, thing.key, "cpu", 0, None)


@pytest.fixture(autouse=True)
def pretend_torch(monkeypatch):
    """Modules of PyTorch's names, so that a file like its own can be written without it."""
    for name in ("torch", "torch._utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for thing, module, name in (
        (rebuild, "torch._utils", "_rebuild_tensor_v2"),
        (FakeStorage, "torch", "FloatStorage"),
    ):
        thing.__module__, thing.__qualname__ = module, name
        setattr(sys.modules[module], name, thing)


def written(arrays, tensors=None):
    """The bytes of a file with these arrays."""
    file = io.BytesIO()
    for head in (torch_weights.MAGIC, torch_weights.PROTOCOL, {"little_endian": True}):
        pickle.dump(head, file, protocol=2)
    state = tensors or {name: Tensor(name, array) for name, array in arrays.items()}
    Pickler(file, protocol=2).dump(state)
    pickle.dump(list(arrays), file, protocol=2)
    for array in arrays.values():
        file.write(struct.pack("<q", array.size) + array.astype("<f4").tobytes())
    return file.getvalue()


@pytest.fixture
def arrays():
    shapes = {"a.weight": (4, 3, 3, 3), "a.bias": (4,)}
    return {name: RNG.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def test_arrays_come_back_as_they_were_written(arrays):
    arrays_read = torch_weights.read(io.BytesIO(written(arrays)))
    assert list(arrays_read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(arrays_read[name], array)


@pytest.mark.parametrize("keep", [0, 10, 60, 0.3, 0.7, -1, -100])
def test_a_truncated_file_is_refused(arrays, keep):
    content = written(arrays)
    end = int(len(content) * keep) if isinstance(keep, float) else keep
    with pytest.raises(ValueError, match=r"not a file of PyTorch weights|bytes are missing"):
        torch_weights.read(io.BytesIO(content[:end]))


class Malice:
    """A pickle of this runs a shell command when plainly loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", ["first", "in the dictionary"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path, place):
    trap = tmp_path / "sprung"
    content = pickle.dumps(Malice(trap), protocol=2)
    if place == "in the dictionary":
        content = written({}, tensors={"a.weight": Malice(trap)})
    with pytest.raises(ValueError, match=r"refused: it asks for \w+\.system, not for weights"):
        torch_weights.read(io.BytesIO(content))
    assert not trap.exists()


def test_another_pickle_is_refused():
    with pytest.raises(ValueError, match=r"not a file of PyTorch weights in the format"):
        torch_weights.read(io.BytesIO(pickle.dumps(1) + pickle.dumps(2)))


@pytest.mark.parametrize("odd", [{"strides": (1, 4)}, {"offset": 3}, {"offset": -1}])
def test_a_tensor_outside_its_storage_is_refused(odd):
    array = np.zeros((2, 4), "float32")
    content = written({"a": array}, tensors={"a": Tensor("a", array, **odd)})
    with pytest.raises(ValueError, match=r"shape \(2, 4\) does not lie in its storage"):
        torch_weights.read(io.BytesIO(content))
