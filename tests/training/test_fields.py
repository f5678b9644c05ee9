"""Fields are prepared for training: resized, without small objects, and the data set's truth is unchanged."""

import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.methods.base import Method
from fcrbench.training.augment import Crops, renumber
from fcrbench.training.fields import training_fields


def as_is(image):
    return image


def normalize(image):
    return Method.normalize(None, image)


def pixel_by_pixel(image, size):
    """Linear interpolation between the middles of pixels, the border continued."""
    height, width = image.shape
    out = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            y = min(max((i + 0.5) * height / size - 0.5, 0), height - 1)
            x = min(max((j + 0.5) * width / size - 0.5, 0), width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            v, u = y - top, x - left
            upper = image[top, left] * (1 - u) + image[top, right] * u
            lower = image[bottom, left] * (1 - u) + image[bottom, right] * u
            out[i, j] = upper * (1 - v) + lower * v
    return out


@pytest.mark.parametrize("shape", [(13, 21), (21, 13), (40, 16), (16, 16), (1, 5)])
def test_a_field_is_stretched_to_a_square(shape):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 65536, shape).astype(np.uint16)
    labels = rng.integers(0, 5, shape).astype(np.int32)
    given = image.copy(), labels.copy()
    config = TrainingConfig(resize=16, crop=16)
    (resized,), (truth,) = training_fields([Sample("a", image, labels)], config, as_is)
    assert resized.shape == truth.shape == (16, 16)
    np.testing.assert_allclose(resized, pixel_by_pixel(image.astype(float), 16), rtol=1e-5, atol=1e-2)
    rows = [int((i + 0.5) * shape[0] / 16) for i in range(16)]  # the pixel that the middle lies in
    columns = [int((j + 0.5) * shape[1] / 16) for j in range(16)]
    np.testing.assert_array_equal(truth, labels[np.ix_(rows, columns)])
    np.testing.assert_array_equal(image, given[0])
    np.testing.assert_array_equal(labels, given[1])


def test_image_and_labels_of_a_real_field_are_resized_together():
    """Objects keep their place, their share of the field and the gray values that they are drawn on."""
    sample = next(datasets.create("sample").samples("train"))
    config = TrainingConfig(resize=512, crop=512)
    (image,), (labels,) = training_fields([sample], config, as_is)
    assert sample.image.shape == (520, 696)
    assert image.shape == labels.shape == (512, 512)
    for i in np.unique(sample.labels)[1:]:
        before, after = sample.labels == i, labels == i
        if before.sum() < 100:
            continue
        assert after.mean() == pytest.approx(before.mean(), rel=0.05)
        assert image[after].mean() == pytest.approx(sample.image[before].mean(), rel=0.02)
        middle = np.argwhere(before).mean(axis=0) / sample.image.shape
        np.testing.assert_allclose(np.argwhere(after).mean(axis=0) / 512, middle, atol=0.003)


def test_the_network_sees_mean_0_and_deviation_1_of_the_resized_field():
    sample = next(datasets.create("sample").samples("train"))
    config = TrainingConfig(resize=64, crop=64)
    (image,), _ = training_fields([sample], config, normalize)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(0, abs=1e-4)
    assert image.std() == pytest.approx(1, abs=1e-4)


def test_small_truth_objects_are_background_to_the_training_alone():
    labels = np.zeros((20, 20), np.int32)
    labels[0:5, 0:5] = 1  # 25 pixels
    labels[10:14, 0:6] = 2  # 24
    labels[10:16, 10:16] = 3
    sample = Sample("a", np.zeros((20, 20), np.uint8), labels.copy())
    _, (truth,) = training_fields([sample], TrainingConfig(min_object=25, crop=16), as_is)
    np.testing.assert_array_equal(truth, np.where(labels == 1, 1, np.where(labels == 3, 2, 0)))
    np.testing.assert_array_equal(sample.labels, labels)
    _, (truth,) = training_fields([sample], TrainingConfig(min_object=0, crop=16), as_is)
    np.testing.assert_array_equal(truth, labels)


def test_pixels_of_an_object_are_counted_after_resizing():
    labels = np.zeros((64, 64), np.int32)
    labels[8:16, 8:16] = 1  # 16 pixels at half the side
    labels[40:52, 40:52] = 2  # 36
    sample = Sample("a", np.zeros((64, 64), np.float32), labels)
    _, (truth,) = training_fields([sample], TrainingConfig(resize=32, min_object=25, crop=32), as_is)
    assert np.bincount(truth.ravel()).tolist() == [32 * 32 - 36, 36]


def test_a_crop_of_the_resized_size_is_the_whole_field_with_consecutive_ids():
    sample = next(datasets.create("sample").samples("train"))
    config = TrainingConfig(resize=128, min_object=25, crop=128, crops_per_image=1, augment=False)
    images, labels = training_fields([sample], config, normalize)
    crops = Crops(images, labels, crop=128, crops_per_image=1, augment=False, zoom=0.0, seed=0)
    for epoch in range(3):
        crops.epoch = epoch
        image, seen = crops[0]
        np.testing.assert_array_equal(image[0].numpy(), images[0])
        np.testing.assert_array_equal(seen, renumber(labels[0]))
        assert np.unique(seen).tolist() == list(range(seen.max() + 1))
        assert np.bincount(seen.ravel()).min() >= 25
