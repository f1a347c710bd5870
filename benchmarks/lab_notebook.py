"""What a lab defines, so that a benchmark measures the lab's own networks and settings."""

from pathlib import Path

import nbformat

from helpers import runtime

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def cells(name: str, starts: tuple[str, ...]) -> list[str]:
    """The code cells of a notebook that begin so, in its order.

    Raises:
        ValueError: none, or more than one, begins so.
    """
    code = [c for c in nbformat.read(NOTEBOOKS / name, as_version=4).cells if c.cell_type == "code"]
    for start in starts:
        found = sum(cell.source.startswith(start) for cell in code)
        if found != 1:
            raise ValueError(f"{found} cells of {name} begin with {start!r}: name one's beginning.")
    return [cell.source for cell in code if cell.source.startswith(starts)]


def defined_in(name: str, starts: tuple[str, ...], seed: int) -> dict:
    """Run the code cells of a notebook that begin so, and return the names that they define.

    The cell that prepares a notebook stays out: the bench has its own seed.

    Args:
        name: of the notebook, for example ``"10_dcgan.ipynb"``.
        starts: how the cells begin; the first is the one with the settings.
        seed: takes the place of the notebook's `SEED` from the second cell on.
    """
    space = {"runtime": runtime}
    for source in cells(name, starts):
        exec(source, space)
        space["SEED"] = seed
    return space
