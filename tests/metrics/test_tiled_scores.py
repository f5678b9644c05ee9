"""Metrics computed tile by tile equal those of the whole images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import label_pairs

from fcrbench import datasets, large, metrics


def same(one, other):
    for name, value in one.to_dict().items():
        np.testing.assert_equal(other.to_dict()[name], value, err_msg=name)


@given(label_pairs(max_side=9), st.sampled_from([1, 2, 3, 100]), st.booleans())
def test_random_pairs(pair, side, inclusive):
    truth, pred = pair
    if truth.ndim == 2:
        found = large.score(truth, pred, inclusive=inclusive, tile=side)
        same(metrics.score(truth, pred, inclusive=inclusive), found)


def test_real_fields():
    dataset = datasets.create("sample")
    truth = np.concatenate([dataset.load(i).labels for i in dataset.splits["val"][:2]])
    pred = np.roll(truth, 3, 1)
    for side in (100, 512):
        same(metrics.score(truth, pred), large.score(truth, pred, tile=side))


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="expected equal shapes"):
        large.score(np.zeros((2, 2), int), np.zeros((2, 3), int))
    with pytest.raises(TypeError, match="pred: expected an array of an integer dtype"):
        large.score(np.zeros((2, 2), int), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="truth: expected ids >= 0"):
        large.score(np.full((2, 2), -1), np.zeros((2, 2), int))
