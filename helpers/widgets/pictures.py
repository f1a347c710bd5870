"""How are pictures set beside each other, named and described, without a figure?"""

import textwrap
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 12  # white pixels between pictures that stand side by side
LINE = 18  # height of a line of text, in pixels
FONT = ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), 13)


def beside(*images: np.ndarray) -> np.ndarray:
    """Set images of any height side by side on white; all become RGB."""
    height = max(len(image) for image in images)
    columns = []
    for image in images:
        padding = ((0, height - len(image)), (0, GAP), (0, 0))
        rgb = np.broadcast_to(image, (*image.shape[:2], 3))
        columns.append(np.pad(rgb, padding, constant_values=1))
    return np.concatenate(columns, axis=1)[:, :-GAP]


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat each pixel `scale` times in both directions."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def there_and_back(frames: np.ndarray) -> np.ndarray:
    """Frames of a walk and the same backwards, so that a film goes round without a jump."""
    return np.concatenate([frames, frames[-2:0:-1]])


def _written(texts: dict[tuple[float, float], str], width: int, height: int) -> np.ndarray:
    """White of some size with lines of text, each with its left end and middle at a place."""
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    for place, text in texts.items():
        draw.text(place, text, fill="black", font=FONT, anchor="lm")
    return np.asarray(canvas, "float32") / 255


def named_rows(image: np.ndarray, names: list[str]) -> np.ndarray:
    """An image of rows of equal height with the name of each row on its left, in RGB."""
    width, height = 8 + int(max(map(FONT.getlength, names))), len(image)
    places = {(0.0, (row + 0.5) * height / len(names)): name for row, name in enumerate(names)}
    rgb = np.broadcast_to(image, (*image.shape[:2], 3))
    return np.concatenate([_written(places, width, height), rgb], axis=1)


def _broken(line: str, width: float) -> list[str]:
    """A line of text in pieces of about some width at most."""
    return textwrap.wrap(line, int(width * len(line) / FONT.getlength(line)))


def described(image: np.ndarray, lines: list[str], narrowest: int = 0) -> np.ndarray:
    """An image with lines of text below it, in RGB.

    Args:
        image: in [0, 1], shape (height, width, 1 or 3).
        lines: of text; long ones are broken between words.
        narrowest: how many pixels wide the result is at least.
    """
    width = max(image.shape[1], narrowest)
    rows = [row for line in lines for row in _broken(line, 0.95 * width)]
    places = {(2.0, (row + 0.5) * LINE): text for row, text in enumerate(rows)}
    below = _written(places, width, LINE * len(rows) + 4)
    rgb = np.broadcast_to(image, (*image.shape[:2], 3))
    sides = ((0, 4), (0, width - image.shape[1]), (0, 0))
    return np.concatenate([np.pad(rgb, sides, constant_values=1), below])
