"""Measure the course-shaped loops beside ours, with several seeds, and show all in one table.

    make bench LAB=07       measures one lab, without LAB all

Each lab and seed is measured in a process of its own: when one is over, this program starts itself
again and goes on with the first that is missing. So a bench that was killed, started again, does
the same. What was measured with other code or on another machine moves to `history.json` first;
a lab that is complete stays as it is until its records are deleted from `results.json`.

At the end the README's table and the chart of all records, `image/benchmarks.svg`, are renewed.
Times depend on the machine; the ratio of two times from one sitting says more.
"""

import importlib
import os
import sys

import chart
import machine
import records

from helpers import runtime

README, CHART = machine.ROOT / "README.md", machine.ROOT / "image" / "benchmarks.svg"
LABS = ("01", "02", "05", "07", "08", "09", "10", "13")
HEADER = "| lab | what | beside | ours | beside / ours | seeds |"


def next_run(labs: list[str]) -> tuple | None:
    """The first lab with something missing, its sitting, seed and functions; None if none has."""
    for lab in labs:
        sitting = machine.sitting(lab)
        records.retire(lab, sitting)
        todo = records.missing(lab, importlib.import_module(f"lab{lab}"))
        if todo:
            seed = todo[0][0]
            return lab, sitting, seed, [function for at, function in todo if at == seed]
    return None


def measure(lab: str, sitting: dict, seed: int, functions: list) -> None:
    """Measure what is missing of one seed; each function's rows are kept as soon as it ends."""
    import keras  # not before `runtime.prepare`, which mutes TensorFlow's log

    for function in functions:
        print(f"Lab {lab}, seed {seed}: {function.__name__}", flush=True)
        keras.utils.set_random_seed(seed)
        measured = function(seed)
        records.add(lab, function, seed, measured, sitting)
        for name, beside, ours, unit in measured:
            said = "" if beside is None else f"beside {beside:.4g}, "
            print(f"    {name}: {said}ours {ours:.4g} {unit}".rstrip(), flush=True)


def number(value: float) -> str:
    """Three digits: 0.493, 2, 1400."""
    return f"{float(f'{value:.3g}'):g}"


def cell(values: list | None, unit: str) -> str:
    """Mean, lowest and highest, for example `65.7 ms (63.1 to 70)`."""
    if values is None:
        return "-"
    if None in values:
        return f"{sum(value is not None for value in values)} of {len(values)} arrived"
    mean, *ends = (number(value) for value in records.spread(values))
    return f"{mean} {unit}".strip() + (f" ({ends[0]} to {ends[1]})" if len(values) > 1 else "")


def ratio(record: dict) -> str:
    """The means' ratio, and the lowest and highest of a seed's own."""
    beside, ours = record["beside"], record["ours"]
    if beside is None or None in beside + ours:
        return "-"
    each = [one / other for one, other in zip(beside, ours, strict=True)]
    ends = f" ({number(min(each))} to {number(max(each))})" if len(each) > 1 else ""
    return number(sum(beside) / sum(ours)) + ends


def table(rows: list[dict]) -> str:
    """All records as Markdown, and below them which labs were measured on which machine."""
    lines, labs_on = [HEADER, "|---|---|---|---|---|---|"], {}
    for row in rows:
        cells = [cell(row[side], row["unit"]) for side in ("beside", "ours")]
        cells = [row["lab"], row["name"], *cells, ratio(row), str(len(row["ours"]))]
        lines.append(f"| {' | '.join(cells)} |")
        labs_on.setdefault(machine.words(row["machine"]), {})[row["lab"]] = None
    measured = [
        f"lab{'s' * (len(labs) > 1)} {', '.join(labs)} on {words}"
        for words, labs in labs_on.items()
    ]
    return "\n".join([*lines, "", f"Measured: {'; '.join(measured)}."])


def renew_readme(text: str, rows: list[dict]) -> str:
    """The README with another table in the place of its table and the line on machines."""
    before, _, rest = text.partition(HEADER)
    return before + table(rows) + "\n\n" + rest.split("\n\n", 2)[2]


def finish(labs: list[str]) -> None:
    """Renew table and chart, and say so."""
    rows = records.load(records.RESULTS)
    README.write_text(renew_readme(README.read_text("utf-8"), rows), "utf-8")
    chart.save(chart.draw(records.load(records.HISTORY) + rows), CHART)
    print(table([row for row in rows if row["lab"] in labs]))
    print("All of this is measured: to measure a lab again, delete its records from results.json.")


def main() -> None:
    """Measure one seed of one lab and start again, or finish where nothing is missing."""
    lab = os.environ.get("GDL_LAB") or ""
    labs = [name for name in LABS if name.startswith(lab)]
    if not labs:
        sys.exit(f"There is no benchmark for lab {lab}: choose one of {', '.join(LABS)}.")
    records.load(records.RESULTS)
    runtime.prepare(seed=0)
    try:
        run = next_run(labs)
        if run is None:
            return finish(labs)
        measure(*run)
    except KeyboardInterrupt:
        sys.exit("Stopped: what was measured is kept, and `make bench` goes on from there.")
    os.execv(sys.executable, [sys.executable, *sys.argv])


if __name__ == "__main__":
    main()
