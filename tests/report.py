"""What a run of the tests came to: seconds of each lab, passed, failed, skipped and why.

pytest writes what it did as JUnit XML; this module adds it up. The seconds are kept in
`build/seconds.json`, apart for each number of jobs, so that the next run on this machine can say
what became slower.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parent.parent / "build"
SECONDS = FOLDER / "seconds.json"
SLOWER, AT_LEAST = 4 / 3, 3.0  # a third more than before, and more than a few seconds of noise


@dataclass
class Case:
    """One test or one cell: the file it stands in, its seconds and its outcome."""

    file: str
    seconds: float
    outcome: str  # "passed", "failed" or "skipped"
    reason: str = ""


@dataclass
class Step:
    """One command: its exit status, its seconds from start to end, its cases."""

    name: str
    code: int
    seconds: float
    cases: list[Case]

    def count(self, outcome: str) -> int:
        """How many cases came out so; a command is one case itself where it failed without any.

        That is ruff, and a pytest that ended before its first test.
        """
        found = sum(case.outcome == outcome for case in self.cases)
        if self.code and outcome == "failed":
            return max(1, found)
        return found if self.cases else int(outcome == "passed" and not self.code)


def read(path: Path) -> list[Case]:
    """The cases of a JUnit file; none where the command wrote none or was cut off in the middle."""
    if not path.is_file():
        return []
    found = []
    for node in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag: child.get("message", "") for child in node}
        outcome = "skipped" if "skipped" in kinds else "passed"
        if kinds.keys() & {"failure", "error"}:
            outcome = "failed"
        file = node.get("classname", "").removesuffix(".ipynb").split(".")[-1]
        reason = kinds.get("skipped", "")
        found.append(Case(file or node.get("name"), float(node.get("time")), outcome, reason))
    return found


def seconds_of_files(steps: list[Step], kind: str) -> dict[str, float]:
    """Each file's seconds in the steps whose name begins with `kind`, the slowest first."""
    sums = Counter()
    for step in steps:
        for case in step.cases if step.name.startswith(kind) else ():
            sums[case.file] += case.seconds
    return dict(sums.most_common())


def read_seconds(path: Path) -> dict[str, dict[str, float]]:
    """Setting to file to seconds; a file that is no such table counts as empty."""
    try:
        return {how: dict(files) for how, files in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def compare(now: dict[str, float], path: Path, how: str) -> dict[str, float]:
    """Keep these seconds; return those of the run before that had as many jobs.

    Args:
        now: file to seconds, of files that passed.
        path: of `seconds.json`; one that cannot be read is begun anew.
        how: jobs and cores, for example ``"2 jobs on 2 cores"``.
    """
    kept = read_seconds(path)
    before = kept.get(how, {})
    rounded = {file: round(seconds, 1) for file, seconds in now.items()}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept | {how: before | rounded}, indent=2) + "\n")
    return before


def lines(steps: list[Step], how: str, path: Path = SECONDS) -> list[str]:
    """The table that ends a run, line by line."""
    failed = {case.file for step in steps for case in step.cases if case.outcome == "failed"}
    labs, units = (seconds_of_files(steps, kind) for kind in ("notebooks", "unit"))
    whole = {file: s for file, s in (labs | units).items() if file not in failed}
    before = compare(whole, path, how)
    found = [f"{'lab':42} seconds, {how}"] if labs else []
    found += [f"{lab:42} {labs[lab]:7.0f}{remark(lab, whole, before)}" for lab in sorted(labs)]
    slowest = list(units)[:10]
    found += [f"{'slowest tests':42} seconds"] if units else []
    found += [f"{file:42} {units[file]:7.0f}{remark(file, whole, before)}" for file in slowest]
    found += [f"{'step':42} seconds  passed  failed  skipped"]
    outcomes = "passed", "failed", "skipped"
    for step in steps:
        counts = "".join(f"{step.count(outcome):8d}" for outcome in outcomes)
        state = "   FAILED" if step.code else ""
        found.append(f"{step.name:42} {step.seconds:7.0f}{counts}{state}")
    found += reasons(steps)
    total = {outcome: sum(step.count(outcome) for step in steps) for outcome in outcomes}
    return [*found, ", ".join(f"{count} {outcome}" for outcome, count in total.items())]


def remark(file: str, now: dict[str, float], before: dict[str, float]) -> str:
    """Words for a file that became slower by a third or more."""
    seconds, old = now.get(file, 0.0), before.get(file)
    if old is None or seconds < max(SLOWER * old, old + AT_LEAST):
        return ""
    return f"   slower: {old:.0f} s before"


def reasons(steps: list[Step]) -> list[str]:
    """Why tests were skipped, each reason once."""
    skipped = Counter(
        (step.name, case.reason)
        for step in steps
        for case in step.cases
        if case.outcome == "skipped"
    )
    return [f"skipped: {count} of {name}: {why}" for (name, why), count in skipped.items()]
