"""What is cached is right, whoever damages it, owns its folder, or asks for it."""

import errno
import hashlib
import inspect
import io
import os
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from helpers import data
from helpers.data import cache, faces, sources

ARRAYS = {"a": np.arange(3)}
PINNED = cache.Dataset("Thing", cache.fingerprint(ARRAYS), {"here": lambda folder: dict(ARRAYS)})
OTHER = {"a": np.arange(3) + 1}
WAYS = {
    "fetched": lambda: cache.load("thing", PINNED),
    "computed": lambda: cache.compute("thing", lambda: dict(ARRAYS)),
}
AVATARS = {  # SHA-256 of the pictures and of all labels; size, count, seed
    (16, 6, 0): ("cb180bbcea796dcb", "8736db1d64e2a96c"),
    (32, 8, 5): ("6029a7fd60bb523d", "53a615c4320e88dd"),
    (64, 4, 1): ("864dfdc5e3b51cc9", "8c4d3032b61d39c4"),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("GDL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def assert_right(arrays):
    assert set(arrays) - {cache.SEAL} == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def damaged_copies(content):
    """A file's bytes with each byte changed in turn, in one bit or in all."""
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= (1, 8, 255)[place % 3]
        yield bytes(damaged)


@pytest.mark.parametrize("way", WAYS)
def test_no_damaged_byte_is_believed_or_raises(home, monkeypatch, way):
    """Read from memory, as thousands of small files take long to write."""
    WAYS[way]()
    content, harmless = (home / "thing.npz").read_bytes(), 0
    verify = cache._verify_seal if way == "computed" else partial(cache._verify, PINNED)
    for damaged in damaged_copies(content):
        monkeypatch.setattr(cache.Path, "open", lambda path, mode, d=damaged: io.BytesIO(d))
        arrays, complaint = cache._read_cache(home / "thing.npz", verify)
        assert complaint if arrays is None else assert_right(arrays) is None
        harmless += arrays is not None
    assert harmless < len(content) / 3  # as the date inside


@pytest.mark.parametrize("way", WAYS)
def test_damaged_bytes_are_repaired_at_the_next_call(home, way):
    WAYS[way]()
    path = home / "thing.npz"
    for damaged in list(damaged_copies(path.read_bytes()))[::20]:
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* is damaged")
            assert_right(WAYS[way]())
        assert_right(WAYS[way]())  # without a word


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x93NUMPY\1\0", bytes(300), b"PK\5\6" + bytes(18)]
)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_cache_at_all_is_replaced(home, way, content):
    WAYS[way]()
    (home / "thing.npz").write_bytes(content)
    with pytest.warns(UserWarning, match=r"thing\.npz is damaged \(.+\): replacing it"):
        assert_right(WAYS[way]())


@pytest.mark.parametrize("way", WAYS)
def test_whole_files_with_other_arrays_are_not_believed(home, way):
    """Nothing is wrong with the file, but what is in it is not what was pinned or sealed."""
    WAYS[way]()
    seal = {} if way == "fetched" else {cache.SEAL: np.array(cache.fingerprint(ARRAYS))}
    np.savez(home / "thing.npz", **OTHER, **seal)
    with pytest.warns(UserWarning, match=r"damaged \(wrong SHA-256\): replacing it"):
        assert_right(WAYS[way]())
    assert_right(WAYS[way]())


@pytest.mark.parametrize("end", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("way", WAYS)
def test_nobody_ever_sees_half_a_file(home, monkeypatch, way, end):
    seen, save = [], np.savez

    def interrupted(path, **arrays):
        save(path, **arrays)
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: len(content) // 2])
        seen.append((home / "thing.npz").exists())
        raise end

    monkeypatch.setattr(cache.np, "savez", interrupted)
    with pytest.raises((cache.DataError, KeyboardInterrupt)):
        WAYS[way]()
    assert seen == [False] and [path.name for path in home.iterdir()] == ["thing.lock"]


@pytest.mark.parametrize("way", WAYS)
def test_while_a_file_is_replaced_readers_find_a_whole_one(home, monkeypatch, way):
    WAYS[way]()
    path, save, seen = home / "thing.npz", np.savez, []
    path.write_bytes(b"damaged")

    def watched(target, **arrays):
        save(target, **arrays)
        seen.append(path.read_bytes())

    monkeypatch.setattr(cache.np, "savez", watched)
    with pytest.warns(UserWarning, match="replacing it"):
        WAYS[way]()
    assert seen == [b"damaged"]


def locked_out(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("way", WAYS)
def test_whole_data_is_read_without_a_lock(home, monkeypatch, way):
    WAYS[way]()
    (home / "thing.lock").unlink(missing_ok=True)
    monkeypatch.setattr(cache.filelock, "FileLock", locked_out)
    monkeypatch.setattr(cache.Path, "mkdir", locked_out)
    assert_right(WAYS[way]())
    assert [path.name for path in home.iterdir()] == ["thing.npz"]


SAID = r"thing\.npz cannot be written \(.+\): free some disk space, or set GDL_HOME to a folder"


@pytest.mark.parametrize("call", ["mkdir", "lock", "no locks", "replace"])
@pytest.mark.parametrize("way", WAYS)
def test_a_cache_that_cannot_be_written_names_gdl_home(home, monkeypatch, way, call):
    def no_locks(*arguments):
        raise NotImplementedError("this file system knows no locks")

    owner, name, fault = {
        "mkdir": (cache.Path, "mkdir", locked_out),
        "lock": (cache.filelock.FileLock, "acquire", locked_out),
        "no locks": (cache.filelock.FileLock, "acquire", no_locks),
        "replace": (cache.os, "replace", locked_out),
    }[call]
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises(cache.DataError, match=SAID):
        WAYS[way]()


@pytest.mark.parametrize("way", WAYS)
def test_a_home_that_is_no_folder_is_named(tmp_path, monkeypatch, way):
    (tmp_path / "file").write_text("hello")
    for place in ("file", "file/below"):
        monkeypatch.setenv("GDL_HOME", str(tmp_path / place))
        with pytest.raises(cache.DataError, match=SAID):
            WAYS[way]()


STRANGER = """
import os, sys
import numpy as np
from helpers.data import cache
cache.compute("thing", lambda: {})  # imports what reading needs
if os.geteuid() == 0:
    os.setuid(65534)
print(cache.compute("thing", lambda: {})["a"].tolist())
for name in ("other", "damaged"):
    try:
        cache.compute(name, lambda: {})
    except cache.DataError as error:
        print(error)
"""


def test_a_stranger_reads_a_cache_that_is_not_his(monkeypatch):
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setenv("GDL_HOME", place)
        for name in ("thing", "damaged"):
            cache.compute(name, lambda: dict(ARRAYS))
        (Path(place) / "damaged.npz").write_bytes(b"PK")
        before = sorted(Path(place).iterdir())
        Path(place).chmod(0o555)
        command = [sys.executable, "-c", STRANGER]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        Path(place).chmod(0o755)
        assert sorted(Path(place).iterdir()) == before
    read, *refused = done.stdout.splitlines()
    assert read == "[0, 1, 2]" and len(refused) == 2
    assert all("(Permission denied): free" in said and "GDL_HOME" in said for said in refused)
    assert "damaged.npz cannot be used (" in refused[1] and "used" not in refused[0]


UNGUARDED = """
from helpers import data
from helpers.data import faces
faces.CHUNK = 3
faces.runtime.CORES = 2
print(data.avatars(16, 8).images.shape)
"""


def test_a_script_without_a_main_guard_comes_to_an_end(home, tmp_path):
    """The processes that draw do not run the script again, to wait there for its lock."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    options = {"capture_output": True, "text": True, "timeout": 60, "env": environment}
    done = subprocess.run([sys.executable, str(script)], **options)
    assert (done.stdout, done.returncode) == ("(8, 16, 16, 3)\n", 0), done.stderr


def test_as_many_draw_as_this_process_may_use_cores(monkeypatch):
    asked = []

    def pool(count, *arguments, **options):
        asked.append(count)
        return lambda jobs: (job[0](*job[1], **job[2]) for job in jobs)

    monkeypatch.setattr(faces, "Parallel", pool)
    monkeypatch.setattr(faces, "CHUNK", 2)
    monkeypatch.setattr(faces.runtime, "CORES", 7)
    assert len(faces.draw(16, 5, 0)["images"]) == 5 and asked == [7]


CONSTANTS = [name for name in vars(faces) if name.isupper()]


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_of_the_faces_changes_their_key(monkeypatch, name):
    before, value = faces.recipe(32, 10, 0), getattr(faces, name)
    other = {str: f"{value}0", int: 3, tuple: ("pillow",), dict: {"skin": (("#FFE0C4",),)}}
    monkeypatch.setattr(faces, name, other[type(value)])
    assert faces.recipe(32, 10, 0) != before


@pytest.mark.parametrize("name", ["plan", "svg", "render", "_render_all", "draw"])
def test_the_code_that_draws_changes_the_key(monkeypatch, name):
    before, source = faces.recipe(32, 10, 0), inspect.getsource
    changed = getattr(faces, name)
    monkeypatch.setattr(faces.inspect, "getsource", lambda x: source(x) + "#" * (x is changed))
    assert faces.recipe(32, 10, 0) != before


@pytest.mark.parametrize("package", ["python_avatars", "resvg_py", "pillow", "numpy"])
def test_the_packages_that_draw_change_the_key(monkeypatch, package):
    before, version = faces.recipe(32, 10, 0), faces.version
    monkeypatch.setattr(faces, "version", lambda name: version(name) + "0" * (name == package))
    assert faces.recipe(32, 10, 0) != before


def test_no_constant_that_decides_a_face_lies_elsewhere():
    """All numbers and words that the drawing functions look up belong to this module."""
    looked_up = {
        name for part in (faces.plan, faces.svg, faces.render, faces.draw)
        for name in part.__code__.co_names if name.isupper() and name not in CONSTANTS
    }  # fmt: skip
    assert looked_up <= {"TRANSPARENT", "SHIRT_CREW_NECK", "CORES"}


@pytest.mark.parametrize(("asked", "digests"), AVATARS.items())
def test_the_same_faces_as_ever(home, asked, digests):
    avatars = data.avatars(*asked)
    labels = b"".join(values.tobytes() for values in avatars.attributes.values())
    images = hashlib.sha256(avatars.images.tobytes()).hexdigest()[:16]
    assert (images, hashlib.sha256(labels).hexdigest()[:16]) == digests


def test_every_address_has_its_hash():
    """Whatever a source fetches by address it asks for by hash; pooch checks it."""
    for name in ("_mnist_from_keras", "_fashion_from_keras", "_cifar_from_toronto"):
        asked = []

        def noted(url, folder, known_hash, asked=asked):
            asked.append(known_hash)
            raise OSError("that is enough")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cache, "download", noted)
            with pytest.raises(OSError, match="that is enough"):
                getattr(sources, name)(Path())
        assert len(asked[0]) == 64 and int(asked[0], 16)


def test_every_function_says_what_it_takes_and_gives():
    for path in Path(data.__file__).parent.glob("[!_]*.py"):
        module = sys.modules[f"helpers.data.{path.stem}"]
        parts = [
            x for x in vars(module).values() if getattr(x, "__module__", "") == module.__name__
        ]
        functions = [part for part in parts if inspect.isfunction(part)]
        for part in filter(inspect.isclass, parts):
            own = [f for f in vars(part).values() if inspect.isfunction(f)]
            functions += [f for f in own if f.__module__ == module.__name__ and f.__doc__]
        for function in functions:
            signature = inspect.signature(function)
            named = [p for p in signature.parameters.values() if p.name != "self"]
            given = [p.annotation for p in named] + [signature.return_annotation]
            assert inspect.Signature.empty not in given, function
