"""What happens when a function that somebody else wrote is called?

Anything: it raises, prints instead of returning, changes what it was given, or never ends. Each
call here runs in a thread of its own, so that it can be given up, and ends in an answer or in one
sentence about what went wrong, never in a traceback through our code.
"""

import contextlib
import copy
import ctypes
import dis
import inspect
import io
import linecache
import re
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

TIME_LIMIT = 2.5  # seconds that all calls of one check may take together
LONGEST = 200  # characters of a message or of printed text that are shown
DOES_NOTHING = {"RESUME", "NOP", "COPY_FREE_VARS", "RETURN_VALUE", "LOAD_CONST", "RETURN_CONST"}


class TimeUp(SystemExit):
    """Raised inside a call that took too long; a thread ends on it without a word."""


class Attempt(NamedTuple):
    """What one call left behind: an answer, or else a sentence about its trouble."""

    answer: Any
    printed: str
    trouble: str


def is_written(function: Callable) -> bool:
    """Whether a function's body does anything; a docstring, `...`, `pass` and `return` do not."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return True
    steps = list(dis.get_instructions(code))
    constants = [step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    idle = all(step.opname in DOES_NOTHING for step in steps)
    return not idle or any(value is not None and value is not ... for value in constants)


def refusal(function: Any, arguments: Sequence[str]) -> str:
    """A sentence where something can not be called with these arguments; empty where it can."""
    if not callable(function):
        kind = type(function).__name__
        return (
            f"This is of type {kind} and no function: write its name, without brackets behind it."
        )
    given = ", ".join(arguments)
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return f"It will be called with ({given}), which yours does not take: {error}."
    except ValueError:  # some functions written in C do not tell what they take
        pass
    return ""


def prepare(argument: Any, as_tensor: bool) -> Any:
    """A copy of an argument as a learner's function gets it: 32-bit floats, as tensor or array."""
    if isinstance(argument, list | tuple):
        return type(argument)(prepare(part, as_tensor) for part in argument)
    if not isinstance(argument, np.ndarray):
        return copy.deepcopy(argument)
    floating = np.issubdtype(argument.dtype, np.floating)
    array = argument.astype("float32") if floating else argument.copy()
    return tf.constant(array) if as_tensor else array


def attempt(function: Callable, arguments: Sequence[Any], seconds: float) -> Attempt:
    """Attempt a function, in a thread that is stopped when its time is up.

    A Python loop can be stopped. One long step inside a library can not: the call is given up, and
    the thread runs on until that step ends or the kernel is restarted.
    """
    kept, outcome, printed = copy.deepcopy(arguments), {}, io.StringIO()

    def work() -> None:
        try:
            with np.errstate(all="ignore"):  # the answer tells of NaN
                outcome["answer"] = function(*arguments)
        except BaseException as error:  # whatever it is, it is theirs, and is shown
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    with contextlib.redirect_stdout(printed):
        thread.start()
        try:
            thread.join(seconds)
        finally:
            ended, stopped = not thread.is_alive(), _stop(thread)
    trouble = _trouble(function, arguments, kept, outcome) if ended else _too_long(stopped)
    return Attempt(outcome.get("answer"), printed.getvalue(), trouble)


def _stop(thread: threading.Thread) -> bool:
    """Raise :class:`TimeUp` in a thread, a few times as it may be caught; whether it ended."""
    for _ in range(8):
        if not thread.is_alive():
            break
        identity = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(TimeUp))
        thread.join(0.05)
    return not thread.is_alive()


def _too_long(stopped: bool) -> str:
    still = "" if stopped else " It still runs: restart the kernel to be rid of it."
    return f"Your function took longer than {TIME_LIMIT:g} s: does each loop in it end?{still}"


def _trouble(function: Callable, arguments: Any, kept: Any, outcome: dict[str, Any]) -> str:
    """A sentence on a call that ended, in the order in which a learner should hear of it."""
    if "error" in outcome:
        return _as_theirs(function, outcome["error"])
    for before, after in zip(kept, arguments, strict=True):
        if not _same(before, after):
            return "Your function changes the array that it is given: work on a copy of it."
    return ""


def _same(before: Any, after: Any) -> bool:
    """Whether an array, or a list of arrays, is what it was; of anything else nothing is known."""
    if isinstance(before, list):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(_same(*pair) for pair in pairs)
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and before.tobytes() == after.tobytes()
    return True


def _as_theirs(function: Callable, error: BaseException) -> str:
    """An exception as its author should read it: what it says and which of their lines it left."""
    said = re.sub(r"\{\{.*?\}\} ?| ?\[Op:.*", "", str(error).strip().split("\n")[0])[:LONGEST]
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = code.co_filename if code else ""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file
    ]
    sentence = f"Your function raised {type(error).__name__}: {said}".rstrip(": ")
    if not frames:
        return sentence
    number = frames[-1].lineno or 0
    line = linecache.getline(file, number).strip()
    return f"{sentence}, in line {number}: `{line}`" if line else f"{sentence}, in line {number}"
