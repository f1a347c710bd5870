"""Pictures of one's own in place of a lab's data: held out, clustered, strangers resized."""

import numpy as np
import pytest
from conftest import encoded

from helpers import data
from helpers.data import own

RNG = np.random.default_rng(0)


def test_ten_greys_are_ten_clusters_and_unseen_pictures_join_the_nearest():
    levels = np.linspace(0, 1, 10, dtype="float32")
    train = np.broadcast_to(levels.repeat(12)[:, None, None, None], (120, 32, 32, 3))
    test = np.broadcast_to(0.03 + levels[::-1, None, None, None], (10, 32, 32, 3))
    labels, test_labels = own.cluster(train, test)
    assert labels.dtype == test_labels.dtype == np.int32 and len(np.unique(labels)) == 10
    assert (labels.reshape(10, 12) == labels.reshape(10, 12)[:, :1]).all()
    np.testing.assert_array_equal(test_labels[::-1], labels[::12])
    np.testing.assert_array_equal(own.cluster(train, test)[0], labels)


@pytest.mark.parametrize(
    ("count", "share", "tests"), [(100, 0.2, 20), (301, 0.2, 60), (300, 0.4, 120)]
)
def test_each_picture_is_in_one_split_and_the_order_is_drawn(count, share, tests):
    train, test = own.held_out(count, share, seed=0)
    assert len(test) == tests and sorted([*train, *test]) == list(range(count))
    assert (np.diff(train) < 0).any() and max(test) > count / 2 > min(test)
    assert (own.held_out(count, share, seed=1)[1] != test).any()


def test_strangers_get_the_shape_of_others_and_keep_what_they_show():
    image = RNG.random((3, 28, 28, 1), "float32")
    shown = data.in_shape(image, (56, 56, 3))
    np.testing.assert_allclose(shown, image.repeat(2, 1).repeat(2, 2).repeat(3, 3), atol=1e-6)
    colour = RNG.random((2, 32, 32, 3), "float32")
    means = colour.reshape(2, 8, 4, 8, 4, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(data.in_shape(colour, (8, 8, 3)), means, atol=1e-6)


@pytest.mark.usefixtures("empty_cache")
def test_splits_of_a_folder_and_what_is_refused(tmp_path):
    for number in range(100):
        pixels = RNG.integers(0, 256, (9, 9, 3), "uint8")
        (tmp_path / f"{number:03d}.png").write_bytes(encoded(pixels))
    train, test = data.own_splits(tmp_path, 32)
    assert train.images.shape == (80, 32, 32, 3) and test.images.shape == (20, 32, 32, 3)
    assert len(train.labels) == 80 and set(test.labels) <= set(range(10))
    everything = data.pictures(tmp_path, 32).images
    found = np.concatenate([train.images, test.images]).sum(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.sort(found), np.sort(everything.sum(axis=(1, 2, 3))))
    for size in (28, 48, 256, 64.5):
        with pytest.raises(ValueError, match=f"SIZE is {size}: use 32, 64 or 128"):
            data.own_splits(tmp_path, size)
    (tmp_path / "000.png").unlink()
    with pytest.raises(ValueError, match="99 pictures could be read: a lab needs 100 or more"):
        data.own_splits(tmp_path, 32)


def test_light_lies_where_it_was_put_and_each_half_is_half():
    left, above = np.zeros((2, 1, 8, 8, 3), "float32")
    left[:, :, :4], above[:, :4] = 1, 1
    images = np.concatenate([left, above, 1 - left, 1 - above])
    np.testing.assert_array_equal(own.amounts(images)["light_left"], [1, 0, -1, 0])
    np.testing.assert_array_equal(own.amounts(images)["light_above"], [0, 1, 0, -1])
    images = RNG.random((40, 8, 8, 3), "float32")
    measured = own.amounts(images)
    assert list(measured) == list(own.MEASURES)
    red, _, blue = np.moveaxis(images, 3, 0).reshape(3, 40, -1).mean(axis=2)
    np.testing.assert_allclose(measured["warm"], red - blue, atol=1e-6)
    spread = (images.max(axis=3) - images.min(axis=3)).reshape(40, -1).mean(axis=1)
    np.testing.assert_allclose(measured["colourful"], spread, atol=1e-6)
    assert {tuple(np.bincount(v)) for v in own.attributes({}, images).values()} == {(20, 20)}


def test_columns_come_first_with_codes_from_0_and_useless_ones_are_named(capsys):
    images = RNG.random((40, 8, 8, 3), "float32")
    table = {"smile": np.tile([-1, 1], 20), "number": np.arange(40), "same": np.zeros(40, int)}
    table |= {"rare": np.arange(40) < 9}
    with pytest.warns(UserWarning, match="Left out 3 of 4 columns.*: number, same, rare"):
        found = own.attributes(table, images)
    assert list(found) == ["smile", *own.MEASURES]
    np.testing.assert_array_equal(found["smile"], np.tile([0, 1], 20))
    assert "1 where above the median: bright (mean of all values), warm" in capsys.readouterr().out
    with pytest.raises(ValueError, match="differ in nothing: give a table with more columns"):
        own.attributes({}, np.ones((40, 8, 8, 3), "float32"))


@pytest.mark.usefixtures("empty_cache")
def test_faces_of_a_folder_keep_the_rows_of_their_table(tmp_path):
    levels = RNG.permutation(100) + 100
    for number, level in enumerate(levels):
        pixels = np.full((32, 32, 3), level, "uint8")
        pixels[: 8 + level % 8, : 4 + level % 16] //= 2
        (tmp_path / f"{number}.png").write_bytes(encoded(pixels))
    rows = [f"{number}.png,{int(level > 150)}" for number, level in enumerate(levels)]
    (tmp_path / "table.csv").write_text("\n".join(["file,light", *rows]))
    faces = data.own_faces(tmp_path, 32, tmp_path / "table.csv")
    assert faces.images.shape == (100, 32, 32, 3)
    np.testing.assert_array_equal(faces.attributes["light"], faces.images[:, -1, -1, 0] > 150 / 255)
    with pytest.raises(ValueError, match="SIZE is 48: use 32, 64 or 128"):
        data.own_faces(tmp_path, 48)
