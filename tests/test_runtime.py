"""Seeds repeat, budgets choose, expectations speak, settings are refused in one sentence."""

import functools
import json
import math
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import drawn_globally, small_networks, small_vae

from helpers import data, gan, latent, layers, runtime, vae
from helpers.data import own
from helpers.training import seeds


def test_environment_is_set_before_tensorflow():
    program = (
        "import os, sys, helpers\n"
        "assert 'tensorflow' not in sys.modules\n"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    names = {*runtime.ENVIRONMENT}
    clean = {key: value for key, value in os.environ.items() if key not in names}
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "3"]


def test_environment_of_a_kernel_wins():
    program = "import os, helpers; print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"


def test_loading_tensorflow_prints_nothing_but_the_device_line_whatever_keras_json_says(tmp_path):
    theirs = {"image_data_format": "channels_first", "floatx": "float64"}
    (tmp_path / "keras.json").write_text(json.dumps(theirs))
    program = "from helpers import runtime; runtime.prepare(seed=1); import keras, json\n"
    program += "layer = keras.layers.Conv2D(2, 3)\n"
    program += "print(layer.data_format, layer.dtype, layer(keras.ops.ones((1, 8, 8, 1))).shape)"
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    device, layer = done.stdout.splitlines()
    assert device.startswith("Device: ") and layer == "channels_last float32 (1, 6, 6, 2)"
    assert done.stderr == ""


def test_same_seed_trains_the_same_weights(images):
    weights = []
    for _ in range(2):
        runtime.prepare(seed=5)
        model = small_vae()
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(images, epochs=2, batch_size=32, verbose=0)
        weights.append(model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_seed_trains_other_weights(images):
    results = []
    for seed in (5, 6):
        runtime.prepare(seed)
        model = small_vae(seed=seed)
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(images, epochs=1, batch_size=32, verbose=0)
        results.append(model.get_weights()[0])
    assert not np.array_equal(*results)


def test_gpu_kernel_without_gpu_says_what_to_do(monkeypatch):
    monkeypatch.setenv("GDL_DEVICE", "gpu")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(RuntimeError, match="kernel is for a GPU and TensorFlow sees none"):
        runtime.prepare(seed=0)


def test_a_gpu_computes_in_whole_float32_and_the_same_each_time(monkeypatch):
    asked = []

    def note(*words):
        asked.append(words)

    for name in ("enable_op_determinism", "enable_tensor_float_32_execution"):
        monkeypatch.setattr(tf.config.experimental, name, functools.partial(note, name))
    runtime.prepare(seed=0)
    assert asked == []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    runtime.prepare(seed=0)
    assert asked == [("enable_op_determinism",), ("enable_tensor_float_32_execution", False)]


def test_only_a_full_run_makes_what_labs_load(monkeypatch):
    monkeypatch.delenv("GDL_BUDGET", raising=False)
    assert not runtime.is_full_run()
    for budget in ("full", "small"):
        monkeypatch.setenv("GDL_BUDGET", budget)
        assert runtime.is_full_run() == (budget == "full")


def test_expect_speaks_and_marks_the_measured_digits(capsys):
    runtime.expect("bound", 146.61, 146, within=1, unit="nats")
    assert capsys.readouterr().out == "✓ bound ≈ 146.6 nats (expected 146 ± 1 nats)\n"


@pytest.mark.parametrize("value", [148.0, float("nan"), float("inf")])
def test_expect_raises_with_both_numbers(value):
    with pytest.raises(AssertionError, match=r"≈ (148|nan|inf) nats \(expected 146 ± 1 nats\)"):
        runtime.expect("bound", value, 146, within=1, unit="nats")


@pytest.mark.parametrize(
    ("prediction", "said"),
    [(None, "predict first"), (1.0, "well predicted"), (9.0, "a surprise")],
)
def test_check_prediction(prediction, said, capsys):
    runtime.check_prediction("KL", prediction, 1.1, within=0.2)
    assert said in capsys.readouterr().out
    runtime.check_prediction("KL", prediction, lambda: 1.1, within=0.2)
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("prediction", ["about 1", math.nan, [1.0], True])
def test_a_prediction_that_is_no_number_is_named_before_anything_is_measured(prediction):
    with pytest.raises(ValueError, match=r"^KL: .* was predicted: write a number"):
        runtime.check_prediction("KL", prediction, lambda: 1 / 0, within=0.2)


@pytest.mark.parametrize(
    ("prediction", "budget", "calls"), [(None, "", 0), (1.0, "", 1), (None, "full", 1)]
)
def test_a_long_measurement_waits_for_a_prediction(prediction, budget, calls, monkeypatch):
    monkeypatch.setenv("GDL_BUDGET", budget)
    called = []
    runtime.check_prediction("KL", prediction, lambda: called.append(1) or 1.1, within=0.2)
    assert len(called) == calls


NO_NUMBERS = [float("nan"), float("inf"), True, None, "3"]


@pytest.mark.parametrize(
    ("check", "bad", "hint"),
    [
        (runtime.check_count, [0, -1, 1.5], "use a whole number of 1 or more"),
        (runtime.check_positive, [0, 0.0, -1e-9, -math.inf], "use a number above 0"),
        (runtime.check_not_negative, [-0.1, -math.inf], "use 0 or a positive number"),
        (runtime.check_share, [-0.1, 1, 1.0], "use a number from 0 to below 1"),
    ],
)
def test_bad_settings_are_named(check, bad, hint):
    for value in [*bad, *NO_NUMBERS]:
        with pytest.raises(ValueError, match=f"^noise is {re.escape(str(value))}: {hint}.$"):
            check(fine=0.5 if check is not runtime.check_count else 2, noise=value)


def test_good_settings_pass():
    runtime.check_count(epochs=1, batch_size=np.int64(64), latent_dim=2.0)
    runtime.check_positive(learning_rate=1e-9, noise_std=np.float32(0.1))
    runtime.check_not_negative(beta=0, free_bits=np.float64(2))
    runtime.check_share(average=0, flip=0.999)


def vae_of(seed):
    model = small_vae()
    return vae.VAE(model.encoder, model.decoder, seed=seed)


def gan_of(seed):
    return gan.GAN(*small_networks(), seed=seed)


TAKE_A_SEED = [
    runtime.check_seed,
    runtime.prepare,
    lambda seed: runtime.layers_draw_from(seed).__enter__(),
    lambda seed: latent.prior_codes(2, 2, seed),
    seeds.layer_maker,
    lambda seed: seeds.shuffled(3, seed),
    lambda seed: own.held_out(100, 0.2, seed),
    lambda seed: data.avatars(16, 1, seed),
]
TAKE_A_SEED_OR_NONE = [layers.Sampling, vae_of, gan_of]


@pytest.mark.parametrize("seed", [-1, 1.5, 2**32, "x", None, True, math.nan, math.inf, [3]])
def test_a_seed_that_is_none_is_named_wherever_it_is_taken(seed):
    for take in TAKE_A_SEED + ([] if seed is None else TAKE_A_SEED_OR_NONE):
        with pytest.raises(ValueError, match=f"seed is {re.escape(str(seed))}: use a whole number"):
            take(seed)


def test_seeds_of_numpy_are_those_of_python():
    for kind in (np.int64, np.uint8, np.float64):
        np.testing.assert_array_equal(seeds.shuffled(9, kind(3)), seeds.shuffled(9, 3))
        for take in (vae_of, gan_of, layers.DiffAugment):
            kept = take(seed=kind(3)).get_config()["seed"]
            assert kept == 3 and type(kept) is int
    assert runtime.check_seed(2**32 - 1) == 2**32 - 1


@pytest.mark.parametrize(
    ("target", "within"),
    [(math.nan, 1), (1, math.nan), (math.inf, 1), (1, math.inf), (1, -0.5), (math.nan, math.nan)],
)
def test_a_band_that_is_none_is_refused(target, within, capsys):
    for value in (1, 1e9, math.nan):
        with pytest.raises(ValueError, match=r"^bound, expected .* ± .* nats: use finite numbers"):
            runtime.expect("bound", value, target, within, "nats")
    assert capsys.readouterr().out == ""


def test_prepare_seeds_every_generator(capsys):
    draws = []
    for seed in (5, 5, 6):
        runtime.prepare(seed)
        draws.append(drawn_globally())
    for first, same, other in zip(*draws, strict=True):
        np.testing.assert_array_equal(first, same)
        assert np.all(first != other)


def test_prepare_has_graphs_rewritten_alike_in_every_run(capsys):
    """R1 of a network with LeakyReLU differed by 1e-4 in one run of fifteen with this pass."""
    runtime.prepare(seed=0)
    assert tf.config.optimizer.get_experimental_options()["dependency_optimization"] is False


CLAIMS = {  # a claim of each kind about a number, and its words
    "expected 146 ± 1 nats": lambda value: runtime.expect("bound", value, 146, 1, "nats"),
    "at least 146 nats": lambda value: runtime.expect_at_least("bound", value, 146, "nats"),
    "at most 146 nats": lambda value: runtime.expect_at_most("bound", value, 146, "nats"),
}


@pytest.mark.parametrize(("words", "claim"), CLAIMS.items(), ids=CLAIMS)
def test_on_own_pictures_numbers_are_shown_and_nothing_stops(words, claim, capsys):
    runtime.own_pictures("my_folder")
    for value in (146, 99, 200, float("nan"), float("inf")):
        claim(value)
        said = f"bound ≈ {value:g} nats (on your pictures; for ours: {words})"
        assert capsys.readouterr().out == f"· {said}\n"
    runtime.own_pictures(None)
    claim(146)
    assert capsys.readouterr().out == f"✓ bound ≈ 146 nats ({words})\n"
    with pytest.raises(AssertionError, match="Out of its band"):
        claim(float("nan"))


def test_a_new_start_is_on_our_pictures(capsys):
    runtime.own_pictures("my_folder")
    with pytest.raises(ValueError, match="use finite numbers"):  # no band, whatever the pictures
        runtime.expect("bound", 1, float("nan"), 1)
    runtime.prepare(seed=0)
    with pytest.raises(AssertionError, match="Out of its band"):
        runtime.expect("bound", 99, 146, within=1)


def test_claims_of_one_side(capsys):
    runtime.expect_at_least("gain", 2.5, 2, "dB")
    runtime.expect_at_most("modes", 3, 3)
    out = capsys.readouterr().out
    assert out == "✓ gain ≈ 2.5 dB (at least 2 dB)\n✓ modes ≈ 3 (at most 3)\n"
    for value in (1.99, float("nan"), float("inf"), float("-inf")):
        with pytest.raises(AssertionError, match=r"Out of its band: gain .* \(at least 2 dB\)"):
            runtime.expect_at_least("gain", value, 2, "dB")
    for value in (3.01, float("nan"), float("inf"), float("-inf")):
        with pytest.raises(AssertionError, match=r"Out of its band: modes .* \(at most 3\)"):
            runtime.expect_at_most("modes", value, 3)
    for bound in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="use a finite number"):
            runtime.expect_at_least("gain", 2, bound)
        with pytest.raises(ValueError, match="use a finite number"):
            runtime.expect_at_most("gain", 2, bound)
