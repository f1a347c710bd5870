"""Which faces come with labels that are known to be right?

Drawn ones. A face is a choice of value for every factor, and the drawing follows from the choice,
so its labels are never guessed, no person is shown, and nobody's permission is needed:

    choice  --python_avatars-->  SVG  --resvg-->  size x size pixels

    factor         values   meaning
    skin           5        from the palest to the darkest
    hair_length    4        cropped, short, to the chin, long
    hair_colour    5        black, brown, red, blond, grey
    glasses        2        without, with
    beard          2        without, with; in the hair's colour
    smile          2        serious, smiling
    shirt          5        colours
    background     4        colours

Factors are drawn independently and evenly, so that no model can guess one from another; where a
value has several drawings (three cuts of short hair), one of them is taken at random. Each face
stands a little off the middle, by up to 1/36 of the picture, so that no two pictures are equal.

Drawings: Pablo Stanley's Avataaars, through the package python_avatars.
"""

import hashlib
import inspect
import io
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import python_avatars
import resvg_py
from joblib import Parallel, delayed
from PIL import Image

from helpers import runtime

FACTORS = {
    "skin": (("#FFE0C4",), ("#EDB98A",), ("#D08B5B",), ("#AE5D29",), ("#614335",)),
    "hair_length": (
        ("BUZZCUT",),
        ("SHORT_FLAT", "SHORT_ROUND", "SHORT_WAVED"),
        ("BOB", "LONG_NOT_TOO_LONG", "MIA_WALLACE"),
        ("STRAIGHT_1", "BIG_HAIR", "STRAIGHT_STRAND"),
    ),
    "hair_colour": (("#2C1B18",), ("#724133",), ("#C93305",), ("#D6B370",), ("#B7B3BA",)),
    "glasses": (("NONE",), ("PRESCRIPTION_2", "ROUND")),
    "beard": (("NONE",), ("BEARD_LIGHT", "BEARD_MEDIUM")),
    "smile": (("SERIOUS", "SAD"), ("SMILE", "BIG_SMILE")),
    "shirt": (("#3C4F5C",), ("#5199E4",), ("#FF5C5C",), ("#A7D9A0",), ("#F4F4F4",)),
    "background": (("#DDE7F0",), ("#F6E7CF",), ("#DCEFDC",), ("#EFDDEB",)),
}
WHOLE, LEFT, TOP, SIDE = 'viewBox="0 0 264 280"', 24, 14, 216
SWAY = 6
CHUNK = 200  # faces that a process draws at a time
IDLE_SECONDS = 5  # until a process that has nothing left to draw ends
PACKAGES = ("python_avatars", "resvg_py", "pillow", "numpy")


def plan(count: int, seed: int) -> tuple[dict[str, np.ndarray], list[dict[str, str]]]:
    """Choose the values and the drawings of some faces.

    Args:
        count: how many faces.
        seed: the same seed gives the same faces; the first faces do not depend on `count`.

    Returns:
        Labels, factor to int32 of shape (count,), and for each face factor to drawing or colour,
        and ``"view"``, the part of the drawing that is shown.
    """
    rng = np.random.default_rng(seed)
    shares = rng.random((count, len(FACTORS) + 1, 2))
    sway, labels = SWAY * (2 * shares[:, -1] - 1), {}
    faces = [{"view": f"{LEFT + x:.2f} {TOP + y:.2f} {SIDE} {SIDE}"} for x, y in sway]
    for column, (factor, values) in enumerate(FACTORS.items()):
        labels[factor] = (shares[:, column, 0] * len(values)).astype("int32")
        for face, label, share in zip(faces, labels[factor], shares[:, column, 1], strict=True):
            drawings = values[label]
            face[factor] = drawings[int(share * len(drawings))]
    return labels, faces


def recipe(size: int, count: int, seed: int) -> str:
    """Twelve hexadecimal digits that change with anything that would change the pictures.

    That is every constant of this module, the code that draws, the packages that it calls, and the
    arguments.
    """
    constants = {name: value for name, value in globals().items() if name.isupper()}
    code = [inspect.getsource(part) for part in (plan, svg, render, _render_all, draw)]
    versions = [version(package) for package in PACKAGES]
    decides = [constants, code, versions, size, count, seed]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


def svg(face: dict[str, str]) -> str:
    """The drawing of one face from :func:`plan`, cut to the head and shoulders."""
    avatar = python_avatars.Avatar(
        style=python_avatars.AvatarStyle.TRANSPARENT,
        top=python_avatars.HairType[face["hair_length"]],
        mouth=python_avatars.MouthType[face["smile"]],
        facial_hair=python_avatars.FacialHairType[face["beard"]],
        accessory=python_avatars.AccessoryType[face["glasses"]],
        clothing=python_avatars.ClothingType.SHIRT_CREW_NECK,
        skin_color=face["skin"],
        hair_color=face["hair_colour"],
        facial_hair_color=face["hair_colour"],
        clothing_color=face["shirt"],
    )
    view = f'viewBox="{face["view"]}"'
    return avatar.render().replace(WHOLE, view).replace('height="280px"', 'height="264px"')


def render(face: dict[str, str], size: int) -> np.ndarray:
    """The pixels of one face from :func:`plan`, uint8 of shape (size, size, 3)."""
    how = {"width": size, "height": size, "background": face["background"]}
    content = resvg_py.svg_to_bytes(svg_string=svg(face), skip_system_fonts=True, **how)
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _render_all(faces: list[dict[str, str]], size: int) -> np.ndarray:
    return np.stack([render(face, size) for face in faces])


def _with_progress(parts: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    done, shown = 0, sys.stderr.isatty()
    for part in parts:
        done += len(part)
        if shown:
            print(f"\rdrawing faces: {done} of {count}", end="", file=sys.stderr, flush=True)
        yield part
    if shown:
        print(file=sys.stderr)


def draw(size: int, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw faces on all cores; about 3 ms a face and core at 64 pixels.

    The processes that help import this module, not the script that asked, so a script needs no
    ``if __name__ == "__main__"``.

    Args:
        size: side in pixels.
        count: how many faces.
        seed: fixes them.

    Returns:
        ``"images"``, uint8 of shape (count, size, size, 3), and for each factor its labels, int32
        of shape (count,).
    """
    labels, faces = plan(count, seed)
    chunks = [faces[start : start + CHUNK] for start in range(0, count, CHUNK)]
    if len(chunks) == 1:
        return {"images": _render_all(faces, size), **labels}
    pool = Parallel(runtime.CORES, "loky", return_as="generator", idle_worker_timeout=IDLE_SECONDS)
    parts = _with_progress(pool(delayed(_render_all)(chunk, size) for chunk in chunks), count)
    return {"images": np.concatenate(list(parts)), **labels}
