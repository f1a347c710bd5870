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
