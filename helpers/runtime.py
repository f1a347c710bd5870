"""Where does this run, and will it give the same numbers tomorrow?

TensorFlow reads its settings when it is first imported, so this module sets them at import
and imports TensorFlow only inside functions.

    oneDNN      on: it is off by default on some CPUs and on on others
    threads     as many as this process may use: a fixed count gives bit-identical runs
    graphs      without `dependency_optimization`, which orders sums now one way, now another: with
                it one run in fifteen of a GAN under R1 differed by 1e-4, without it none of 390
    GPU         memory as it is needed, not all at once: two kernels can share one; whole float32
                instead of TensorFloat-32, so that formulas agree to more than three digits
    log level   errors only: the C++ log lines differ from machine to machine

Variables that are already set win, so a kernelspec or a shell can overrule each default.

Two words are used by every lab:

    prepare     seeds everything and says which device is used; `layers_draw_from` seeds the layers
                of one block of code alone
    expect      a measured number, the number it should be, and how far apart they may be;
                `expect_at_least` and `expect_at_most` where the claim has one side

On a learner's own pictures a lab's numbers are others: after `own_pictures` they are shown beside
ours, and nothing stops; and what a lab would load, it makes on them.
"""

import contextlib
import math
import numbers
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder

import joblib

CORES = joblib.cpu_count()  # as the machine, its scheduler and the container's quota allow
ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_NUM_INTRAOP_THREADS": str(CORES),
    "TF_NUM_INTEROP_THREADS": str(CORES),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "KERAS_BACKEND": "tensorflow",
}
for _name, _default in ENVIRONMENT.items():
    os.environ.setdefault(_name, _default)

if "tensorflow" in sys.modules:
    print("Import helpers before tensorflow: its settings could not be applied.", file=sys.stderr)


def _warn_of_namesake() -> None:
    """Say which `helpers` this is where the working folder holds a learner's own of that name."""
    other = PathFinder.find_spec("helpers", [""])
    ours = sys.modules["helpers"].__file__
    if other and other.origin and not os.path.samefile(other.origin, ours):
        print(f"`helpers` is the labs' own, not {other.origin}: rename that one.", file=sys.stderr)


def _warn_of_copy() -> None:
    """Say so where `helpers` was installed alone, and so without checkpoints and pictures."""
    project = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not os.path.isdir(os.path.join(project, "checkpoints")):
        hint = "run `pip install -e .` in the project's folder"
        print(f"These helpers lack the labs' checkpoints and pictures: {hint}.", file=sys.stderr)


_warn_of_namesake()
_warn_of_copy()


@contextlib.contextmanager
def _muted_log():
    """Send C++ log lines nowhere: TensorFlow prints some before it reads its log level."""
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)


def prepare(seed: int, logical_cpus: int = 1) -> None:
    """Load TensorFlow without its log lines, seed everything, and print the device line.

    Call it in the first cell of a notebook, before other imports: on one machine, with one thread
    count, the same seed then gives the same numbers run after run.

    Args:
        seed: any integer of 32 bits, 0 or more.
        logical_cpus: devices to make of the CPU, to try out on one machine what needs several.

    Raises:
        ValueError: no such seed, or number of devices.
        RuntimeError: TensorFlow already runs, too late to divide the CPU; or the kernel asks for a
            GPU (`GDL_DEVICE=gpu`) and TensorFlow sees none.
    """
    seed = check_seed(seed)
    check_count(logical_cpus=logical_cpus)
    with _muted_log():
        import keras
        import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if os.environ.get("GDL_DEVICE") == "gpu" and not gpus:
        raise RuntimeError(
            "This kernel is for a GPU and TensorFlow sees none: check nvidia-smi, install the GPU "
            "build (README, 'On a GPU'), or choose the kernel gdl-cpu."
        )
    if logical_cpus > 1:
        _divide_cpu(tf, logical_cpus)
    own_pictures(None)
    keras.config.set_image_data_format("channels_last")  # whatever the user's keras.json says
    keras.config.set_floatx("float32")
    keras.utils.set_random_seed(seed)
    tf.config.optimizer.set_experimental_options({"dependency_optimization": False})
    if gpus:
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)  # ten bits of mantissa
    threads = os.environ["TF_NUM_INTRAOP_THREADS"]
    device = f"CPU, {threads} thread{'' if threads == '1' else 's'}"
    device = f"{len(gpus)} GPU" if gpus else device
    versions = f"TensorFlow {tf.__version__} · Keras {keras.__version__}"
    print(f"Device: {device} · {versions} · seed {seed}")


class _LayerSeeds(threading.local):
    """Where a layer that is given no seed gets one: a generator of this thread, or Python's."""

    own: random.Random | None = None

    def __getattr__(self, name: str):
        return getattr(self.own or random, name)


_LAYER_SEEDS = _LayerSeeds()


@contextlib.contextmanager
def layers_draw_from(seed: int) -> Iterator[None]:
    """Let layers that this thread makes in this block, without a seed, draw theirs apart.

    They get the numbers that `prepare(seed)` would have given them; nobody else's change.

    Args:
        seed: integer; the same one gives the same seeds to the same layers in the same order.
    """
    from keras.src.random import seed_generator

    seed_generator.python_random = _LAYER_SEEDS  # here Keras asks, and has no setting for it
    before, _LAYER_SEEDS.own = _LAYER_SEEDS.own, random.Random(check_seed(seed))
    try:
        yield
    finally:
        _LAYER_SEEDS.own = before


def _divide_cpu(tf, count: int) -> None:
    """Make several logical devices of the CPU; again with the same count changes nothing."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) != count:
            hint = "restart the kernel and call runtime.prepare first"
            raise RuntimeError(f"TensorFlow already runs on one CPU device: {hint}.") from error


def is_full_run() -> bool:
    """Whether what labs load is made now: `make checkpoints` sets `GDL_BUDGET=full`."""
    return os.environ.get("GDL_BUDGET") == "full"


def measured(name: str, value: float, unit: str = "") -> str:
    """Format a measured number so that the regression test shows it but does not compare it.

    Digits after `≈` differ in the last places between machines; nbval replaces them by a letter.

    Args:
        name: what was measured.
        value: the number.
        unit: its unit, may be empty.

    Returns:
        For example ``"test bound ≈ 146.6 nats"``.
    """
    return f"{name} ≈ {value:.4g} {unit}".rstrip()


_on_own_pictures = False


def own_pictures(path: str | os.PathLike | None) -> None:
    """Say whether a lab runs on pictures of the learner's own, whose numbers have no bands.

    From then on `expect`, `expect_at_least` and `expect_at_most` show a number beside the band of
    our pictures, marked `·`, and never raise for it. What a lab loads of ours is made anew on the
    learner's pictures, by :mod:`helpers.pretrained.anew`, and `checkpoints/` is neither read nor
    written. :func:`prepare` begins anew, on ours.

    Args:
        path: what is given to :func:`helpers.data.pictures`; None for the lab's own pictures.
    """
    global _on_own_pictures
    _on_own_pictures = path is not None


def on_own_pictures() -> bool:
    """Whether the lab runs on the learner's own pictures, see :func:`own_pictures`."""
    return _on_own_pictures


def expect(name: str, value: float, target: float, within: float, unit: str = "") -> None:
    """Check a measured number against the band it should lie in, and say so.

    Args:
        name: what was measured, as the printed line calls it.
        value: the number just measured.
        target: the number to expect.
        within: the largest distance from `target` allowed, in the same unit, 0 or more.
        unit: printed after the numbers, may be empty.

    Raises:
        ValueError: `target` or `within` is not finite, or `within` negative: no band at all.
        AssertionError: `value` is not finite or further than `within` from `target`; the message
            holds both numbers.
    """
    band = f"expected {target:g} ± {within:g} {unit}".rstrip()
    if not (math.isfinite(target) and math.isfinite(within) and within >= 0):
        raise ValueError(f"{name}, {band}: use finite numbers, the second of them 0 or more.")
    _report(measured(name, float(value), unit), band, abs(value - target) <= within)


def expect_at_least(name: str, value: float, least: float, unit: str = "") -> None:
    """Check a claim of one side: a measured number is `least` or more; else as :func:`expect`.

    Raises:
        ValueError: `least` is not finite.
        AssertionError: `value` is below `least`, or no number; the message holds both.
    """
    _expect_side(name, value, f"at least {least:g} {unit}".rstrip(), least, value >= least, unit)


def expect_at_most(name: str, value: float, most: float, unit: str = "") -> None:
    """Check that a measured number is `most` or less; as :func:`expect_at_least`."""
    _expect_side(name, value, f"at most {most:g} {unit}".rstrip(), most, value <= most, unit)


def _expect_side(name, value, claim, bound, holds, unit) -> None:
    if not math.isfinite(bound):
        raise ValueError(f"{name}, {claim}: use a finite number.")
    _report(measured(name, float(value), unit), claim, holds and math.isfinite(value))


def _report(said: str, band: str, holds: bool) -> None:
    if _on_own_pictures:
        print(f"· {said} (on your pictures; for ours: {band})")
    elif holds:
        print(f"✓ {said} ({band})")
    else:
        raise AssertionError(f"Out of its band: {said} ({band})")


def check_prediction(
    name: str, prediction: float | None, value: float | Callable[[], float], within: float
) -> None:
    """Compare a learner's prediction with what was measured.

    Args:
        name: what was predicted.
        prediction: the learner's number, or None while there is none; else a ValueError.
        value: the measured number; or, where measuring takes long, a function without arguments
            that measures it, called once there is a prediction, and in a full run.
        within: how far off still counts as right.
    """
    if prediction is not None and not is_number(prediction):
        raise ValueError(f"{name}: {prediction!r} was predicted: write a number, as in 0.5.")
    if callable(value) and (prediction is not None or is_full_run()):
        value = value()
    if prediction is None:
        print(f"{name}: predict first (set it above), then run this cell again.")
        return
    verdict = "well predicted" if abs(prediction - value) <= within else "a surprise: why?"
    print(f"{name}: you said {prediction:g}, {measured('it is', value)}: {verdict}")


def is_count(value) -> bool:
    """Whether a value is a whole number of 1 or more; no truth value, nothing infinite."""
    return is_number(value) and value >= 1 and value == int(value)


def is_number(value) -> bool:
    """Whether a value is a finite number; no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_count(**settings: int) -> None:
    """Refuse settings, name to value, that are no whole numbers of 1 or more, as of epochs.

    Raises:
        ValueError: one sentence that names the setting, its value and what is allowed.
    """
    _check(settings, is_count, "a whole number of 1 or more")


def check_positive(**settings: float) -> None:
    """Refuse settings that are no numbers above 0; errors as :func:`check_count`."""
    _check(settings, lambda value: value > 0, "a number above 0")


def check_not_negative(**settings: float) -> None:
    """Refuse settings that are no numbers of 0 or more; errors as :func:`check_count`."""
    _check(settings, lambda value: value >= 0, "0 or a positive number")


def check_share(**settings: float) -> None:
    """Refuse settings that are no numbers from 0 to below 1; errors as :func:`check_count`."""
    _check(settings, lambda value: 0 <= value < 1, "a number from 0 to below 1")


def check_seed(seed: int) -> int:
    """A seed as Python's own whole number; ValueError unless it is one from 0 to 2^32 - 1."""
    _check({"seed": seed}, lambda x: 0 <= x == x // 1 < 2**32, "a whole number from 0 to 2^32 - 1")
    return int(seed)


def _check(settings: dict, fits: Callable[..., bool], allowed: str) -> None:
    for name, value in settings.items():
        if not (is_number(value) and fits(value)):
            raise ValueError(f"{name} is {value}: use {allowed}.")
