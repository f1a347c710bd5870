"""What a lab's measurement becomes in `results.json`."""


def as_rows(lab: str, measured: list[tuple]) -> list[dict]:
    """One row per measurement.

    Args:
        lab: its number, for example ``"07"``.
        measured: `(name, course, ours, unit)`; course is None where nothing stands beside ours.
    """
    return [
        {
            "lab": lab,
            "name": name,
            "course": course and round(course, 2),
            "ours": round(ours, 2),
            "ratio": course and round(course / ours, 2),
            "unit": unit,
        }
        for name, course, ours, unit in measured
    ]
