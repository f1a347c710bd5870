"""Is it right, and if not, is it a mistake that we know?

    oracle      the right answer, from a library that we did not write where there is one
    case        arguments and what they are called; the smallest comes first
    mistake     a function that goes wrong in a known way, and what to say of it

A learner's answers are compared with the oracle's over all cases. Where they differ, the first case
that differs is shown; where they are those of a mistake over all cases, the mistake is named.
"""

import copy
import functools
import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from helpers.exercises import learner, progress

STEP = 1e-5  # of finite differences, in float64
SHOWN = 12  # numbers that are written out; of a larger array the worst is
Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Case:
    """One example.

    Args:
        name: what it is, for a sentence such as "right for one pixel; 2 x 3 positions".
        arguments: NumPy arrays, lists of them, numbers, text or functions. Floats are float64: so
            the oracle gets them; a learner's function and the mistakes get 32 bits.
        gradient: whether the gradient in every float array is compared as well, with finite
            differences of the oracle: two calls for each entry, so take a small case, away from
            kinks, in an exercise of tensors.
    """

    name: str
    arguments: tuple
    gradient: bool = False


@dataclass(frozen=True)
class Mistake:
    """A known way to go wrong.

    Args:
        name: short, the end of "This is ...", for example "the sum over positions".
        compute: what somebody who makes it would write; takes what the learner's function takes.
        why: one sentence, what follows from it and what to do.
    """

    name: str
    compute: Callable
    why: str


@dataclass(frozen=True)
class Exercise:
    """One thing to write.

    Args:
        lab: its number, ``"01"``.
        name: of its check in its week's module, ``"gram"`` for ``check_gram``.
        title: as the list of exercises shows it.
        oracle: the right answer, an array, a number or a tuple of these; its parameters have the
            names of the learner's.
        cases: makes the cases, smallest first; the second half should be awkward on purpose.
        mistakes: at least four where there are as many; each differs from the right answer and
            from the other mistakes in some case.
        tolerance: largest difference allowed, as a share of the largest right number.
        tensors: whether the function gets TensorFlow tensors, or else NumPy arrays.
    """

    lab: str
    name: str
    title: str
    oracle: Callable
    cases: Callable[[], list[Case]]
    mistakes: tuple[Mistake, ...]
    tolerance: float = 1e-4
    tensors: bool = True

    def check(self, function: Callable) -> str:
        """What to tell the author of a function; a right one is remembered as solved."""
        refused = learner.refusal(function, list(inspect.signature(self.oracle).parameters))
        if refused:
            return f"✗ {self.title}: {refused}"
        if not learner.is_written(function):
            return f"{self.title}: not written yet."
        cases = self.cases()
        rights = [as_arrays(answer) for answer in self._answers_of_oracle(cases)]
        deadline = time.monotonic() + learner.TIME_LIMIT
        fault = self._fault(function, cases, rights, _itself, deadline)
        sloped = [case for case in cases if case.gradient]
        if not fault and sloped:
            slopes = [slope_of_oracle(self.oracle, case.arguments) for case in sloped]
            fault = self._fault(function, sloped, slopes, gradient_of, deadline)
        return f"✗ {self.title}: {fault}" if fault else self._praise(cases, sloped)

    def _answers_of_oracle(self, cases: list[Case]) -> list[Any]:
        return [self.oracle(*copy.deepcopy(case.arguments)) for case in cases]

    def _praise(self, cases: list[Case], sloped: list[Case]) -> str:
        """The tick, what was tried, and where remembering it failed."""
        tried = "; ".join(case.name for case in cases)
        slope = f"; its gradient for {', '.join(case.name for case in sloped)}" if sloped else ""
        noted = progress.note(f"{self.lab} {self.name}")
        return f"✓ {self.title}: right for {tried}{slope}.\n{noted}".rstrip()

    def _fault(
        self, function: Callable, cases: list[Case], rights: list[Arrays], transform: Callable,
        deadline: float,
    ) -> str:  # fmt: skip
        """What is wrong over some cases, of the answers or of their gradients; empty if nothing."""
        answers: list[Arrays] = []
        trouble = ""
        for case, right in zip(cases, rights, strict=True):
            seconds = max(deadline - time.monotonic(), 0.01)
            given = [learner.prepare(argument, self.tensors) for argument in case.arguments]
            done = learner.attempt(transform(function), given, seconds)
            trouble = done.trouble or _unreadable(done, len(right), transform)
            if trouble:
                trouble = f"{trouble}\n  Tried: {case.name}."
                break
            answers.append(as_arrays(done.answer, len(right)))
        compared = list(zip(cases, answers, rights, strict=False))
        wrong = [number for number, (_, *pair) in enumerate(compared) if not self._agree(*pair)]
        if not wrong:
            return trouble
        known = self._mistake(cases, answers, transform) if len(answers) == len(cases) else ""
        what = "gradients" if transform is gradient_of else "examples"
        score = (
            f"right for {len(answers) - len(wrong)} of {len(cases)} {what}. The first that fails:"
        )
        return "\n".join([score, *self._shown(*compared[wrong[0]]), known]).rstrip()

    def _agree(self, answer: Arrays, right: Arrays) -> bool:
        """Whether answers have the shapes and, within the tolerance, the numbers of others."""
        return all(
            one.shape == other.shape
            and np.allclose(one, other, rtol=0, atol=self.tolerance * _size(other), equal_nan=True)
            for one, other in zip(answer, right, strict=True)
        )

    def _mistake(self, cases: list[Case], answers: list[Arrays], transform: Callable) -> str:
        """The sentence of the mistake that gives these answers; empty where none does."""
        for mistake in self.mistakes:
            for case, answer in zip(cases, answers, strict=True):
                given = [learner.prepare(argument, self.tensors) for argument in case.arguments]
                with np.errstate(all="ignore"):
                    theirs = transform(mistake.compute)(*given)
                if theirs is None or not self._agree(answer, as_arrays(theirs, len(answer))):
                    break
            else:
                return f"  This is {mistake.name}: {mistake.why}"
        return ""

    def _shown(self, case: Case, answer: Arrays, right: Arrays) -> list[str]:
        """The failing example: its arguments, and both numbers."""
        names = inspect.signature(self.oracle).parameters
        given = [_show(*pair) for pair in zip(names, case.arguments, strict=False)]
        lines = [f"  {case.name}", *(f"    {line}" for line in given)]
        pairs = list(zip(answer, right, strict=True))
        number, (mine, wanted) = next(
            (n, pair) for n, pair in enumerate(pairs) if not self._agree([pair[0]], [pair[1]])
        )
        which = f" (part {number + 1} of {len(pairs)})" if len(pairs) > 1 else ""
        return [*lines, *(f"    {line}{which}" for line in describe_difference(mine, wanted))]


def as_arrays(answer: Any, parts: int = 0) -> Arrays:
    """An answer as arrays.

    Args:
        answer: a tensor, an array, a number, or several.
        parts: how many there are to be; 0 is as many as there are, several being a tuple.

    Raises:
        ValueError: one sentence on what it is instead.
    """
    several = isinstance(answer, tuple) if parts == 0 else parts > 1
    if several and not isinstance(answer, tuple | list):
        raise ValueError(f"Your function must return {parts} things, as in `return a, b`.")
    found = list(answer) if several else [answer]
    if parts and len(found) != parts:
        raise ValueError(f"Your function returns {len(found)} things, and must return {parts}.")
    arrays = []
    for part in found:
        try:
            array = np.asarray(part)
        except (ValueError, TypeError, NotImplementedError):
            array = np.asarray(None)
        if array.dtype.kind not in "fiub":
            kind = type(part).__name__
            raise ValueError(
                f"Your function returns a {kind}, and must return an array of numbers."
            )
        arrays.append(array)
    return arrays


def _unreadable(done: learner.Attempt, parts: int, transform: Callable) -> str:
    """A sentence where an answer is nothing that could be right or wrong."""
    if done.answer is None and transform is gradient_of:
        hint = "use TensorFlow's or Keras's operations from beginning to end, not NumPy's"
        return f"The numbers are right, but no gradient comes through: {hint}."
    if done.answer is None:
        said = done.printed.strip().split("\n")[0][: learner.LONGEST]
        printed = f' It printed "{said}", but printing is not returning.' if said else ""
        return f"Your function returned None: is a `return` missing at its end?{printed}"
    try:
        as_arrays(done.answer, parts)
    except ValueError as error:
        return str(error)
    return ""


def _size(right: np.ndarray) -> float:
    """The largest finite number, by which a difference is measured; 1 where all are about 0."""
    largest = np.max(np.abs(right, where=np.isfinite(right), out=np.zeros(right.shape)), initial=0)
    return float(largest) if largest > 1e-6 else 1.0


def _numbers(values: np.ndarray) -> str:
    """Numbers on one line."""
    text = np.array2string(values, separator=", ", formatter={"float_kind": "{:.4g}".format})
    return " ".join(text.split())


def _show(name: str, argument: Any) -> str:
    """An argument, written out where it is small."""
    if isinstance(argument, np.ndarray) and argument.size > SHOWN:
        return f"{name} of shape {argument.shape}"
    if isinstance(argument, np.ndarray):
        return f"{name} = {_numbers(argument)}"
    if isinstance(argument, list | tuple):
        return f"{name}, a {type(argument).__name__} of {len(argument)}"
    return f"{name} = {getattr(argument, '__name__', argument)}"


def describe_difference(answer: np.ndarray, right: np.ndarray) -> list[str]:
    """How an answer differs from the right one: in its shape, or in its numbers."""
    if answer.shape != right.shape:
        return [f"yours has shape {answer.shape}, and must have {right.shape}"]
    lines = [f"yours = {_numbers(answer)}", f"right = {_numbers(right)}"]
    if right.size > SHOWN:
        off = np.nan_to_num(np.abs(answer.astype("float64") - right), nan=np.inf)
        worst = tuple(int(place) for place in np.unravel_index(np.argmax(off), off.shape))
        mine, wanted = float(answer[worst]), float(right[worst])
        lines = [f"at {list(worst)} yours = {mine:.4g}, right = {wanted:.4g}"]
    if answer.dtype.kind in "iub" and right.dtype.kind == "f":
        lines.append(f"yours are whole numbers ({answer.dtype}): were digits cut off?")
    if not np.isfinite(answer).all() and np.isfinite(right).all():
        lines.append("yours holds NaN or infinity: a division by 0, a log of 0, or an overflow?")
    return lines


def _itself(function: Callable) -> Callable:
    return function


def _weights(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers, none of them alike, by which the entries of an answer are weighed and added."""
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)


def gradient_of(function: Callable) -> Callable:
    """The gradient of a function's weighed answer in all floats that it gets; None without one."""

    @functools.wraps(function)  # so that what goes wrong in it is still known as the learner's
    def compute(*arguments: Any) -> Any:
        flat = [part for part in tf.nest.flatten(arguments) if tf.is_tensor(part)]
        floats = [part for part in flat if part.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floats)
            parts = tf.nest.flatten(function(*arguments))
            if not all(tf.is_tensor(part) for part in parts):
                return None
            pairs = [(part, tf.cast(_weights(part.shape), part.dtype)) for part in parts]
            total = tf.add_n([tf.cast(tf.reduce_sum(a * b), "float64") for a, b in pairs])
        found = list(zip(tape.gradient(total, floats), floats, strict=True))
        if all(slope is None for slope, _ in found):
            return None
        slopes = [tf.zeros_like(x) if slope is None else slope for slope, x in found]
        return tuple(slopes) if len(slopes) > 1 else slopes[0]

    return compute


def slope_of_oracle(oracle: Callable, arguments: Sequence[Any]) -> Arrays:
    """The same by central finite differences, in float64."""
    arguments = copy.deepcopy(arguments)

    def weighed() -> float:
        parts = as_arrays(oracle(*copy.deepcopy(arguments)))
        return float(sum(np.sum(part * _weights(part.shape)) for part in parts))

    found = []
    for array in tf.nest.flatten(arguments):
        if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
            continue
        slope = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + STEP
            above = weighed()
            array[place] = kept - STEP
            slope[place] = (above - weighed()) / (2 * STEP)
            array[place] = kept
        found.append(slope)
    return found
