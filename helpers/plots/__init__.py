"""What does it look like?

Three kinds of picture, none of which needs pyplot, so that all may be drawn by any thread:

    arrays           NumPy arrays to one picture to PNG bytes, in a few milliseconds: for sliders
    films            frames to an animated picture
    figures, charts  Matplotlib with axes and labels: for the page

Every function returns its picture; a notebook shows what a cell returns. What a notebook saves
carries an alternative text, which says to those who cannot see it what the picture shows.
"""

from helpers.plots.arrays import bundle, interleave, png, signed, tile
from helpers.plots.charts import (
    bars,
    ellipses,
    histograms,
    holes,
    lines,
    manifold,
    named_bars,
    scatter,
    scatters,
    spectra,
)
from helpers.plots.figures import (
    COLOURS,
    Figure,
    figure,
    gallery,
    label_log_axis,
    picture_rows,
    show_image,
    use_whole_pixels,
)
from helpers.plots.films import Film

__all__ = [
    "COLOURS",
    "Figure",
    "Film",
    "bars",
    "bundle",
    "ellipses",
    "figure",
    "gallery",
    "histograms",
    "holes",
    "interleave",
    "label_log_axis",
    "lines",
    "manifold",
    "named_bars",
    "picture_rows",
    "png",
    "scatter",
    "scatters",
    "show_image",
    "signed",
    "spectra",
    "tile",
    "use_whole_pixels",
]
