"""Checkpoints load, score what their cards say, and fail in one sentence."""

import functools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import small_vae
from PIL import Image

from helpers import data, gan, latent, layers, metrics, pretrained
from helpers.pretrained import checkpoints
from helpers.training import judges

ROOT = Path(__file__).resolve().parents[2]
TOLD = ("glasses", "beard", "smile", "hair_length", "skin")


@pytest.fixture(autouse=True)
def full_run(monkeypatch):
    monkeypatch.setenv("GDL_BUDGET", "full")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty checkpoint folder."""
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    return tmp_path


def measure(model):
    return {"latent_dim": model.latent_dim}


def train(latent_dim, seed):
    return small_vae(latent_dim, seed=seed)


def test_training_saves_model_and_card(shelf, images):
    model = pretrained.checkpoint("07_small", train, measure, latent_dim=3, seed=4)
    assert sorted(path.name for path in shelf.iterdir()) == ["07_small.json", "07_small.keras"]
    card = pretrained.card("07_small")
    assert card["settings"] == {"latent_dim": 3, "seed": 4} and card["metrics"] == {"latent_dim": 3}
    assert card["seconds"] >= 0 and set(card["versions"]) == {"tensorflow", "keras", "numpy"}
    np.testing.assert_array_equal(model.encode(images), train(3, 4).encode(images))


def test_a_lab_loads_what_only_a_full_run_makes(shelf, images, monkeypatch):
    kept = pretrained.checkpoint("07_small", train, measure, latent_dim=3, seed=4)
    pretrained.recorded("07_card", lambda n: {"n": n}, n=1)
    pretrained.picture("07_flat", lambda n: np.full((8, 8, 3), n), n=1)
    pretrained.recorded_arms("07_arms", lambda arm: ({"n": 1}, np.zeros((4, 4, 3))), ["one"])
    monkeypatch.delenv("GDL_BUDGET")

    def never(*arguments, **settings):
        pytest.fail("a lab made it")

    model = pretrained.checkpoint("07_small", never, measure, latent_dim=3, seed=4)
    np.testing.assert_array_equal(model.encode(images), kept.encode(images))
    assert pretrained.recorded("07_card", never, n=1) == {"n": 1}
    assert pretrained.picture("07_flat", never, n=1).min() == 1
    assert pretrained.recorded_arms("07_arms", never, ["one"])[0]["one"]["n"] == 1
    with pytest.raises(pretrained.CheckpointError, match="make checkpoints LAB=07"):
        pretrained.recorded("07_absent", never, n=1)


def test_without_a_trainer_it_only_loads(shelf, images):
    first = pretrained.checkpoint("07_small", train, measure, latent_dim=2, seed=4)
    again = pretrained.checkpoint("07_small", None, measure, latent_dim=2, seed=4)
    np.testing.assert_array_equal(first.encode(images), again.encode(images))


def test_optimizer_state_is_left_out(shelf, images):
    model = small_vae()
    model.compile("adam")
    model.fit(images, epochs=1, verbose=0)
    pretrained.save("07_trained", model, {}, 0.0, {})
    pretrained.save("07_fresh", small_vae(), {}, 0.0, {})
    sizes = [(shelf / f"07_{name}.keras").stat().st_size for name in ("trained", "fresh")]
    assert abs(sizes[0] - sizes[1]) < 0.1 * sizes[1]


def test_unknown_name_lists_what_is_there(shelf):
    pretrained.save("07_small", small_vae(), {}, 0.0, {})
    with pytest.raises(pretrained.CheckpointError, match="LAB=07`, or choose one of: 07_small"):
        pretrained.load("07_smal")


def test_no_checkpoint_says_how_to_make_it(shelf):
    with pytest.raises(pretrained.CheckpointError, match=r"`make checkpoints LAB=07`.*none yet"):
        pretrained.checkpoint("07_small", None, measure)
    with pytest.raises(pretrained.CheckpointError, match=r"no card 07_small\.json"):
        pretrained.card("07_small")


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_damaged_file(shelf, keep):
    pretrained.save("07_small", small_vae(), {}, 0.0, {})
    path = shelf / "07_small.keras"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(pretrained.CheckpointError, match=r"07_small\.keras is damaged or was made"):
        pretrained.load("07_small")


def play(arms, seeds):
    return {name: [arm["rate"] * seed for seed in range(seeds)] for name, arm in arms.items()}


def test_a_measurement_is_kept_and_not_repeated(shelf):
    settings = {"arms": {"slow": {"rate": 1 / 3}, "fast": {"rate": 2}}, "seeds": 3}
    first = pretrained.recorded("12_rates", play, **settings)
    assert first == {"slow": [0, 0.333333, 0.666667], "fast": [0, 2, 4]}
    assert pretrained.recorded("12_rates", None, **settings) == first
    assert pretrained.card("12_rates")["seconds"] >= 0 and pretrained.names() == []


def test_a_measurement_of_other_settings_is_refused(shelf):
    with pytest.raises(pretrained.CheckpointError, match="no card 12_rates"):
        pretrained.recorded("12_rates", None, arms={}, seeds=3)
    pretrained.recorded("12_rates", play, arms={}, seeds=3)
    with pytest.raises(
        pretrained.CheckpointError, match=r"'seeds': 3.*'seeds': 4.*again with .*LAB=12`"
    ):
        pretrained.recorded("12_rates", None, arms={}, seeds=4)
    (checkpoints.CHECKPOINTS / "12_rates.json").write_text("{")
    with pytest.raises(pretrained.CheckpointError, match=r"12_rates\.json is damaged: restore it"):
        pretrained.recorded("12_rates", None, arms={}, seeds=3)


def test_arrays_and_tuples_are_kept_and_odd_settings_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    numbers = {"array": np.arange(3.0), "pair": (1, np.float32(0.5))}
    kept = pretrained.recorded("12_kinds", lambda: numbers)
    assert kept == {"array": [0, 1, 2], "pair": [1, 0.5]}
    with pytest.raises(TypeError):
        pretrained.recorded("12_odd", lambda **settings: pytest.fail("measured first"), what={1, 2})


def one_arm(arm, slope, **_):
    if arm == "breaks":
        raise FloatingPointError("the rate was too high")
    return {"rate": slope * len(arm)}, np.full((2, 4, 3), len(arm) / 10)


def test_a_comparison_is_kept_arm_by_arm_and_goes_on_where_it_stopped(shelf, capsys):
    with pytest.raises(FloatingPointError):
        pretrained.recorded_arms("12_arms", one_arm, ["a", "bb", "breaks", "cccc"], slope=2)
    with pytest.raises(pretrained.CheckpointError, match="12_arms lacks 1 of 3 arms, cccc first"):
        pretrained.recorded_arms("12_arms", None, ["a", "bb", "cccc"], slope=2)
    capsys.readouterr()
    metrics, rows = pretrained.recorded_arms("12_arms", one_arm, ["a", "cccc", "bb"], slope=2)
    assert capsys.readouterr().out.startswith("3 of 3: cccc, ")
    assert {arm: numbers["rate"] for arm, numbers in metrics.items()} == {
        "a": 2,
        "cccc": 8,
        "bb": 4,
    }
    assert list(metrics) == list(rows) == ["a", "cccc", "bb"]
    for arm, row in rows.items():
        np.testing.assert_allclose(row, np.full((2, 4, 3), len(arm) / 10), atol=1 / 255)


@pytest.mark.parametrize("damage", ["other settings", "no picture", "half", "other picture"])
def test_arms_of_other_settings_or_with_a_damaged_picture_are_refused_then_made_anew(shelf, damage):
    pretrained.recorded_arms("12_arms", one_arm, ["a"], slope=2)
    path = checkpoints.CHECKPOINTS / "12_arms.png"
    slope = 3 if damage == "other settings" else 2
    if damage == "no picture":
        path.unlink()
    if damage == "half":
        path.write_bytes(path.read_bytes()[:40])
    if damage == "other picture":
        Image.new("RGB", (4, 2)).save(path)
    with pytest.raises(pretrained.CheckpointError, match=r"12_arms\.(json|png)"):
        pretrained.recorded_arms("12_arms", None, ["a"], slope=slope)
    metrics, rows = pretrained.recorded_arms("12_arms", one_arm, ["a"], slope=slope)
    assert metrics["a"]["rate"] == slope and rows["a"].mean() == pytest.approx(0.1, abs=0.01)


def ramp(side):
    """A picture of `side` pixels with a red ramp from left to right."""
    picture = np.zeros((side, 2 * side, 3))
    picture[..., 0] = np.linspace(0, 1, 2 * side)
    return picture


def test_a_painted_picture_is_kept_and_read_back(shelf):
    first = pretrained.picture("01_ramp", ramp, side=16)
    assert first.shape == (16, 32, 3) and first.dtype == np.float32
    np.testing.assert_allclose(first, ramp(16), atol=0.1)
    np.testing.assert_array_equal(pretrained.picture("01_ramp", None, side=16), first)
    with pytest.raises(pretrained.CheckpointError, match=r"'side': 16.*'side': 8"):
        pretrained.picture("01_ramp", None, side=8)


def test_a_missing_or_damaged_picture_gets_a_sentence(shelf):
    with pytest.raises(pretrained.CheckpointError, match=r"no card 01_ramp\.json"):
        pretrained.picture("01_ramp", None, side=16)
    pretrained.picture("01_ramp", ramp, side=16)
    path = checkpoints.CHECKPOINTS / "01_ramp.jpg"
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], b"GIF89a" + whole):
        path.write_bytes(damaged)
        with pytest.raises(pretrained.CheckpointError, match=r"01_ramp\.jpg is missing or damaged"):
            pretrained.picture("01_ramp", None, side=16)
    path.unlink()
    with pytest.raises(pretrained.CheckpointError, match="make checkpoints LAB=01"):
        pretrained.picture("01_ramp", None, side=16)
    pretrained.picture("01_ramp", ramp, side=16)
    Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(path)
    with pytest.raises(pretrained.CheckpointError, match="its card says otherwise"):
        pretrained.picture("01_ramp", None, side=16)


def test_there_are_checkpoints_and_they_are_small():
    made = {"04_deep_32", "05_fashion_32", "05_faces_32", "06_gaussian"}
    made |= {"07_vae_2d_beta_1", "07_vae_16d", "08_faces", "08_conditional", "08_beta_10"}
    made |= {"09_dense_mnist", "10_dcgan", "11_faces", "04_deep_2", "05_copier", "06_blind"}
    made |= {"06_fashion", "08_sigma_1", "08_sigma_learned", "08_sigma_1_free"}
    assert made <= set(pretrained.names())
    for lab in {name[:2] for name in pretrained.names()}:
        files = checkpoints.CHECKPOINTS.glob(f"{lab}_*.keras")
        assert sum(path.stat().st_size for path in files) < 10e6, lab


def kept_by_git(folder):
    """Names that git keeps in a folder; none where there is no git, or a ZIP download of it."""
    options = {"cwd": folder, "capture_output": True, "text": True}
    try:
        return set(subprocess.run(["git", "ls-files", "."], **options).stdout.split())
    except FileNotFoundError:
        return set()


def test_all_checkpoints_are_kept_by_git():
    kept = kept_by_git(checkpoints.CHECKPOINTS)
    assert not kept or {f"{name}.keras" for name in pretrained.names()} <= kept


@pytest.mark.parametrize("git", [None, "echo no repository >&2; exit 128", "exit 0"])
def test_in_a_zip_download_git_keeps_nothing(git, tmp_path, monkeypatch):
    """Without git, outside every repository, or inside that of something else."""
    if git:
        (tmp_path / "git").write_text(f"#!/bin/sh\n{git}\n")
        (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kept_by_git(tmp_path) == set()
    test_all_checkpoints_are_kept_by_git()


faces_of = functools.cache(data.avatars)  # reading and checking 12,000 faces takes seconds


def score_faces(name, model):
    """Measure a model of lab 08 again in the way its lab does."""
    if name.startswith(("08_beta", "08_sigma")):
        return metrics.score_gaussian_vae(model, faces_of(32, 6000).images[5000:])
    faces, conditions = faces_of(64, 12000), None
    if name == "08_conditional":
        conditions = data.one_hot(faces.attributes, TOLD)[11000:]
    return metrics.score_gaussian_vae(model, faces.images[11000:], conditions)


def score_digits(generator):
    """Measure the generator of lab 09 again in the way its lab does, under its own judge."""
    _, test = data.mnist()
    judge = pretrained.load("09_judge")
    real = test.images[np.random.default_rng(9).permutation(10_000)[:5000]]
    drawn = gan.sample(generator, latent.prior_codes(5000, 64, seed=9))
    return metrics.score_pictures(judge, real, data.to_unit_range(drawn))


def score_clothes(generator):
    """Measure the generator of lab 10 again in the way its lab does, under its own judge."""
    _, test = data.fashion_mnist()
    judge = pretrained.load("10_judge")
    drawn = gan.sample(generator, latent.prior_codes(5000, 64))
    return metrics.score_pictures(judge, test.images[:5000], data.to_unit_range(drawn))


def score_ordered_faces(generator):
    """Measure the generator of lab 11 again in the way its lab does, under its own judge."""
    faces = faces_of(64, 12000)
    judge = pretrained.load("11_judge_64")
    orders = data.one_hot(faces.attributes, TOLD)[7000:]
    drawn = data.to_unit_range(gan.sample(generator, latent.prior_codes(5000, 64), orders))
    known, features = (metrics.read_features(judge, x) for x in (faces.images[7000:], drawn))
    return metrics.score_features(known, features)


def score_ordered_digits(model):
    """Measure the flow of lab 13 again in the way its lab does, under lab 09's judge."""
    (train, test), judge = data.mnist(), pretrained.load("09_judge")
    rows = np.random.default_rng(13).permutation(60_000)[:5000]
    ink = train.images.mean(axis=(1, 2, 3))
    level = (ink - ink.mean()) / ink.std()
    orders = np.column_stack([np.eye(10)[train.labels], level])[rows]
    codes = model.sample(latent.prior_codes(5000, 16, seed=13), 50, orders)
    drawn = pretrained.load("07_vae_16d").decode(codes)
    real = test.images[np.random.default_rng(13).permutation(10_000)[:5000]]
    scores = metrics.score_pictures(judge, real, drawn)
    chances = metrics.read_pictures(judge, drawn)[1]
    return {
        **{name: scores[name] for name in ("cnn_fd", "precision", "recall")},
        "as_ordered": np.mean(chances.argmax(axis=1) == train.labels[rows]),
        "ink_r": np.corrcoef(drawn.mean(axis=(1, 2, 3)), ink[rows])[0, 1],
    }


GANS = {"09_dense_mnist": score_digits, "10_dcgan": score_clothes, "11_faces": score_ordered_faces}


def score(name, model):
    """Measure a model again in the way its lab does."""
    if name in GANS:
        return GANS[name](model)
    if name == "13_told":
        return score_ordered_digits(model)
    if name in judges.RECIPES:
        *_, unseen, labels = judges.splits(name)
        return {"accuracy": judges.accuracy(model, unseen, labels)}
    if name.startswith("08"):
        return score_faces(name, model)
    _, digits = data.mnist()
    if name == "05_faces_32":
        return metrics.score_autoencoder(model, data.avatars().images[-1000:])
    if name in ("05_fashion_32", "05_copier"):
        return metrics.score_autoencoder(model, data.fashion_mnist()[1].images)
    if name.startswith("06"):
        clean = data.fashion_mnist()[1].images if name == "06_fashion" else digits.images
        noisy = np.array(layers.corrupt(clean[:1000], "gaussian", 0.5, seed=6))
        return metrics.score_denoiser(model, clean[:1000], noisy)
    score = metrics.score_vae if name.startswith("07") else metrics.score_autoencoder
    return score(model, digits.images)


WITHIN = {
    "cnn_fd": 0.01,
    "class_kl": 0.05,
    "precision": 0.01,
    "recall": 0.01,
}  # another machine rounds, and a picture changes sides


@pytest.mark.parametrize("name", pretrained.names())
def test_checkpoint_scores_what_its_card_says(name):
    model, card = pretrained.load(name), pretrained.card(name)
    for key in {"latent_dim", "beta", "code_size"} & set(card["settings"]):
        assert card["settings"][key] == getattr(model, key)
    measured = score(name, model)
    assert set(measured) == set(card["metrics"])
    for key, value in measured.items():
        assert value == pytest.approx(card["metrics"][key], rel=WITHIN.get(key, 2e-3), abs=1e-5), (
            key
        )


@pytest.mark.parametrize(
    ("name", "key", "most"),
    [
        ("04_deep_32", "test_mse", 0.0070),
        ("05_fashion_32", "test_mse", 0.75 * 0.01514),
        ("05_copier", "test_mse", 0.006),
        ("07_vae_2d_beta_1", "total", 137),
        ("07_vae_16d", "total", 97),
        ("09_dense_mnist", "cnn_fd", 0.9),
        ("09_dense_mnist", "class_kl", 0.02),
        ("10_dcgan", "cnn_fd", 1.2),
        ("10_dcgan", "class_kl", 0.05),
        ("13_told", "cnn_fd", 1.5),
    ],
)
def test_checkpoints_are_as_good_as_promised(name, key, most):
    card = json.loads((checkpoints.CHECKPOINTS / f"{name}.json").read_text())
    assert card["metrics"][key] <= most


def test_gans_are_precise_diverse_and_small():
    for name in GANS:
        scores = pretrained.card(name)["metrics"]
        assert min(scores["precision"], scores["recall"]) >= 0.4, name
    paths = [checkpoints.CHECKPOINTS / f"{name}.keras" for name in GANS]
    assert sum(path.stat().st_size for path in paths) <= 8e6


def test_faces_are_copied_well_and_kept_small():
    card = pretrained.card("08_faces")
    assert card["metrics"]["psnr"] >= 27.4 and card["settings"]["latent_dim"] <= 64
    paths = set(checkpoints.CHECKPOINTS.glob("08_*.keras"))
    paths.remove(checkpoints.CHECKPOINTS / "08_judge.keras")
    assert sum(path.stat().st_size for path in paths) <= 9e6


def test_every_trick_was_measured_from_several_seeds():
    for trick in range(1, 18):
        card = pretrained.card(f"12_{trick:02d}")
        assert list(card["metrics"]) == list(card["settings"]["arms"]) and len(card["metrics"]) > 1
        assert {len(runs) for runs in card["metrics"].values()} == {card["settings"]["seeds"]}
        assert card["settings"]["seeds"] >= 3


def test_ways_to_choose_codes_were_measured_from_five_seeds_and_the_flow_beats_the_prior():
    arms = pretrained.card("13_codes")["metrics"]
    kinds = {arm.split(", seed ")[0] for arm in arms}
    assert set(arms) == {f"{kind}, seed {seed}" for kind in kinds for seed in range(5)}
    worst = max(arms[f"flow 85 epochs, seed {seed}"]["cnn_fd"] for seed in range(5))
    assert min(arms[f"N(0, I), seed {seed}"]["cnn_fd"] for seed in range(5)) > 5 * worst


def test_larger_beta_saves_nats():
    scores = [pretrained.card(f"08_beta_{beta}")["metrics"] for beta in (1, 10, 100, 400)]
    assert scores == sorted(scores, key=lambda metric: -metric["kl"])


def test_denoiser_gains_nine_decibels():
    scores = pretrained.card("06_gaussian")["metrics"]
    assert scores["psnr"] >= scores["psnr_noisy"] + 9 and scores["ssim"] > scores["ssim_noisy"]


def test_pictures_are_kept_beside_their_cards():
    kept = {path.stem for path in checkpoints.CHECKPOINTS.glob("*.jpg")}
    assert {"01_cat_starry_night", "01_cat_rings", "01_balance_0.6", "01_balance_600"} <= kept
    for name in kept:
        card = pretrained.card(name)
        picture = pretrained.picture(name, None, **card["settings"])
        assert min(picture.shape[:2]) >= 256 and picture.std() > 0.05
