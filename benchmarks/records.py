"""Where measurements are kept: the present ones in `results.json`, earlier ones in `history.json`.

A record is one row of the table, measured on one machine with one state of the code:

    ours        one number for each seed, in order; null where the goal was never reached
    beside      the same of what stands beside ours; null where nothing does
    commit      the last one when its measuring began, for people; a + where files differed from it
    code        fingerprint of all that could change a number, see `machine.code`
    machine     processor, threads, AVX-512, TensorFlow

Both files are replaced whole, so that a run which is killed leaves none in halves.
"""

import json
import math
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS, HISTORY = HERE / "results.json", HERE / "history.json"
KEYS = {"lab", "name", "unit", "measured_by", "ours", "beside", "date", "commit", "code", "machine"}


def load(path: Path) -> list[dict]:
    """The records in a file; a file that holds something else ends the program with a sentence."""
    if not path.exists():
        return []
    try:
        records = json.loads(path.read_text("utf-8"))
        whole = isinstance(records, list) and all(is_record(record) for record in records)
    except ValueError:
        whole = False
    if not whole:
        name = f"benchmarks/{path.name}"
        sys.exit(f"{name} is damaged: `git checkout {name}` brings back the committed one.")
    return records


def is_record(value) -> bool:
    """Whether it is a record, with all that belongs to one."""
    return isinstance(value, dict) and set(value) == KEYS and isinstance(value["ours"], list)


def save(path: Path, records: list[dict]) -> None:
    """Write all records, one to a line, and only then put them in the place of the old ones."""
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    part = path.with_suffix(".part")
    part.write_text(f"[\n{lines}\n]\n", "utf-8")
    os.replace(part, path)


def retire(lab: str, sitting: dict) -> None:
    """Append to the history what a lab's records hold of other code or another machine."""
    present, history = load(RESULTS), load(HISTORY)
    same = ("code", "machine")
    old = [r for r in present if r["lab"] == lab and any(r[key] != sitting[key] for key in same)]
    if old:
        save(HISTORY, history + [record for record in old if record not in history])
        save(RESULTS, [record for record in present if record not in old])


def missing(lab: str, module) -> list[tuple]:
    """What is still to be measured: seeds and functions of the lab's module, in order."""
    done = {r["measured_by"]: len(r["ours"]) for r in load(RESULTS) if r["lab"] == lab}
    wanted = [(seed, f) for seed in range(module.SEEDS) for f in module.MEASUREMENTS]
    wanted += [(0, function) for function in getattr(module, "ONCE", ())]
    wanted.sort(key=lambda pair: pair[0])
    return [(seed, f) for seed, f in wanted if done.get(f.__name__, 0) <= seed]


def add(lab: str, function, seed: int, measured: list[tuple], sitting: dict) -> None:
    """Keep all rows that a function measured with a seed.

    Args:
        lab: its number, for example ``"07"``.
        function: of the lab's module, which measured them.
        seed: with which.
        measured: `(name, beside, ours, unit)`; beside is None where nothing stands beside ours,
            and a number that is not finite says that the goal was never reached.
        sitting: date, commit, code and machine.
    """
    records, by = load(RESULTS), function.__name__
    own = {r["name"]: r for r in records if (r["lab"], r["measured_by"]) == (lab, by)}
    names = [name for name, *_ in measured]
    if not names or (own and names != list(own)):
        raise ValueError(f"Lab {lab}, {by}: rows {names} with seed {seed}, before {list(own)}.")
    for name, beside, ours, unit in measured:
        if name not in own:
            fresh = {"lab": lab, "name": name, "unit": unit, "measured_by": by, "ours": []}
            own[name] = {**fresh, "beside": None if beside is None else [], **sitting}
            records.append(own[name])
        own[name]["ours"].append(_kept(ours))
        if beside is not None:
            own[name]["beside"].append(_kept(beside))
    save(RESULTS, sorted(records, key=lambda record: record["lab"]))


def _kept(value: float) -> float | None:
    """Four digits of a number, which is all that a time is good for; None if not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def spread(values: list[float | None]) -> tuple[float, float, float]:
    """Mean, lowest and highest; all nan where not every seed reached the goal."""
    if None in values:
        return math.nan, math.nan, math.nan
    return sum(values) / len(values), min(values), max(values)
