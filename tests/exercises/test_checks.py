"""Functions that make no sense: each gets a sentence, and none a traceback, a hang or a tick."""

import ast
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT

from helpers import exercises, layers, losses
from helpers.exercises import checks, lab01, learner, progress

pytestmark = pytest.mark.usefixtures("exercise_folder")

ROOM = ROOT / "helpers" / "exercises"
GRAM, VARIATION = lab01.GRAM, lab01.TOTAL_VARIATION


def _first_and_last(values, scale):
    return values[0] * scale, values[-1] * scale


def _cases():
    pair, more = np.array([1.0, 3.0]), np.random.default_rng(0).normal(size=20)
    return [checks.Case("two numbers", (pair, 2)), checks.Case("twenty", (more, 1))]


SWAPPED = checks.Mistake(
    "the last before the first", lambda values, scale: _first_and_last(values[::-1], scale), "Turn."
)
ARRAYS = checks.Exercise("01", "ends", "Ends", _first_and_last, _cases, (SWAPPED,), tensors=False)


@pytest.fixture
def impatient(monkeypatch):
    """Less patience than a learner gets, for what never ends."""
    monkeypatch.setattr(learner, "TIME_LIMIT", 0.5)


def raises(values):
    wrong = values + 1
    return {}["key"] + wrong


def forgets(values):
    values = losses.gram_matrix(values)


def only_prints(values):
    print("done", 3)


def needs_more(values, weights, axis):
    return values


def never_ends(values):
    while True:
        values = values + 0.0


def never_ends_nor_listens(values):
    while not released.is_set():
        try:
            released.wait(0.001)
        except BaseException:
            continue


def ends_itself(values):
    sys.exit("enough")


def calls_itself(values):
    return calls_itself(values)


released = threading.Event()
LINE = raises.__code__.co_firstlineno + 2
NONSENSE = {
    f"raised KeyError: 'key', in line {LINE}: `return {{}}[\"key\"] + wrong`": raises,
    "returned None: is a `return` missing": forgets,
    'It printed "done 3", but printing is not returning.': only_prints,
    "will be called with (": needs_more,
    "raised SystemExit: enough": ends_itself,
    "raised RecursionError: maximum recursion": calls_itself,
    "returns a str, and must return an array of numbers": lambda values: "a matrix",
    "returns a dict, and": lambda values: {"gram": values},
    "returns a list, and": lambda values: [[1.0, 2.0], [3.0]],
    "returns a KerasTensor, and": lambda values: keras.Input((2,)),
    "yours has shape (7, 3), and must have": lambda values: np.zeros((7, 3)),
    "of type int and no function": 5,
    "of type NoneType and no function": None,
}


@pytest.mark.parametrize("exercise", [GRAM, VARIATION], ids=lambda e: e.name)
@pytest.mark.parametrize(
    ("sentence", "function"), NONSENSE.items(), ids=[sentence[:30] for sentence in NONSENSE]
)
def test_nonsense_gets_its_sentence(exercise, sentence, function):
    said = exercise.check(function)
    assert said.startswith(f"✗ {exercise.title}: ") and sentence in f"{said}\n"
    assert "Traceback" not in said and "helpers" not in said and " at 0x" not in said
    assert "This is the" not in said and not progress.solved()[0]


@pytest.mark.parametrize("helper", [losses.gram_matrix, losses.total_variation])
def test_numbers_that_are_none_and_digits_that_are_cut_off_are_pointed_out(helper):
    exercise = GRAM if helper is losses.gram_matrix else VARIATION
    nan = exercise.check(lambda values: helper(values) * np.nan)
    assert "yours holds NaN or infinity" in nan
    whole = exercise.check(lambda values: tf.cast(helper(values) + 0.6, "int32"))
    assert "yours are whole numbers (int32): were digits cut off?" in whole


def test_an_int_is_of_the_wrong_shape_or_a_wrong_number():
    assert "yours has shape (), and must have (1, 2, 2)" in GRAM.check(lambda values: 5)
    assert "yours = 5\n    right = 0.5" in VARIATION.check(lambda values: 5)


@pytest.mark.parametrize("exercise", [GRAM, VARIATION], ids=lambda e: e.name)
def test_a_loop_that_never_ends_is_stopped_and_leaves_no_thread(exercise, impatient):
    before = set(threading.enumerate())
    assert "took longer than 0.5 s: does each loop in it end?\n" in exercise.check(never_ends)
    assert set(threading.enumerate()) <= before


def test_a_call_that_can_not_be_stopped_is_given_up(impatient):
    try:
        said = GRAM.check(never_ends_nor_listens)
    finally:
        released.set()
    assert "took longer" in said and "restart the kernel to be rid of it" in said


def test_a_call_outside_the_main_thread_is_stopped_as_well(impatient):
    said = []
    thread = threading.Thread(target=lambda: said.append(GRAM.check(never_ends)))
    thread.start()
    thread.join(20)
    assert "took longer" in said[0]


def test_what_is_printed_afterwards_is_seen_again(capsys, impatient):
    GRAM.check(never_ends)
    GRAM.check(only_prints)
    print("after")
    assert capsys.readouterr().out == "after\n"


def test_right_by_luck_on_one_case_is_wrong():
    said = GRAM.check(lambda features: tf.constant([[[1.0, 1.0], [1.0, 2.0]]]))
    assert "right for 1 of 5 examples. The first that fails:\n  one position, 3 channels" in said
    said = VARIATION.check(lambda images: 0.5)
    assert "right for 1 of 5 examples. The first that fails:\n  one even colour" in said


def test_a_function_that_changes_what_it_is_given_is_told_so():
    def changing(values, scale):
        values *= scale
        return values[0], values[-1]

    assert "changes the array that it is given: work on a copy" in ARRAYS.check(changing)


def test_several_things_are_compared_one_by_one():
    right = lambda values, scale: [values[0] * scale, np.float64(values[-1] * scale)]  # noqa: E731
    assert ARRAYS.check(right).startswith("✓ Ends: right for two numbers; twenty.")
    assert "must return 2 things" in ARRAYS.check(lambda values, scale: values[0])
    three = ARRAYS.check(lambda values, scale: (1, 2, 3))
    assert "returns 3 things, and must return 2" in three
    said = ARRAYS.check(lambda values, scale: (values[0] * scale, 0.0))
    assert "values = [1, 3]\n    scale = 2\n    yours = 0 (part 2 of 2)" in said
    assert "\n  This is the last before the first: Turn." in ARRAYS.check(SWAPPED.compute)


def test_of_a_large_answer_the_worst_entry_is_shown():
    answer, right = np.zeros((4, 5)), np.zeros((4, 5))
    answer[1, 2], answer[3, 4] = 1.0, -2.0
    assert checks.describe_difference(answer, right) == ["at [3, 4] yours = -2, right = 0"]
    answer[0, 1] = np.nan
    assert checks.describe_difference(answer, right)[0] == "at [0, 1] yours = nan, right = 0"


def test_right_numbers_without_a_gradient_are_not_enough():
    def with_numpy(features):
        return np.array(losses.gram_matrix(features))

    def half_stopped(features):
        stopped = tf.stop_gradient(features)
        positions = features.shape[1] * features.shape[2]
        return tf.einsum("bhwc,bhwd->bcd", features, stopped) / positions

    def fails_in_a_tape(features):
        if calls.pop():
            raise ValueError("here")
        return losses.gram_matrix(features)

    calls = [True] + [False] * len(GRAM.cases())
    assert "raised ValueError: here, in line" in GRAM.check(fails_in_a_tape)
    assert "no gradient comes through" in GRAM.check(with_numpy)
    assert "right for 0 of 1 gradients" in GRAM.check(half_stopped)


def test_finite_differences_are_the_gradient_of_every_array():
    arguments = np.array([1.0, 2.0]), np.array([3.0, -1.0]), "text"
    first, second = checks.slope_of_oracle(lambda a, b, _: a**2 * b, arguments)
    weights = np.cos([0, 1])
    np.testing.assert_allclose(first, 2 * arguments[0] * arguments[1] * weights, atol=1e-6)
    np.testing.assert_allclose(second, arguments[0] ** 2 * weights, atol=1e-6)


@pytest.mark.parametrize("wrap", [tf.function, lambda f: f], ids=["compiled", "plain"])
def test_whatever_can_be_called_is_checked(wrap):
    assert VARIATION.check(wrap(losses.total_variation)).startswith("✓ Total variation")


def test_a_body_is_written_once_it_does_something():
    def documented(x):
        """What it does."""

    def passes(x):
        pass

    def returns_nothing(x):
        """What it does."""
        return

    def computes(x):
        x = x + 1

    def constant(x):
        return 0

    empty = documented, passes, returns_nothing, lambda x: ...
    assert not any(learner.is_written(function) for function in empty)
    assert all(learner.is_written(f) for f in (computes, constant, raises, np.sum, len))


def test_the_helper_works_until_there_is_something_written(capsys):
    def my_gram(features):
        """Nothing yet."""
        ...

    assert exercises.use(my_gram, losses.gram_matrix) is losses.gram_matrix
    said = "my_gram is not written yet: gram_matrix of the helpers works in its place.\n"
    assert capsys.readouterr().out == said
    assert exercises.use(raises, losses.gram_matrix) is raises
    assert capsys.readouterr().out == "Here works raises, your own.\n"


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        (layers.AdaIN(), "AdaIN of the helpers"),
        (np.linalg.norm, "norm of numpy"),
        (type(only_prints)(only_prints.__code__, {"__name__": "__main__"}), "only_prints"),
    ],
    ids=["helper", "library", "notebook"],
)
def test_what_works_in_its_place_is_named_with_its_origin(instead, said, capsys):
    assert exercises.use(lambda x: ..., instead) is instead
    expected = f"<lambda> is not written yet: {said} works in its place.\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_importing_the_exercises_loads_no_oracle(path):
    """Beyond TensorFlow and NumPy, which every lab has: an oracle is imported when it is asked."""
    roots = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(node.module.split(".")[0])
    assert roots - set(sys.stdlib_module_names) <= {"numpy", "tensorflow", "keras", "helpers"}
