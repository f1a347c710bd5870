"""What does it look like when a generator gets it right, or forgets something?

Clouds of points on the plane, where both can be seen at once: each consists of narrow Gaussians
around known centres, so that one can count which of them a generator reaches.

    ring     8 centres on a circle of radius 1                             std 0.05
    grid     5 x 5 centres in [-1, 1] x [-1, 1]                            std 0.05
    moons    two half circles that reach into each other, 24 centres       std 0.05
    line     a straight line, 16 centres: data with no thickness but noise std 0.05

Ring and grid are the beds on which mode collapse is usually shown (Metz and others,
arXiv:1611.02163; Srivastava and others, arXiv:1705.07761).
"""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import make_moons

STD = 0.05


class Toy(NamedTuple):
    """A cloud: `centres` of shape (modes, 2), and the `std` of the points around each."""

    centres: np.ndarray
    std: float

    def points(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws from the cloud, every centre equally likely.

        Args:
            count: how many.
            seed: same seed, same points.

        Returns:
            float32 of shape (count, 2).
        """
        rng = np.random.default_rng(seed)
        chosen = self.centres[rng.integers(len(self.centres), size=count)]
        return (chosen + self.std * rng.normal(size=(count, 2))).astype("float32")


def ring(modes: int = 8) -> Toy:
    """Centres on the unit circle."""
    angles = 2 * np.pi * np.arange(modes) / modes
    return Toy(np.column_stack([np.cos(angles), np.sin(angles)]), STD)


def grid(side: int = 5) -> Toy:
    """Centres on a square grid that spans [-1, 1] in both directions."""
    places = np.linspace(-1, 1, side)
    return Toy(np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2), STD)


def moons() -> Toy:
    """Centres along two half circles that reach into each other (scikit-learn's `make_moons`)."""
    centres, _ = make_moons(24, shuffle=False)
    return Toy((centres - centres.mean(axis=0)) / 1.5, STD)


def line() -> Toy:
    """Centres along a slanted straight line, close enough to touch."""
    places = np.linspace(-1, 1, 16)
    return Toy(np.column_stack([places, 0.5 * places]), STD)


TOYS = {"ring": ring, "grid": grid, "moons": moons, "line": line}
