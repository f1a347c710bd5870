"""A package is fetched and checked, and nothing that it holds is run."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from helpers.data import packages

SETUP = "from pathlib import Path\nPath({0!r}).touch()\nfrom setuptools import setup\nsetup()\n"
NAMES_SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "{0}"\n'
METADATA = "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n"
ARCHIVES = {
    "no backend named": {},
    "setuptools named": {"pyproject.toml": NAMES_SETUPTOOLS.format("setuptools.build_meta")},
    "requirements of its own": {"setup.cfg": "[options]\ninstall_requires = torch\n"},
}


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The file that a `setup.py` would touch; pip finds packages in a folder, none elsewhere."""
    (tmp_path / "index").mkdir()
    (tmp_path / "fetched").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "ran"


def sdist(folder, files):
    """An archive of sources with these files; the path."""
    path = folder / "stranger-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"stranger-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def requirement(path):
    return f"stranger==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_is_fetched_and_its_setup_py_not_run(kind, ran):
    files = {"setup.py": SETUP.format(str(ran)), "PKG-INFO": METADATA} | ARCHIVES[kind]
    path = sdist(ran.parent / "index", files)
    fetched = packages.download(requirement(path), ran.parent / "fetched", "sdist")
    assert fetched.read_bytes() == path.read_bytes() and not ran.exists()


def test_a_wheel_is_fetched(ran):
    path = ran.parent / "index" / "stranger-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("stranger-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("stranger-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    fetched = packages.download(requirement(path), ran.parent / "fetched", "wheel")
    assert fetched.read_bytes() == path.read_bytes()


def test_other_bytes_than_those_pinned_are_refused(ran):
    path = sdist(ran.parent / "index", {"setup.py": SETUP.format(str(ran))})
    pinned = requirement(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(OSError, match="failed: "):
        packages.download(pinned, ran.parent / "fetched", "sdist")
    assert not ran.exists()
    assert {each.name for each in (ran.parent / "fetched").iterdir()} <= {
        "requirement.txt",
        "setuptools",
    }
