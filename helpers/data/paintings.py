"""Which paintings can a program paint, so that a lab needs no download and no licence?

Five styles, each with a texture of another kind, all drawn from a seed:

    marbling         flowing bands: a field of sines, bent by sines (domain warping)
    stained_glass    cells of flat colour: the regions nearest to random points (Voronoi), leaded
    pointillism      small dots of pure colour that mix in the eye
    rings            concentric circles in squares
    hatching         strokes of ink whose density makes the tone

Every function takes the side of the square in pixels and a seed, and returns RGB in [0, 1] of shape
(size, size, 3). Strokes scale with the side, so a small painting is the large one made smaller.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

OVERSAMPLE = 2
INK = {
    "marbling": ["#12263a", "#c5283d", "#f4d58d", "#e9724c", "#f7f4ea", "#255f85"],
    "stained_glass": ["#1d4e89", "#00b2ca", "#f79256", "#fbd1a2", "#c1121f", "#7dcfb6", "#5f0f40"],
    "pointillism": ["#f9c74f", "#f94144", "#277da1", "#43aa8b", "#577590", "#f3722c", "#90be6d"],
    "rings": ["#ee6352", "#59cd90", "#3fa7d6", "#fac05e", "#f79d84", "#2b2d42", "#8d5a97"],
}


def _colours(name: str) -> np.ndarray:
    """A painting's colours, RGB from 0 to 255, shape (n, 3)."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in INK[name]], "float32")


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y of the pixels' centres, from 0 to 1."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    return x, y


def _finish(canvas: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """Scale an oversampled canvas down to RGB in [0, 1]."""
    if isinstance(canvas, np.ndarray):
        canvas = Image.fromarray(np.round(canvas).astype("uint8"))
    return np.asarray(canvas.resize((size, size), Image.Resampling.LANCZOS), "float32") / 255


def marbling(size: int, seed: int = 0) -> np.ndarray:
    """Ink combed over water."""
    rng = np.random.default_rng(seed)
    x, y = _grid(OVERSAMPLE * size)
    for frequency in (1.0, 2.0, 4.0, 7.0):
        a, b = rng.uniform(0.6, 1.4, 2) * frequency
        phase = rng.uniform(0, 2 * np.pi, 2)
        bend = 0.134 / frequency
        across = np.sin(2 * np.pi * a * y + phase[0])
        down = np.sin(2 * np.pi * b * x + phase[1])
        x, y = x + bend * across, y + bend * down
    colours = _colours("marbling")
    return _finish(colours[np.floor(26 * x + 5 * y).astype(int) % len(colours)], size)


def stained_glass(size: int, seed: int = 0) -> np.ndarray:
    """Panes of coloured glass between dark leads, lit unevenly."""
    rng = np.random.default_rng(seed)
    x, y = _grid(OVERSAMPLE * size)
    corners = np.stack(np.mgrid[-1:13, -1:13], axis=-1).reshape(-1, 2)
    points = (corners + rng.uniform(0.1, 0.9, corners.shape)) / 12
    distances, nearest = cKDTree(points).query(np.stack([x, y], axis=-1), k=2)
    colours = _colours("stained_glass")[rng.integers(0, len(INK["stained_glass"]), len(points))]
    light = 1.12 - 4 * distances[..., 0] + 0.08 * np.sin(40 * (x + y))
    glass = np.clip(colours[nearest[..., 0]] * light[..., None], 0, 255)
    lead = np.diff(distances, axis=-1) < 0.011
    return _finish(np.where(lead, 22, glass), size)


def _canvas(size: int, paper: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    canvas = Image.new("RGB", (OVERSAMPLE * size, OVERSAMPLE * size), paper)
    return canvas, ImageDraw.Draw(canvas)


def pointillism(size: int, seed: int = 0) -> np.ndarray:
    """Dots of a few pure colours; which one is likely changes slowly over the picture."""
    rng = np.random.default_rng(seed)
    canvas, draw = _canvas(size, "#f3ead7")
    colours = _colours("pointillism").astype(int)
    waves = rng.uniform(1, 3, (len(colours), 2)), rng.uniform(0, 2 * np.pi, len(colours))
    places = rng.random((9000, 2))
    likely = np.sin(2 * np.pi * places @ waves[0].T + waves[1])
    chance = rng.gumbel(scale=0.5, size=likely.shape)
    for place, choice in zip(places, np.argmax(likely + chance, axis=1), strict=True):
        radius = OVERSAMPLE * size * rng.uniform(0.006, 0.010)
        draw.circle(tuple(OVERSAMPLE * size * place), radius, fill=tuple(colours[choice]))
    return _finish(canvas, size)


def rings(size: int, seed: int = 0) -> np.ndarray:
    """Four by four squares, each with circles inside circles."""
    rng = np.random.default_rng(seed)
    canvas, draw = _canvas(size, "#f7f0e3")
    colours, side = _colours("rings").astype(int), OVERSAMPLE * size / 4
    for row, column in np.ndindex(4, 4):
        left, top = column * side, row * side
        order = rng.permutation(len(colours))
        draw.rectangle([left, top, left + side, top + side], fill=tuple(colours[order[0]]))
        centre = (left + side / 2, top + side / 2)
        shares = np.linspace(0.47, 0.08, 6) + rng.uniform(-0.02, 0.02, 6)
        for share, choice in zip(shares, order[1:], strict=True):
            draw.circle(centre, side * share, fill=tuple(colours[choice]))
    return _finish(canvas, size)


def hatching(size: int, seed: int = 0) -> np.ndarray:
    """Strokes of ink on paper, in three directions, denser where a soft shadow lies."""
    rng = np.random.default_rng(seed)
    canvas, draw = _canvas(size, "#f4efe4")
    side = OVERSAMPLE * size
    for angle, density in ((0.9, 3600), (-0.6, 1800), (1.7, 900)):
        places = rng.random((density, 2))
        shadow = 0.5 + 0.5 * np.sin(5.5 * places[:, 0] + 3 * np.sin(4 * places[:, 1]) + angle)
        for place in places[rng.random(density) < shadow**1.5]:
            turn = angle + rng.normal(0, 0.08)
            step = rng.uniform(0.02, 0.05) * np.array([np.cos(turn), np.sin(turn)])
            ends = [tuple(side * (place - step)), tuple(side * (place + step))]
            draw.line(ends, fill=(28, 30, 46), width=max(1, round(side * 0.0035)))
    return _finish(canvas, size)


PAINTINGS = {
    "marbling": marbling,
    "stained_glass": stained_glass,
    "pointillism": pointillism,
    "rings": rings,
    "hatching": hatching,
}
