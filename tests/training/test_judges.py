"""Judges learn, are the same each time, and are kept with what they know."""

from pathlib import Path

import keras
import numpy as np
import pytest

from helpers import metrics, pretrained
from helpers.pretrained import checkpoints
from helpers.training import judges

ROOT = Path(__file__).resolve().parents[2]


def test_judge_and_confidence(images):
    labels = (images.reshape(256, 8, 8).sum(axis=2).argmax(axis=1) > 3).astype("int32")
    judge = judges.train_judge(np.tile(images, (20, 1, 1, 1)), np.tile(labels, 20))
    right = np.mean(np.argmax(judge(images), axis=1) == labels)
    sure = metrics.confidence(judge, images.reshape(32, 8, 8, 8, 1))
    assert right > 0.9 and sure.shape == (8,) and np.all((sure > 0.1) & (sure <= 1))


def test_attribute_judge_reads_what_is_drawn():
    rng = np.random.default_rng(0)
    truth = {"bright": rng.integers(0, 2, 600), "colour": rng.integers(0, 3, 600)}
    pictures = 0.1 * rng.random((600, 16, 16, 3)) + 0.4 * truth["bright"].reshape(-1, 1, 1, 1)
    pictures[np.arange(600), :, :, truth["colour"]] += 0.4
    judge = judges.train_attribute_judge(pictures[:500].astype("float32"), {
        name: values[:500] for name, values in truth.items()
    })  # fmt: skip
    verdict = metrics.read_attributes(judge, pictures[500:].astype("float32"))
    for name, values in truth.items():
        assert np.mean(verdict[name] == values[500:]) > 0.95

    def decode(codes):
        return (codes.reshape(-1, 1, 1, 1) + pictures[500:]).astype("float32")

    moved, stayed = metrics.attribute_effect(decode, judge, np.zeros((100, 1)), [0.4], "bright")
    assert moved > 0.8 and stayed > 0.8


@pytest.fixture(scope="module")
def bars():
    """Noisy pictures of one bright row each, and which row it is."""
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=1200)
    x = 0.2 * rng.random((1200, 8, 8, 1))
    x[np.arange(1200), 2 * labels] += 0.7
    return x.astype("float32"), labels


@pytest.fixture(scope="module")
def bar_judge(bars):
    return judges.train_cnn_judge(*bars, epochs=6)


def test_cnn_judge_learns_and_reads_features_and_chances(bars, bar_judge):
    x, labels = bars
    features, chances = metrics.read_pictures(bar_judge, x)
    assert features.shape == (1200, 64) and chances.shape == (1200, 4)
    assert np.mean(chances.argmax(axis=1) == labels) >= 0.99
    np.testing.assert_allclose(chances.sum(axis=1), np.ones(1200), rtol=1e-5)
    np.testing.assert_allclose(features, bar_judge.predict(x, verbose=0)[0], rtol=1e-4, atol=1e-5)


def first_features(train, images, labels):
    """What a fresh judge's first layer with weights came to, after one epoch."""
    return train(images, labels, epochs=1).trainable_weights[0].numpy()


@pytest.mark.parametrize("train", [judges.train_judge, judges.train_cnn_judge])
def test_a_judge_is_the_same_whatever_ran_before(bars, train):
    part = bars[0][:256], bars[1][:256]
    once = first_features(train, *part)
    keras.random.normal((3,))
    np.testing.assert_array_equal(once, first_features(train, *part))


def test_an_attribute_judge_is_the_same_whatever_ran_before():
    x = np.random.default_rng(0).random((64, 16, 16, 3)).astype("float32")
    labels = {"bright": (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)}
    once = first_features(judges.train_attribute_judge, x, labels)
    keras.random.normal((3,))
    np.testing.assert_array_equal(once, first_features(judges.train_attribute_judge, x, labels))


def test_accuracy_counts_each_label_and_each_attribute(bars, bar_judge):
    x, labels = bars
    right = judges.accuracy(bar_judge, x, labels)
    assert right >= 0.99 and judges.accuracy(bar_judge, x, (labels + 1) % 4) <= 0.01
    half = np.where(np.arange(1200) < 600, labels, (labels + 1) % 4)
    assert judges.accuracy(bar_judge, x, half) == pytest.approx(0.5, abs=0.01)


def test_every_judge_is_kept_and_labs_load_them():
    assert set(judges.RECIPES) <= set(pretrained.names())
    text = "".join(path.read_text() for path in (ROOT / "notebooks").glob("*.ipynb"))
    for name in judges.RECIPES:
        card = pretrained.card(name)
        assert f'pretrained.load(\\"{name}\\")' in text, name
        assert card["settings"]["epochs"] == judges.RECIPES[name][1]
        least = {"10_judge": 0.88, "11_judge_32": 0.9, "12_judge": 0.83}.get(name, 0.95)
        assert card["metrics"]["accuracy"] > least, name


def test_a_judge_is_kept_with_its_card(bars, tmp_path, monkeypatch, capsys):
    x, labels = bars
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(
        judges, "splits", lambda name: (x[:900], labels[:900], x[900:], labels[900:])
    )
    judges.make("09_judge")
    loaded = pretrained.load("09_judge")
    kept = pretrained.card("09_judge")
    assert kept["settings"] == {"pictures": 900, "epochs": 2, "seed": 0}
    computed = judges.accuracy(loaded, x[900:], labels[900:])
    assert kept["metrics"] == {"accuracy": pytest.approx(computed, abs=1e-6)}
    assert "09_judge" in capsys.readouterr().out


def test_scores_of_pictures_tell_real_from_collapsed_and_from_noise(bars, bar_judge):
    x, labels = bars
    equal = metrics.score_pictures(bar_judge, x[:600], x[600:])
    one = metrics.score_pictures(bar_judge, x[:600], x[labels == 0])
    noise = np.random.default_rng(1).random((300, 8, 8, 1)).astype("float32")
    noisy = metrics.score_pictures(bar_judge, x[:600], noise)
    assert equal["precision"] > 0.8 and equal["recall"] > 0.8 and equal["classes"] == 4
    assert equal["class_kl"] < 0.02 and equal["cnn_fd"] < 0.1 * one["cnn_fd"]
    assert one["classes"] == 1 and one["class_kl"] == pytest.approx(np.log(4))
    assert one["precision"] > 0.8 and one["recall"] < 0.5
    assert noisy["precision"] < 0.2 and noisy["cnn_fd"] > 10 * equal["cnn_fd"]


GREY = np.full((20, 16, 16, 1), 0.5, "float32")
TENS = np.arange(20) % 10


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (255 * GREY, TENS, "images reach from .*: scale them to"),
        (GREY, TENS - 1, "labels holds -1: use whole numbers from 0 on"),
        (GREY, TENS / 2, r"labels holds float64 of shape \(20,\): use whole numbers"),
        (GREY, TENS[:5], "labels has 5 values up to 4 for 20 pictures: give one for each"),
    ],
)
def test_what_no_judge_can_learn_from_is_named(images, labels, said):
    for train in (judges.train_judge, judges.train_cnn_judge):
        with pytest.raises(ValueError, match=said):
            train(images, labels)
    with pytest.raises(ValueError, match=said.replace("labels", "smile")):
        judges.train_attribute_judge(images, {"smile": labels})


def test_classes_and_epochs_that_no_judge_has():
    with pytest.raises(ValueError, match="values up to 11 for 20 pictures: give one for each"):
        judges.train_judge(GREY, TENS + 2)
    with pytest.raises(ValueError, match="There are no attributes to judge: give one or more"):
        judges.train_attribute_judge(GREY, {})
    for epochs in (0, 1.5, np.nan):
        for train in (judges.train_judge, judges.train_cnn_judge):
            with pytest.raises(ValueError, match=f"epochs is {epochs}: use a whole number of 1 or"):
                train(GREY, TENS, epochs)
