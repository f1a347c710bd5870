"""Measure the course-shaped loops beside ours and print one table.

`GDL_LAB`, for example 07, measures one lab's rows and leaves the others in `results.json` as they
were. Times depend on the machine; the ratio of two times from one run says more.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from helpers import runtime

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
LABS = ("01", "02", "05", "07", "08", "09", "10")


def merge(old: list[dict], new: list[dict]) -> list[dict]:
    """Replace the rows of the labs that were measured, keep all others, in order of the labs."""
    measured = {row["lab"] for row in new}
    kept = [row for row in old if row["lab"] not in measured]
    return sorted(kept + new, key=lambda row: row["lab"])


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        "| lab | what | course-shaped | ours | ratio |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        course = "-" if row["course"] is None else f"{row['course']:g} {row['unit']}".strip()
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:g}"
        ours = f"{row['ours']:g} {row['unit']}".strip()
        lines.append(f"| {row['lab']} | {row['name']} | {course} | {ours} | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, merge, write, print."""
    lab = os.environ.get("GDL_LAB") or ""
    chosen = [name for name in LABS if name.startswith(lab)]
    if not chosen:
        sys.exit(f"There is no benchmark for lab {lab}: choose one of {', '.join(LABS)}.")
    runtime.prepare(seed=0)
    new = [row for name in chosen for row in importlib.import_module(f"lab{name}").rows()]
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    rows = merge(old, new)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
