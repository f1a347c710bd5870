"""An address is asked in our own name, and what it answers is told."""

import hashlib
import http.server
import threading
import time

import numpy as np
import pytest
from conftest import encoded

from helpers import data
from helpers.data import cache, limits

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status or the manner that its path names."""

    def do_GET(self):
        self.server.agents.append(self.headers["User-Agent"])
        manner = self.path.strip("/").split(".")[0]
        if manner == "slow":
            time.sleep(0.2)
            return
        self.send_response(int(manner) if manner.isdecimal() else 200)
        self.end_headers()
        if manner == "endless":
            try:
                while self.server.sent < 30_000_000:
                    self.server.sent += self.wfile.write(bytes(65536))
            except OSError:
                return
        pages = {"page": b"<html>", "photo": encoded(COLOURS)}
        self.wfile.write(pages.get(manner, b""))

    def log_message(self, *arguments):
        """Keep the test output quiet."""


@pytest.fixture
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.agents, server.sent = [], 0
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield address, server
    server.shutdown()
    server.server_close()


def test_addresses_are_asked_in_our_own_name(address):
    place, server = address
    image = data.load_image(f"{place}/photo.png".replace("http", "HTTP"))
    np.testing.assert_allclose(image * 255, COLOURS, atol=1e-4)
    assert server.agents == [cache.USER_AGENT] and "python-requests" not in server.agents[0]


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("403.png", cache.DataError, r"403\.png cannot be fetched \(it answers 403 Forbidden\)"),
        ("404.png", cache.DataError, r"\(it answers 404 Not Found\): check the address"),
        ("429.png", cache.DataError, r"\(it answers 429 Too Many Requests\)"),
        ("503.png", cache.DataError, r"\(it answers 503 Service Unavailable\)"),
        ("endless.png", cache.DataError, r"\(it sends more than 1 MB\)"),
        ("page", ValueError, r"page is in a format that is not read \(web page\)"),
        ("empty", ValueError, r"empty is empty"),
    ],
)
def test_what_an_address_answers_is_told(address, monkeypatch, path, error, said):
    place, server = address
    monkeypatch.setattr(limits, "FILE_BYTES", 1_000_000)
    with pytest.raises(error, match=said) as caught:
        data.load_image(f"{place}/{path}")
    assert " at 0x" not in str(caught.value) and server.sent < 20_000_000


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("http://127.0.0.1:9/a.png", "there is no connection, or it broke"),
        ("https://127.0.0.1:9/a.png", "there is no connection, or it broke"),
        ("http:///a.png", "it is no address"),
        ("http://*/a.png", "it is no address"),
    ],
)
def test_an_address_that_is_silent_or_none(place, said):
    with pytest.raises(cache.DataError, match=rf"cannot be fetched \({said}\): check") as caught:
        data.load_image(place)
    assert " at 0x" not in str(caught.value)


def test_an_address_that_takes_too_long(address, monkeypatch):
    place, _ = address
    monkeypatch.setattr(cache, "CONNECT_AND_READ_SECONDS", (1, 0.05))
    with pytest.raises(cache.DataError, match=r"\(it does not answer in time\)"):
        data.load_image(f"{place}/slow")


def test_a_file_with_another_hash_is_not_kept(address, tmp_path):
    place, _ = address
    pin = hashlib.sha256(encoded(COLOURS)).hexdigest()
    assert cache.download(f"{place}/photo.png", tmp_path, pin).read_bytes() == encoded(COLOURS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="does not match the known hash"):
        cache.download(f"{place}/photo.png", tmp_path / "empty", "0" * 64)
    assert not list((tmp_path / "empty").iterdir())
