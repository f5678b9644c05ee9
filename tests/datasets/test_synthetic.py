"""Drawn nuclei: exact truth, touching, and the same for the same seed."""

import numpy as np
import pytest
from scipy import ndimage

from fcrbench import datasets
from fcrbench.errors import UsageError


def touching_pairs(labels):
    pairs = set()
    for a, b in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        edge = (a != b) & (a > 0) & (b > 0)
        pairs |= {tuple(sorted(pair)) for pair in zip(a[edge].tolist(), b[edge].tolist(), strict=True)}
    return len(pairs)


def test_objects_are_whole_and_many_touch():
    dataset = datasets.create("synthetic", n_train=3, n_val=1, size=(160, 200))
    assert [len(ids) for ids in dataset.splits.values()] == [3, 1]
    touching = 0
    for field in dataset.samples("train"):
        assert field.image.shape == field.labels.shape == (160, 200)
        assert (field.image.dtype, field.labels.dtype) == (np.uint16, np.int32)
        assert field.labels.max() >= 30
        for number in range(1, field.labels.max() + 1):
            mask = field.labels == number
            assert mask.sum() >= 12
            assert ndimage.label(mask)[1] == 1
        touching += touching_pairs(field.labels)
        assert field.image[field.labels > 0].mean() > 2 * field.image[field.labels == 0].mean()
    assert touching >= 15


def test_deterministic_by_id_and_options():
    one = datasets.create("synthetic", size=64, n_nuclei=8)
    more = datasets.create("synthetic", size=64, n_nuclei=8, n_train=99)
    id_ = one.splits["train"][1]
    a, b = one.load(id_), more.load(id_)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.labels, b.labels)
    for other in (one.load(one.splits["train"][0]), one.load(one.splits["val"][1])):
        assert (other.image != a.image).any()
    reseeded = datasets.create("synthetic", size=64, n_nuclei=8, seed=1)
    assert (reseeded.load(id_).labels != a.labels).any()


def test_noise_and_blur_do_not_touch_the_truth():
    id_ = "synthetic-train-0000"
    clean = datasets.create("synthetic", size=64, noise=0, blur=0).load(id_)
    rough = datasets.create("synthetic", size=64, noise=3, blur=3).load(id_)
    np.testing.assert_array_equal(clean.labels, rough.labels)
    assert clean.image[clean.labels == 0].std() == 0


def test_touching_is_a_choice():
    def pairs(touching):
        dataset = datasets.create("synthetic", touching=touching, n_nuclei=30)
        return sum(touching_pairs(field.labels) for field in dataset.samples("val"))

    apart, close = pairs(0.0), pairs(1.0)
    assert close > 3 * apart


def test_no_nuclei_and_no_room():
    assert not datasets.create("synthetic", n_nuclei=0).load("synthetic-val-0000").labels.any()
    crowded = datasets.create("synthetic", size=32, n_nuclei=150).load("synthetic-val-0000")
    assert 1 <= crowded.labels.max() < 30


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 8}, "size is 8"),
        ({"touching": 1.5}, "touching is 1.5"),
        ({"noise": -1}, "noise is -1"),
        ({"blur": float("nan")}, "blur is nan"),
        ({"n_train": 0, "n_val": 0}, "both 0"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(UsageError, match=words):
        datasets.create("synthetic", **options)
    with pytest.raises(UsageError, match="no field"):
        datasets.create("synthetic").load("synthetic-val-9999")
