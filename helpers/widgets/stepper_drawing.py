"""What the GAN stepper shows: D's opinion of the plane, points, arrows and curves, by Pillow."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

REACH = 1.6  # the plane is shown from -REACH to REACH
SIDE, LEGEND, ACROSS = 400, 44, 300  # of plane, legend and curves, in pixels; drawn twice as large
GENERATED, EVEN, REAL = np.array([[255, 190, 120], [250, 250, 250], [150, 195, 240]], "float32")
REAL_DOT, FAKE_DOT, ARROW, D_LINE, G_LINE = "#0b4f91", "#c43e00", "#5d1a00", "#6a1b9a", "#c43e00"
FONT = ImageFont.load_default(25)


def draw_plane(
    canvas: Image.Image, heat: np.ndarray, real: np.ndarray, fakes: np.ndarray, pull: np.ndarray
) -> None:
    """The heat map, real points, fakes, an arrow for the first of them, and the legend."""
    side = 2 * SIDE
    canvas.paste(Image.fromarray(_tint(heat)).resize((side, side), Image.Resampling.BILINEAR))
    draw = ImageDraw.Draw(canvas)

    def place(points: np.ndarray) -> np.ndarray:
        return side * (0.5 + points * (0.5, -0.5) / REACH)

    for points, colour in ((place(real), REAL_DOT), (place(fakes), FAKE_DOT)):
        for x, y in points:
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
    strength = np.linalg.norm(pull, axis=1, keepdims=True)
    ends = fakes[: len(pull)] + 0.4 * pull / (1 + strength)
    for start, end in zip(place(fakes), place(ends), strict=False):
        _draw_arrow(draw, start, end)
    draw.rectangle((0, side, *canvas.size), fill="white")
    draw.rectangle((side, 0, *canvas.size), fill="white")
    _draw_legend(canvas, draw)


def draw_curves(canvas: Image.Image, curves: dict[str, list], top: int, whole: int | None) -> None:
    """Lines over phases, right of the plane; `whole` fixes the upper end of the axis."""
    draw, colours = ImageDraw.Draw(canvas), (D_LINE, G_LINE)
    left, right, low, high = 2 * SIDE + 90, 2 * (SIDE + ACROSS) - 24, top + 390, top + 60
    kept = {name: _thinned(points) for name, points in curves.items()}
    steps = max(1.0, *(points[-1, 0] for points in kept.values()))
    least = min(0.0, *(points[:, 1].min() for points in kept.values()))
    most = whole or max(1.0, *(points[:, 1].max() for points in kept.values()))
    for number, (name, points) in enumerate(kept.items()):
        draw.text((left + 210 * number, top + 14), name, fill=colours[number], font=FONT)
        x = left + (right - left) * points[:, 0] / steps
        y = low - (low - high) * (points[:, 1] - least) / (most - least)
        draw.line(np.column_stack([x, y]).ravel().tolist(), fill=colours[number], width=3)
    draw.line([left, high, left, low, right, low], fill="#555555", width=2)
    for value, y in ((least, low), (most, high)):
        draw.text((left - 12, y), f"{value:.3g}", fill="#333333", font=FONT, anchor="rm")
    draw.text((right, low + 8), f"phase {steps:.0f}", fill="#333333", font=FONT, anchor="ra")


def _draw_arrow(draw: ImageDraw.ImageDraw, start: np.ndarray, end: np.ndarray) -> None:
    """A line with a tip, as long as it is strong."""
    along = (end - start) * min(1.0, 14 / max(np.linalg.norm(end - start), 1e-6))
    across = 0.5 * along[::-1] * (1, -1)
    draw.line([*start, *end], fill=ARROW, width=3)
    draw.polygon([*end, *(end - along + across), *(end - along - across)], fill=ARROW)


def _draw_legend(canvas: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """Which colours stand for what, below the plane."""
    top = 2 * SIDE
    bar = _tint(np.tile(np.linspace(0, 1, 120), (22, 1)))
    canvas.paste(Image.fromarray(bar), (250, top + 12))
    draw.text((10, top + 6), "D says: generated", fill="black", font=FONT)
    draw.text((378, top + 6), "real", fill="black", font=FONT)
    for x, colour, name in ((10, REAL_DOT, "real point"), (180, FAKE_DOT, "fake")):
        draw.ellipse((x, top + 55, x + 16, top + 71), fill=colour)
        draw.text((x + 24, top + 46), name, fill="black", font=FONT)
    _draw_arrow(draw, np.array([290.0, top + 63]), np.array([340.0, top + 63]))
    draw.text((352, top + 46), "where G is pulled", fill="black", font=FONT)


def _tint(share: np.ndarray) -> np.ndarray:
    """D's probability as a colour: orange for generated, white for undecided, blue for real."""
    share = share[..., np.newaxis]
    low, high = EVEN + (1 - 2 * share) * (GENERATED - EVEN), EVEN + (2 * share - 1) * (REAL - EVEN)
    return np.where(share < 0.5, low, high).astype("uint8")


def _thinned(points: list[tuple]) -> np.ndarray:
    """About 300 of the points and the last one, so that a long game is drawn as fast as a short."""
    return np.array((points[:: 1 + len(points) // 300] + points[-1:]) or [(0, 0)], float)
