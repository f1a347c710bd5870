"""Did I get it right, and if not, what is the usual mistake?

Here stand the checks of what a learner writes at the end of a lab, one module per lab, shown by its
week's: each compares the learner's function with the right values and names the mistake it
recognises.

    exercises.week1.check_gram(my_gram)             the check, in the cell where it is written
    exercises.use(my_gram, losses.gram_matrix)      the learner's once written, else the helper's
    exercises.mine()                                which are solved

How to add an exercise
----------------------
1. Declare it in its lab's module, as :data:`helpers.exercises.lab01.GRAM` is: `lab`, `name` and
   `title`; an `oracle` from a library (scipy, scikit-learn and scikit-image are imported inside the
   function) whose parameters have the names of the learner's; `cases`, a function that returns
   the smallest first and then awkward ones (one row, one column, a batch of two, +-100, zeros);
   four or more `mistakes`. Add it to `EXERCISES` there and `check_<name>`
   above it, whose docstring begins "Lab 01: "; its week's module shows both, as week 1's does.

   - What is random comes in as an argument (`noise`), so the answer is one and the same.
   - A function that is an argument (a denoiser, a critic) works on tensors and on NumPy arrays.
   - `tensors=False` hands NumPy arrays over; do so where the lab does.
   - A loss that is trained has one small case with `gradient=True`.
   - A `Mistake` reads "This is <name>: <why>". It must not raise on any case, and must differ from
     the right answer and from every other mistake on some case; a wrong shape is a difference.
   - Functions in these modules begin with an underscore: no notebook may define what helpers do.
   - Where no helper does the same, one stands here, without the underscore, and its week's module
     shows it, as :func:`helpers.exercises.lab07.kl_to_prior`; `test_ready.py` has the list of them.

2. In the notebook, before the predictions, whose heading is "Predict, then run", stand under one
   heading, "## Your turn":

   - markdown: `**Title.**`, what to write and why, the shapes; `<details><summary>Hint</summary>`;
     `<details><summary>Solution</summary>` with the whole function in a fence of python. Empty
     lines stand around the fence, and `</details>` closes each. Names that the solution needs are
     imported by the notebook.
   - code: the function, its docstring, `...`; two empty lines; the call of its check, alone.
   - the same two cells for the second exercise;
   - markdown, a sentence; code: `name = exercises.use(my_name, helper)` for each, then the lab's
     own model trains or samples with these names in two or three seconds, and a small picture
     or a `runtime.expect` shows that it works.

3. `python -m pytest tests/exercises -k <name>`: the solution in the notebook passes, each mistake
   is named and no other, an empty body is quiet. Nothing is to be added to the tests.
"""

from collections.abc import Callable

from helpers.exercises import epilogue, progress, week1, week2, week3, week4
from helpers.exercises.checks import Exercise
from helpers.exercises.learner import is_written

ALL: tuple[Exercise, ...] = (
    *week1.EXERCISES, *week2.EXERCISES, *week3.EXERCISES, *week4.EXERCISES,
    *epilogue.EXERCISES,
)  # fmt: skip


def use(function: Callable, instead: Callable) -> Callable:
    """A learner's function once it is written, and until then another's; says which.

    Args:
        function: the learner's; it is taken when it is written, be it right or wrong.
        instead: of the helpers, of a library, or of the notebook; does the same.
    """
    name, other = (getattr(f, "__name__", type(f).__name__) for f in (function, instead))
    if is_written(function):
        print(f"Here works {name}, your own.")
        return function
    package = (getattr(instead, "__module__", None) or "").split(".")[0]
    whose = {"helpers": " of the helpers", "__main__": "", "": ""}.get(package, f" of {package}")
    print(f"{name} is not written yet: {other}{whose} works in its place.")
    return instead


def mine() -> None:
    """Print all exercises, lab by lab, and which of them were solved in this folder."""
    solved, trouble = progress.solved()
    for exercise in ALL:
        mark = "✓ solved" if f"{exercise.lab} {exercise.name}" in solved else "· open"
        print(f"{exercise.lab}  {exercise.title:<48} {mark}")
    count = sum(f"{exercise.lab} {exercise.name}" in solved for exercise in ALL)
    print(f"{count} of {len(ALL)} solved")
    if trouble:
        print(trouble)
