"""How much may a file ask for before anything is spent on it?

A file of some kilobytes can claim gigabytes: a picture its pixels, an archive its members, an
address an answer without end. What is claimed is compared with the limits below first:

    FILE_BYTES         of one file, member of an archive, or answer of an address
    DECODING_BYTES     of memory while one picture is decoded; together under 300 MB
    MOST_FILES         below one folder, so that a link to the whole disk comes to an end
    memory             that the pictures asked for take, against what is free

What does not fit is refused in one sentence, on one line whatever the file's name holds.
"""

import re
from pathlib import Path

import psutil

FILE_BYTES = 50_000_000
DECODING_BYTES = 200_000_000
MOST_FILES = 1_000_000
BYTES_A_VALUE = 5  # as float32, beside the 8 bits that it is made from
NAMED = 10  # of the files that are left out; the rest are counted
CGROUP = Path("/sys/fs/cgroup")
# Control characters, line breaks of Unicode, and bytes of a name that are no UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(name: str | Path) -> str:
    """A name or path for a message: what would break or move its line becomes U+FFFD."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(name))


class NotRead(ValueError):
    """A file that cannot be read as a picture: its name, the reason, and what to do."""

    def __init__(self, name: str, reason: str, advice: str) -> None:
        super().__init__(f"{printable(name)} {reason}: {advice}.")
        self.reason = reason


def check_bytes(name: str, count: int) -> None:
    """Refuse a file that is empty or larger than any picture needs to be.

    Args:
        name: of the file, for the message.
        count: its bytes.

    Raises:
        NotRead: there are none, or over `FILE_BYTES`.
    """
    if not count:
        raise NotRead(name, "is empty", "choose another file, or copy it again")
    if count > FILE_BYTES:
        reason = f"has {count / 1e6:,.0f} MB, over {FILE_BYTES / 1e6:.0f} MB"
        raise NotRead(name, reason, "make it smaller first")


def free_bytes() -> float:
    """Memory that this process may still take; a container may have been given a part only."""
    free = psutil.virtual_memory().available
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if limit.is_file() and limit.read_text().strip() != "max":
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def check_memory(count: int, size: int) -> None:
    """Refuse an array of square colour pictures, float32, that cannot be made in memory.

    Args:
        count: how many pictures.
        size: their side in pixels.

    Raises:
        ValueError: they take more than is free; names both.
    """
    needed, free = BYTES_A_VALUE * 3 * size**2 * count, free_bytes()
    if needed > free:
        said = f"{count:,} pictures of {size} x {size} pixels take {needed / 1e9:.1f} GB of memory"
        hint = "ask for fewer of them (count) or for smaller ones (size)"
        raise ValueError(f"{said} and {free / 1e9:.1f} GB are free: {hint}.")


def named(left_out: dict[str, str]) -> str:
    """Which files were left out and why, the first `NAMED` of them by name.

    Args:
        left_out: name to reason, which begins with a verb ("is empty").
    """
    first = [f"{printable(name)} {reason}" for name, reason in list(left_out.items())[:NAMED]]
    rest = len(left_out) - len(first)
    return "; ".join(first + ([f"and {rest:,} more"] if rest else []))
