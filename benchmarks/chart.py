"""Each record over time: one panel for each row of the table."""

from pathlib import Path

import machine
import matplotlib as mpl
import records
from matplotlib import ticker
from matplotlib.figure import Figure

COLUMNS, MARKERS = 4, "osD^vP*X<>"
SHIFT = {"beside": -0.06, "ours": 0.06}  # so that neither hides the other
SIDES = {"beside": "#888888", "ours": "#0072b2"}
WIDE = 10  # a panel whose numbers are further apart has a logarithmic axis


def panels(all_records: list[dict]) -> dict[tuple, list[dict]]:
    """The records of each row, oldest first, by lab and name."""
    rows = {}
    for record in sorted(all_records, key=lambda r: (r["lab"], r["date"])):
        rows.setdefault((record["lab"], record["name"]), []).append(record)
    return rows


def draw_row(axes, row: list[dict], markers: dict[str, str]) -> None:
    """Mean of each record with a bar from lowest to highest, side by side in order of time."""
    shown = []
    for place, record in enumerate(row):
        for side, colour in SIDES.items():
            values = [value for value in record[side] or () if value is not None]
            if values:
                mean, low, high = records.spread(values)
                bar = [[mean - low], [high - mean]]
                look = {"color": colour, "marker": markers[machine.words(record["machine"])]}
                axes.errorbar(place + SHIFT[side], mean, bar, capsize=3, ms=5, **look)
                shown += values
    scale(axes, shown)
    ticks = [f"{record['date'][:10]}\n{record['commit']}" for record in row]
    axes.set_xticks(range(len(row)), ticks, fontsize=6)
    axes.set_xlim(-0.6, len(row) - 0.4)
    axes.set_xlabel("day and commit", fontsize=7)
    axes.set_ylabel(row[0]["unit"] or "no unit", fontsize=7)
    axes.tick_params("y", labelsize=6)
    axes.grid(axis="y", alpha=0.3)


def scale(axes, shown: list[float]) -> None:
    """From 0, or logarithmic where the numbers lie far apart."""
    if shown and min(shown) > 0 and max(shown) / min(shown) > WIDE:
        axes.set_yscale("log")
        axes.set_ylim(min(shown) / 1.5, max(shown) * 1.5)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(ticker.NullLocator())
    elif shown:
        axes.set_ylim(0, 1.15 * max(shown))


def draw(all_records: list[dict]) -> Figure:
    """The chart of all records."""
    rows = panels(all_records)
    names = dict.fromkeys(machine.words(record["machine"]) for record in all_records)
    markers = {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(names)}
    height = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.6 * height + 1), layout="constrained")
    places = list(figure.subplots(height, COLUMNS, squeeze=False).flat)
    for axes, ((lab, name), row) in zip(places, rows.items(), strict=False):
        axes.set_title(f"{lab} · {name}", fontsize=7)
        draw_row(axes, row, markers)
    for axes in places[len(rows) :]:
        axes.remove()
    legend(figure, markers)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write it as SVG, the same bytes for the same records."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure.savefig(path, metadata={"Date": None})


def legend(figure: Figure, markers: dict[str, str]) -> None:
    """Colours of both sides and markers of the machines, above the panels."""
    look = {"ls": "", "xdata": [], "ydata": []}
    lines = [mpl.lines.Line2D(color=c, marker="o", label=side, **look) for side, c in SIDES.items()]
    lines += [mpl.lines.Line2D(color="k", marker=m, label=n, **look) for n, m in markers.items()]
    title = "Each record: mean, and a bar from the lowest to the highest of its seeds"
    figure.legend(handles=lines, title=title, loc="outside upper center", ncols=2)
