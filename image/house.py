"""Draw the house, who imports whom in `helpers/`, as `image/house.svg`: `python image/house.py`.

Each room and each file of the ground floor stands above all that it imports, as low as that allows.
A line is an import; one that a longer way implies is left out. The picture follows the reader's
page, light or dark.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
HELPERS = HERE.parent / "helpers"
WIDTH, ROW, BOX, TOP = 760, 74, (104, 40), 84
COLOURS = """<style>
.wall { fill: #ffffff; stroke: #9aa0a6 } .line { stroke: #90a4ae; stroke-width: 1.5; fill: none }
.course { fill: #e3f2fd; stroke: #1565c0 } .room { fill: #fff8e1; stroke: #f9a825 }
text { fill: #102027; font: 14px Helvetica, Arial, sans-serif; text-anchor: middle }
@media (prefers-color-scheme: dark) {
.wall { fill: #1b1f24; stroke: #6b7280 } .line { stroke: #78909c }
.course { fill: #0d3557; stroke: #64b5f6 } .room { fill: #4a3a10; stroke: #fbc02d }
text { fill: #eceff1 } }
</style>"""


def imported(source: str) -> Iterator[str]:
    """Dotted names below `helpers` that a module asks for, in whatever way and wherever.

    A name that is only known when it runs, as in ``import_module(f"helpers.{name}")``, comes out as
    it stands there, so that it is the name of nothing.
    """
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            texts = [ast.unparse(part).lstrip("f").strip("'\"") for part in given]
            names = [text for text in texts if text.startswith("helpers.")]
        for name in names:
            if name.startswith(".") or name.split(".")[0] == "helpers":
                yield name.removeprefix("helpers.")


def rooms() -> dict[str, set[str]]:
    """Each room, and each file of the ground floor, to those that it imports."""
    house: dict[str, set[str]] = {}
    for path in HELPERS.rglob("*.py"):
        room = path.relative_to(HELPERS).with_suffix("").parts[0]
        names = {name.split(".")[0] for name in imported(path.read_text())}
        house.setdefault(room, set()).update(names - {room})
    del house["__init__"]
    return house


def below(room: str, house: dict[str, set[str]]) -> set[str]:
    """All that a room imports, directly or by way of others."""
    return house[room].union(*(below(other, house) for other in house[room]))


def floor(room: str, house: dict[str, set[str]]) -> int:
    """How many floors lie below a room."""
    return max((1 + floor(other, house) for other in house[room]), default=0)


def places(house: dict[str, set[str]]) -> dict[str, tuple[int, int]]:
    """The middle of each box, in pixels; those of one floor in order of their names."""
    floors: dict[int, list[str]] = {}
    for room in sorted(house):
        floors.setdefault(floor(room, house), []).append(room)
    at = {}
    for level, row in floors.items():
        y = TOP + ROW * (max(floors) - level) + BOX[1] // 2
        for place, room in enumerate(row):
            at[room] = WIDTH * (2 * place + 1) // (2 * len(row)), y
    return at


def lines(house: dict[str, set[str]], at: dict[str, tuple[int, int]]) -> list[str]:
    """A line for each import that no longer way implies."""
    drawn = []
    for room in sorted(house):
        implied = set().union(*(below(other, house) for other in house[room]))
        for other in sorted(house[room] - implied):
            (x, y), (to_x, to_y), half = at[room], at[other], BOX[1] // 2
            drawn.append(f'<path class="line" d="M{x} {y + half} L{to_x} {to_y - half}"/>')
    return drawn


def boxes(house: dict[str, set[str]], at: dict[str, tuple[int, int]]) -> list[str]:
    """A named box for each; folders in another colour than the files of the ground floor."""
    drawn, (width, height) = [], BOX
    for room in sorted(house):
        kind = "room" if (HELPERS / room).is_dir() else "course"
        name, (x, y) = f"{room}/" if kind == "room" else room, at[room]
        place = f'x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}"'
        drawn.append(f'<rect class="{kind}" {place} rx="6" stroke-width="2"/>')
        drawn.append(f'<text x="{x}" y="{y + 5}">{name}</text>')
    return drawn


def draw() -> str:
    """The picture, as SVG."""
    house = rooms()
    at = places(house)
    height = max(y for _, y in at.values()) + BOX[1]
    words = "The rooms of helpers, each above those that it imports: " + ", ".join(
        sorted(house, key=lambda room: (floor(room, house), room))
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{words}">'
    )
    outline = f"M2 {height - 2} V60 L{WIDTH // 2} 4 L{WIDTH - 2} 60 V{height - 2} z"
    wall = f'<path class="wall" d="{outline}" stroke-width="2"/>'
    return "\n".join([head, COLOURS, wall, *lines(house, at), *boxes(house, at), "</svg>", ""])


if __name__ == "__main__":
    (HERE / "house.svg").write_text(draw())
