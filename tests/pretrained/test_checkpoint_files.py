"""A model and its card stay together and whole; a file of one's own opens by its path."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT, small_gan, small_vae

from helpers import pretrained, runtime
from helpers.pretrained import checkpoints

CheckpointError = pretrained.CheckpointError


@pytest.fixture(autouse=True)
def full_run(monkeypatch):
    monkeypatch.setenv("GDL_BUDGET", "full")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty checkpoint folder."""
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / "shelf")
    return tmp_path / "shelf"


def measure(model):
    return {"latent_dim": model.latent_dim}


def train(latent_dim, **others):
    return small_vae(latent_dim)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"latent_dim": 2, "beta": 77, "rates": (1, 2)}, r"'beta': 1\.0.*'beta': 77"),
        ({"latent_dim": 2, "beta": 1, "rates": (1, 3)}, r"\[1, 2\].*\[1, 3\]"),
        ({"latent_dim": 2, "beta": 1}, r"LAB=07`"),
        ({"latent_dim": 2, "beta": 1, "rates": (1, 2), "seed": 0}, r"'seed': 0"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(shelf, asked, said):
    made = {"latent_dim": 2, "beta": 1.0, "rates": (1, 2)}
    pretrained.checkpoint("07_small", train, measure, **made)
    assert pretrained.checkpoint("07_small", None, measure, **{**made, "beta": 1}).latent_dim == 2
    with pytest.raises(CheckpointError, match=rf"^Card 07_small\.json was made with .*{said}"):
        pretrained.checkpoint("07_small", None, measure, **asked)


def test_settings_that_no_card_can_hold_are_refused_before_the_training(shelf):
    with pytest.raises(TypeError):
        pretrained.checkpoint("07_odd", lambda **options: pytest.fail("trained"), measure, what={1})


class Unplugged(Exception):
    """The machine stops."""


def stop(*given, **options):
    raise Unplugged


def save(latent_dim):
    pretrained.save("07_small", small_vae(latent_dim), {"n": latent_dim}, 0.0, {})


@pytest.mark.parametrize(
    "where", [(keras.Model, "save"), (checkpoints.json, "dumps"), (checkpoints.Path, "write_text")]
)
def test_a_save_that_is_cut_short_leaves_the_old_pair(shelf, monkeypatch, where):
    save(2)
    before = files(shelf)
    with monkeypatch.context() as patched:
        patched.setattr(*where, stop)
        with pytest.raises(Unplugged):
            save(3)
    assert files(shelf) == before and pretrained.load("07_small").latent_dim == 2


def test_a_save_that_stops_between_the_two_files_is_seen_at_the_next_load(shelf, monkeypatch):
    save(2)
    replace, moved = checkpoints.os.replace, []

    def once(source, target):
        if moved:
            raise Unplugged
        moved.append(Path(target).name)
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.os, "replace", once)
        with pytest.raises(Unplugged):
            save(3)
    assert moved == ["07_small.json"] and set(files(shelf)) == {"07_small.json", "07_small.keras"}
    with pytest.raises(CheckpointError, match=r"07_small\.keras is not the file that its card"):
        pretrained.load("07_small")


def test_a_file_of_another_run_beside_a_card_is_refused_and_an_old_card_passes(shelf):
    save(2)
    other = (shelf / "07_small.keras").read_bytes()
    save(3)
    assert pretrained.load("07_small").latent_dim == 3
    (shelf / "07_small.keras").write_bytes(other)
    with pytest.raises(CheckpointError, match=r"restore both .*LAB=07`"):
        pretrained.load("07_small")
    card = pretrained.card("07_small")
    del card["sha256"]
    (shelf / "07_small.json").write_text(json.dumps(card))
    assert pretrained.load("07_small").latent_dim == 2


def test_a_picture_of_another_run_beside_a_card_is_refused(shelf):
    pictures = []
    for level in (0.2, 0.8):
        pretrained.picture("01_flat", lambda level: np.full((8, 8, 3), level), level=level)
        pictures.append((shelf / "01_flat.jpg").read_bytes())
    (shelf / "01_flat.jpg").write_bytes(pictures[0])
    with pytest.raises(CheckpointError, match=r"01_flat\.jpg is not the file that its card"):
        pretrained.picture("01_flat", None, level=0.8)


def test_nothing_else_is_left_beside_them(shelf):
    save(2)
    pretrained.recorded("12_rates", lambda: {"a": 1})
    assert set(files(shelf)) == {"07_small.json", "07_small.keras", "12_rates.json"}
    assert "sha256" not in pretrained.card("12_rates")


def own(kind, folder):
    """A trained model of one's own in a file."""
    path = folder / f"{kind}.keras"
    if kind == "gan":
        model = small_gan(average=0.9)
    else:
        model = small_vae()
        model.compile("adam")
        model.optimizer.build(model.trainable_variables)
    model.save(path)
    return model, path


@pytest.mark.parametrize("kind", ["gan", "vae"])
@pytest.mark.parametrize("named", [str, Path])
def test_a_model_of_ones_own_opens_by_its_path(kind, named, tmp_path):
    model, path = own(kind, tmp_path)
    again = pretrained.load(named(path))
    assert type(again) is type(model) and again.compiled
    for mine, same in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(mine, same)


def test_classes_are_known_in_a_fresh_kernel_and_home_is_understood(tmp_path, monkeypatch):
    paths = [own(kind, tmp_path)[1].name for kind in ("gan", "vae")]
    code = (
        f"from helpers import pretrained\nfor n in {paths}: print(pretrained.load('~/' + n).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**checkpoints.os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)},
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2


@keras.saving.register_keras_serializable("passing")
class Passing(keras.layers.Layer):
    """A learner's own layer."""

    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"^There is no file .*mine\.keras: give the path of a \.keras file"),
        (b"no model", r"mine\.keras cannot be read \(\w+: .*\): save it again"),
        ("unknown", r"holds class 'Passing', which this kernel does not know: run the cell"),
    ],
)
def test_a_file_that_cannot_be_opened_gets_a_sentence(tmp_path, content, said):
    path = tmp_path / "mine.keras"
    if content == "unknown":
        x = keras.Input((2,))
        keras.Model(x, Passing()(x)).save(path)
        del keras.saving.get_custom_objects()["passing>Passing"]
        Passing.__module__ = "elsewhere"
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as caught:
        pretrained.load(path)
    assert str(caught.value).count("\n") == 0


def test_on_own_pictures_all_is_made_anew_and_no_file_is_read_or_written(shelf, capsys):
    row = np.full((2, 4, 3), 0.3)
    makers = {
        "checkpoint": lambda n: small_vae(n),
        "recorded": lambda n: {"errors": np.array([1 / 3, n])},
        "picture": lambda n: n * row,
        "recorded_arms": lambda arm, n: ({"rate": n * len(arm)}, n * row),
    }
    between = {"checkpoint": (measure,), "recorded_arms": (["a", "bb"],)}

    def ask(kind, maker, n):
        return getattr(pretrained, kind)(f"07_{kind}", maker, *between.get(kind, ()), n=n)

    for kind, maker in makers.items():
        ask(kind, maker, 2)
    before = files(shelf)
    runtime.own_pictures("my_folder")
    made = {kind: ask(kind, maker, 3) for kind, maker in makers.items()}
    assert files(shelf) == before and len(before) == 7
    assert made["checkpoint"].latent_dim == 3
    assert made["recorded"] == {"errors": [0.333333, 3.0]}
    np.testing.assert_allclose(made["picture"], 0.9 * np.ones((2, 4, 3)), rtol=1e-6)
    numbers, rows = made["recorded_arms"]
    assert numbers == {"a": {"rate": 3}, "bb": {"rate": 6}} and rows["bb"].max() == 3 * 0.3
    assert "07_recorded: made on your pictures ...\n07_recorded: 0 s" in capsys.readouterr().out
    for kind in makers:
        with pytest.raises(ValueError, match="was made on other pictures than yours"):
            ask(kind, None, 2)
    runtime.own_pictures(None)
    assert ask("recorded", None, 2) == {"errors": [0.333333, 2.0]}
    assert files(shelf) == before
