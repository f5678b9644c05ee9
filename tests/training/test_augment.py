"""Crops: what is random, what is not, and that image and labels move together."""

import numpy as np
import pytest

from fcrbench.training.augment import Crops


def crops(labels, *, crop=16, augment=True, seed=0, per_image=2):
    images = [field.astype(np.float32) for field in labels]
    return Crops(images, labels, crop=crop, crops_per_image=per_image, augment=augment, seed=seed)


@pytest.fixture
def fields():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 40, (30, 41)).astype(np.int32), np.zeros((20, 20), np.int32)]


def test_a_crop_depends_on_seed_epoch_and_index_alone(fields):
    first, second = crops(fields), crops(fields)
    second[3]
    for i in range(len(first)):
        for a, b in zip(first[i], second[i], strict=True):
            np.testing.assert_array_equal(a, b)
    second.epoch = 1
    assert not np.array_equal(first[0][0], second[0][0])
    assert not np.array_equal(first[0][0], crops(fields, seed=1)[0][0])


def test_every_field_is_shown_crops_per_image_times(fields):
    dataset = crops(fields, per_image=3)
    assert len(dataset) == 6
    assert [bool(dataset[i][1].any()) for i in range(6)] == [True, False] * 3


def test_image_and_labels_move_together(fields):
    """Here the image is its own label image, so equal labels must lie on equal gray values."""
    dataset = crops(fields)
    for epoch in range(20):
        dataset.epoch = epoch
        image, labels = dataset[0]
        gray = [np.median(image[0].numpy()[labels == i]) for i in range(labels.max() + 1)]
        # gain and noise keep the order of the gray values
        assert np.all(np.diff(gray) > 0)


def test_without_augmentation_a_crop_is_a_window(fields):
    image, labels = crops(fields, augment=False)[0]
    windows = np.lib.stride_tricks.sliding_window_view(fields[0].astype(np.float32), (16, 16))
    assert (windows == image[0].numpy()).all(axis=(2, 3)).any()
    assert labels.dtype == np.int32


def test_ids_are_consecutive_and_zero_stays_background():
    field = np.array([[0, 7], [900, 7]], np.int32)
    _, labels = crops([field], crop=2, augment=False)[0]
    np.testing.assert_array_equal(labels, [[0, 1], [2, 1]])
    _, labels = crops([field[:, 1:]], crop=2, augment=False)[0]
    np.testing.assert_array_equal(labels, 1)


def test_a_field_smaller_than_the_crop_is_mirrored():
    field = np.arange(1, 13, dtype=np.int32).reshape(3, 4)
    image, labels = crops([field], crop=64, augment=False)[0]
    assert image.shape == (1, 64, 64)
    assert labels.min() == 1
    assert set(np.unique(image)) == set(range(1, 13))
