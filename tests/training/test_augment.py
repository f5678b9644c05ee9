"""Crops: what is random, what is not, and that image and labels are transformed together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcrbench import postprocess
from fcrbench.training.augment import Crops, mirror_pad, renumber, resize


def crops(labels, *, crop=16, augment=True, zoom=0.25, seed=0, per_image=2):
    images = [field.astype(np.float32) for field in labels]
    return Crops(images, labels, crop=crop, crops_per_image=per_image, augment=augment, zoom=zoom, seed=seed)


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
    assert not np.array_equal(first[0][0], first[len(first)][0])  # that of the next epoch
    assert not np.array_equal(first[0][0], crops(fields, seed=1)[0][0])


def test_every_field_is_shown_crops_per_image_times(fields):
    dataset = crops(fields, per_image=3)
    assert len(dataset) == 6
    assert [bool(dataset[i][1].any()) for i in range(6)] == [True, False] * 3


def test_image_and_labels_move_together(fields):
    """Here the gray value of an object is its id, which gain, noise and blending at its rim keep apart."""
    field = np.kron(np.arange(12, dtype=np.int32).reshape(3, 4), np.ones((10, 10), np.int32))
    dataset = crops([field], crop=24)
    for epoch in range(20):
        image, labels = dataset[epoch * len(dataset)]
        assert image.shape == (1, 24, 24)
        gray = [np.median(image[0].numpy()[labels == i]) for i in np.unique(labels)]
        assert np.all(np.diff(gray) > 0)


@pytest.mark.parametrize(("side", "size"), [(20, 16), (13, 16), (16, 16), (1, 4)])
def test_resizing_keeps_a_ramp_and_puts_labels_where_it_is_highest(side, size):
    ramp = np.repeat(np.arange(side, dtype=np.float32)[None] + 0.5, side, axis=0)
    image, labels = resize(ramp, (ramp > side / 2).astype(np.int32), size)
    assert image.dtype == np.float32
    assert image.shape == labels.shape == (size, size)
    inside = np.clip((np.arange(size) + 0.5) * side / size, 0.5, side - 0.5)  # the border is not extrapolated
    np.testing.assert_allclose(image[size // 2], inside, rtol=1e-5)
    assert (np.diff(labels, axis=1) >= 0).all()


def test_zoom_is_a_change_of_scale():
    """Squares of ten pixels: their largest width in crops tells how far they are stretched."""
    field = np.kron(np.arange(1, 26, dtype=np.int32).reshape(5, 5), np.ones((10, 10), np.int32))
    for zoom, low, high in ((0, 10, 10), (0.25, 11, 13)):
        dataset = crops([field], crop=24, zoom=zoom)
        widest = 0
        for epoch in range(20):
            labels = dataset[epoch * len(dataset)][1]
            widest = max(widest, *(int((labels == i).sum(axis=1).max()) for i in np.unique(labels)))
        assert low <= widest <= high


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


def test_a_mirrored_object_is_another_object():
    """Two pixels from the border its image is four away from it; at the border both are one."""
    field = np.zeros((12, 12), np.int32)
    field[2:5, 2:5], field[8:12, 6:9] = 1, 2
    _, labels = crops([field], crop=24, augment=False)[0]
    assert labels.max() > 2
    for i in range(1, labels.max() + 1):
        assert postprocess.label(labels == i, connectivity=2)[1] == 1
    first = labels[6:18, 6:18]
    np.testing.assert_array_equal(first > 0, field > 0)
    assert len(np.unique(first[field == 2])) == 1
    assert (labels == first[11, 7]).sum() == 2 * (field == 2).sum()


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 4)), st.integers(0, 9), st.integers(0, 9))
def test_padding_keeps_the_objects_of_the_field_and_connects_no_two(field, above, left):
    pad = [(above, 5), (left, 3)]
    labels = mirror_pad(field, pad)
    np.testing.assert_array_equal(labels[above : above + 6, left : left + 7], field)
    np.testing.assert_array_equal(labels > 0, np.pad(field, pad, mode="symmetric") > 0)
    outside = labels.copy()
    outside[above : above + 6, left : left + 7] = 0
    for i in set(np.unique(outside)) - set(np.unique(field)) - {0}:
        assert postprocess.label(labels == i, connectivity=2)[1] == 1


@given(arrays(np.int32, (5, 6), elements=st.integers(0, 40)))
def test_numbers_follow_the_order_of_the_ids(labels):
    ids = sorted(set(labels.ravel().tolist()) - {0})
    expected = np.zeros_like(labels)
    for number, i in enumerate(ids, start=1):
        expected[labels == i] = number
    found = renumber(labels)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)
