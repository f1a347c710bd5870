"""What a lab defines, so that a benchmark measures the lab's own networks and settings."""

from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def defined_in(name: str, starts: tuple[str, ...]) -> dict:
    """Run the code cells of a notebook that begin so, and return the names that they define.

    Args:
        name: of the notebook, for example ``"10_dcgan.ipynb"``.
        starts: how the cells begin; they run in the notebook's order.
    """
    space = {}
    for cell in nbformat.read(NOTEBOOKS / name, as_version=4).cells:
        if cell.cell_type == "code" and cell.source.startswith(starts):
            exec(cell.source, space)
    return space
