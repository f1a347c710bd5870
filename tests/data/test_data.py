"""The cache ends whole or absent, whatever the network does; bad pictures are named.

A small server on loopback plays the Keras host and misbehaves on request; the package route is
switched off where a test needs the network to be the last hope.
"""

import gzip
import hashlib
import http.server
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from helpers import data
from helpers.data import cache, sources

RNG = np.random.default_rng(0)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the server's `content` in the way its `manner` says."""

    def do_GET(self):
        server = self.server
        server.requests.append(self.path)
        body = server.content
        if server.manner == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.manner == "truncated":
            body = body[: len(body) // 2]
        if server.manner == "hangs":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            server.released.wait(20)
            return
        if server.manner == "wrong bytes":
            body = body[:-1000] + bytes(1000)
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Keep the test output quiet."""


def tiny_arrays():
    """The four arrays of a small data set in MNIST's layout."""
    return {
        "train_images": RNG.integers(0, 256, (50, 28, 28), "uint8"),
        "train_labels": RNG.integers(0, 10, 50, "uint8"),
        "test_images": RNG.integers(0, 256, (20, 28, 28), "uint8"),
        "test_labels": RNG.integers(0, 10, 20, "uint8"),
    }


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A server for a tiny MNIST, the only source there is, and an empty cache."""
    arrays = tiny_arrays()
    stream = io.BytesIO()
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(stream, **dict(zip(names, arrays.values(), strict=True)))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.manner, server.requests = stream.getvalue(), "well", []
    server.released, server.arrays = threading.Event(), arrays
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.cache = tmp_path / "cache"
    source = {"Keras host": sources._mnist_from_keras}
    tiny = cache.Dataset(
        "Tiny MNIST", sources.idx_fingerprint(arrays), source, sources.idx_fingerprint
    )
    monkeypatch.setenv("GDL_HOME", str(server.cache))
    monkeypatch.setattr(sources, "KERAS_HOST", f"http://127.0.0.1:{server.server_port}")
    pin = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setitem(sources.KERAS_HASHES, "mnist.npz", pin)
    monkeypatch.setattr(cache, "CONNECT_AND_READ_SECONDS", (2, 1))
    monkeypatch.setitem(sources.DATASETS, "mnist", tiny)
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def cached(server):
    return sorted(p.name for p in server.cache.iterdir() if p.suffix != ".lock")


def test_mnist_has_the_documented_shapes_and_ranges():
    train, test = data.mnist()
    assert train.images.shape == (60_000, 28, 28, 1) and test.images.shape == (10_000, 28, 28, 1)
    assert train.images.dtype == np.float32 and train.labels.dtype == np.int32
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert np.bincount(test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


def test_fashion_mnist_is_balanced_and_named():
    train, test = data.fashion_mnist()
    assert np.bincount(train.labels).tolist() == [6000] * 10 and test.images.shape[1:] == (
        28,
        28,
        1,
    )


def test_mnist_is_the_published_file():
    train, _ = data.mnist()
    pixels = np.round(train.images[..., 0] * 255).astype("uint8")
    written = struct.pack(">IIII", 2051, 60_000, 28, 28) + pixels.tobytes()
    published = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    assert hashlib.sha256(written).hexdigest() == published
    np.testing.assert_array_equal(sources.parse_idx(written), pixels)


def test_fingerprint_is_that_of_the_four_idx_files_in_a_row():
    arrays, files = tiny_arrays(), b""
    for array in arrays.values():
        files += bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        files += array.tobytes()
    assert sources.idx_fingerprint(arrays) == hashlib.sha256(files).hexdigest()


def test_idx_of_another_type_is_refused():
    with pytest.raises(ValueError, match="not an IDX file of unsigned bytes"):
        sources.parse_idx(b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00")


def test_fetches_once_then_reads_the_cache(host):
    first, _ = data.mnist()
    again, _ = data.mnist()
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, host.arrays["train_labels"])
    assert host.requests == ["/mnist.npz"] and cached(host) == ["mnist.npz"]


@pytest.mark.parametrize("manner", ["truncated", "wrong bytes", "hangs", "missing"])
def test_a_bad_download_leaves_no_cache_and_names_the_source(host, manner):
    host.manner = manner
    with pytest.raises(cache.DataError, match=r"MNIST could not be fetched\. Connect.*Keras host"):
        data.mnist()
    assert cached(host) == []
    host.manner = "well"
    host.released.set()
    assert len(data.mnist()[0].images) == 50


def test_no_network_and_no_cache(host, monkeypatch):
    monkeypatch.setattr(sources, "KERAS_HOST", "http://127.0.0.1:9")
    with pytest.raises(cache.DataError, match=r"Connect to the internet, .*Tried: Keras host"):
        data.mnist()
    assert cached(host) == []


def test_no_network_but_a_cache(host, monkeypatch):
    data.mnist()
    monkeypatch.setattr(sources, "KERAS_HOST", "http://127.0.0.1:9")
    assert len(data.mnist()[1].images) == 20


def test_next_source_is_tried_when_one_fails(host, monkeypatch):
    host.manner = "wrong bytes"
    both = {"Keras host": sources._mnist_from_keras, "package": lambda folder: host.arrays}
    tiny = sources.DATASETS["mnist"]._replace(sources=both)
    monkeypatch.setitem(sources.DATASETS, "mnist", tiny)
    assert len(data.mnist()[0].images) == 50 and cached(host) == ["mnist.npz"]


@pytest.mark.parametrize("damage", ["cut", "altered", "emptied"])
def test_a_damaged_cache_is_repaired_and_says_so(host, damage):
    data.mnist()
    path = host.cache / "mnist.npz"
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:middle],
            "altered": content[:middle] + b"\xff\x00" + content[middle + 2 :],
            "emptied": b"",
        }[damage]
    )
    with pytest.warns(UserWarning, match=r"mnist\.npz is damaged .*replacing it"):
        train, _ = data.mnist()
    np.testing.assert_array_equal(train.labels, host.arrays["train_labels"])
    assert path.read_bytes() == content


PROGRAM = """
import sys, numpy as np
from helpers import data
from helpers.data import cache, sources
arrays = dict(np.load(sys.argv[1]))
sources.KERAS_HOST = sys.argv[2]
sources.KERAS_HASHES["mnist.npz"] = sys.argv[3]
source = {"host": sources._mnist_from_keras}
pin = sources.idx_fingerprint(arrays)
sources.DATASETS["mnist"] = cache.Dataset("Tiny", pin, source, sources.idx_fingerprint)
print(len(data.mnist()[0].images), flush=True)
"""


def start_process(host, tmp_path):
    np.savez(tmp_path / "pins.npz", **host.arrays)
    address = f"http://127.0.0.1:{host.server_port}"
    pin = hashlib.sha256(host.content).hexdigest()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "pins.npz"), address, pin]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_killed_half_way_leaves_nothing_that_counts_as_a_cache(host, tmp_path):
    host.manner = "hangs"
    process = start_process(host, tmp_path)
    deadline = time.time() + 30
    while not host.requests and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert host.requests and not (host.cache / "mnist.npz").exists()
    host.manner = "well"
    host.released.set()
    assert len(data.mnist()[0].images) == 50 and cached(host) == ["mnist.npz"]


def test_two_processes_at_once_fetch_once(host, tmp_path):
    processes = [start_process(host, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["50\n", "50\n"]
    assert host.requests == ["/mnist.npz"] and cached(host) == ["mnist.npz"]


def test_a_full_disk_is_named(host, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    with pytest.raises(cache.DataError, match=r"cannot be written .*free some disk space"):
        data.mnist()
    assert cached(host) == []


def test_gzipped_idx_route(host, monkeypatch):
    def serve(name):
        array = host.arrays[name]
        header = struct.pack(f">I{array.ndim}I", 0x800 | array.ndim, *array.shape)
        return gzip.compress(header + array.tobytes())

    def fake_download(url, folder, known_hash):
        (name,) = (key for key, file in sources.IDX_FILES.items() if url.endswith(file))
        assert known_hash == sources.KERAS_HASHES[sources.IDX_FILES[name]]
        path = folder / name
        path.write_bytes(serve(name))
        return path

    monkeypatch.setattr(cache, "download", fake_download)
    host.cache.mkdir()
    arrays = sources._fashion_from_keras(host.cache)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, host.arrays[name])


def saved(path, mode="RGB", size=(40, 30), **options):
    shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
    Image.fromarray(RNG.integers(0, 256, shape, "uint8"), mode).save(path, **options)
    return path


@pytest.fixture(autouse=True)
def pillow_deprecations():
    """Pillow deprecates the `mode` argument that makes these pictures short to write."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_load_image_gives_rgb_in_range(tmp_path, mode):
    image = data.load_image(saved(tmp_path / "a.png", mode), size=16)
    assert image.shape == (16, 16, 3) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() <= 1


def test_load_image_whole_matches_pillow(tmp_path):
    path = saved(tmp_path / "a.png")
    np.testing.assert_allclose(data.load_image(path) * 255, np.asarray(Image.open(path)), atol=1e-4)


def test_transparent_pixels_become_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert np.all(data.load_image(tmp_path / "clear.png") == 1)


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "turned.jpg", size=(40, 30), exif=exif)
    assert data.load_image(path).shape == (40, 30, 3)


def test_load_image_from_an_address(host, tmp_path):
    path = saved(tmp_path / "a.png")
    host.content = path.read_bytes()
    address = f"http://127.0.0.1:{host.server_port}/a.png"
    np.testing.assert_array_equal(data.load_image(address, 16), data.load_image(path, 16))
    host.manner = "missing"
    with pytest.raises(
        cache.DataError, match=r"fetched \(it answers 404 Not Found\): check the add"
    ):
        data.load_image(address)


def test_missing_picture(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no picture at .*nowhere\.png: check the path"):
        data.load_image(tmp_path / "nowhere.png")


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\n broken"])
def test_file_that_is_no_picture(tmp_path, content):
    (tmp_path / "notes.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.png is no picture, or is damaged"):
        data.load_image(tmp_path / "notes.png")


def test_truncated_picture(tmp_path):
    path = saved(tmp_path / "half.jpg", size=(200, 200))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"half\.jpg is no picture, or is damaged"):
        data.load_image(path)


def test_decompression_bomb(tmp_path, monkeypatch):
    path = saved(tmp_path / "big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"big\.png has over .* million pixels: make it smaller"):
        data.load_image(path)


def test_a_folder_is_read_whole_and_the_bad_are_named(tmp_path, empty_cache):
    (tmp_path / "inner").mkdir()
    saved(tmp_path / "b.png")
    saved(tmp_path / "inner" / "a.jpg")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden").write_text("hello")
    with pytest.warns(UserWarning, match=r"Left out 1 of 3 files: notes\.txt is no picture"):
        images = data.pictures(tmp_path, size=8).images
    assert images.shape == (2, 8, 8, 3)


def test_a_folder_without_pictures(tmp_path, empty_cache):
    with pytest.raises(ValueError, match="holds no picture: of 0 files none can be read"):
        data.pictures(tmp_path, size=8)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match="of 1 files none can be read"):
        data.pictures(tmp_path, size=8)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is nothing at .*: check the path"):
        data.pictures(tmp_path / "nowhere", size=8)


@pytest.fixture
def toronto(host, monkeypatch):
    """The same server with a tiny CIFAR-10: six files of five pictures in the real layout."""
    records = RNG.integers(0, 256, (30, 1 + 3 * 32 * 32), "uint8")
    records[:, 0] %= 10
    stream, files = io.BytesIO(), {}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, name in enumerate(sources.CIFAR_FILES):
            content = records[5 * number : 5 * number + 5].tobytes()
            files[name] = hashlib.sha256(content).hexdigest()
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    host.content, host.records = stream.getvalue(), records
    monkeypatch.setattr(sources, "CIFAR_URL", f"http://127.0.0.1:{host.server_port}/cifar.tar.gz")
    monkeypatch.setattr(sources, "CIFAR_HASH", hashlib.sha256(host.content).hexdigest())
    tiny = sources.CIFAR10._replace(sha256=" ".join(files.values()))
    monkeypatch.setattr(sources, "CIFAR10", tiny)
    return host


def test_cifar_comes_from_its_binary_files(toronto):
    train, test = data.cifar10()
    assert train.images.shape == (25, 32, 32, 3) and test.images.shape == (5, 32, 32, 3)
    np.testing.assert_array_equal(test.labels, toronto.records[25:, 0])
    green = toronto.records[7, 1 + 1024 + 32 * 4 + 9]
    assert train.images[7, 4, 9, 1] == pytest.approx(green / 255)
    again, _ = data.cifar10()
    np.testing.assert_array_equal(train.images, again.images)
    assert toronto.requests == ["/cifar.tar.gz"]


def test_altered_cifar_is_refused(toronto, monkeypatch):
    last = sources.CIFAR10.sha256[:-1] + ("0" if sources.CIFAR10.sha256[-1] != "0" else "1")
    monkeypatch.setattr(sources, "CIFAR10", sources.CIFAR10._replace(sha256=last))
    with pytest.raises(cache.DataError, match="wrong SHA-256"):
        data.cifar10()
    assert cached(toronto) == []


@pytest.mark.parametrize("manner", ["truncated", "missing"])
def test_cifar_that_does_not_come(toronto, manner):
    toronto.manner = manner
    with pytest.raises(cache.DataError, match=r"CIFAR-10 could not be fetched.*Toronto"):
        data.cifar10()


def test_one_hot_columns_follow_the_names():
    attributes = {"hat": np.array([0, 1, 1]), "skin": np.array([2, 0, 1])}
    np.testing.assert_array_equal(
        data.one_hot(attributes, ("skin", "hat")),
        [[0, 0, 1, 1, 0], [1, 0, 0, 0, 1], [0, 1, 0, 0, 1]],
    )
    with pytest.raises(ValueError, match="There is no hair, nose: choose from hat, skin"):
        data.one_hot(attributes, ("hair", "hat", "nose"))


def test_ranges_go_there_and_back():
    x = np.linspace(0, 1, 5)
    np.testing.assert_allclose(data.to_tanh_range(x), [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(data.to_unit_range(data.to_tanh_range(x)), x)
