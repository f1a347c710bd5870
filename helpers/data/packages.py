"""How is a package fetched without running anything that is in it?

pip checks a package's hash, then asks for its metadata. A wheel carries them in a file. For an
archive of sources pip asks the package's build backend (PEP 517), and that of setuptools runs the
archive's `setup.py`. So pip meets another backend here, which knows the name and the version that
were asked for and looks at nothing.
"""

import sys
from pathlib import Path

from helpers.data import cache

BACKEND = """
import pathlib, sys

__legacy__ = sys.modules[__name__]  # what pip asks where an archive names no backend


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder) / "{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return info.name
"""


def write_backend(folder: Path, name: str, version: str) -> None:
    """Write a `setuptools` that tells pip a package's name and version and can do nothing else."""
    package = folder / "setuptools"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "build_meta.py").write_text(BACKEND.format(name=name, version=version))


def download(requirement: str, folder: Path, kind: str) -> Path:
    """Fetch one package, checked by its hash, with pip and so from the index that it is set to.

    Nothing of it is run, be it a wheel or an archive that setuptools would build.

    Args:
        requirement: ``"name==version --hash=sha256:..."``.
        folder: where the file is put, an empty folder.
        kind: ``"wheel"`` or ``"sdist"``, the archive of sources.

    Returns:
        The downloaded file.

    Raises:
        OSError: pip failed; the message is its last line.
    """
    name, version = requirement.split()[0].split("==")
    write_backend(folder, name, version)
    (folder / "requirement.txt").write_text(requirement)
    only = "--only-binary" if kind == "wheel" else "--no-binary"
    pip = [sys.executable, "-m", "pip", "download", "--timeout", "15", "--retries", "1", "-q"]
    safely = ["--no-deps", only, ":all:", "--require-hashes", "--no-build-isolation"]
    ours = {"PYTHONPATH": str(folder), "PIP_USE_PEP517": "1"}
    cache.run([*pip, *safely, "-d", str(folder), "-r", "requirement.txt"], folder, **ours)
    return next(path for path in folder.iterdir() if path.name.startswith(f"{name}-"))
