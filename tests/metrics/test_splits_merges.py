"""Splits and merges by both rules, from their definitions and on real fields."""

from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import label_pairs

from fcrbench import datasets, metrics, postprocess


@given(label_pairs(), st.sampled_from([0, 0.1, 0.25, 1 / 3, 0.5]))
def test_both_rules_are_their_definitions(pair: tuple[np.ndarray, np.ndarray], iou: float) -> None:
    o = oracles.Objects.of(*pair)
    assert metrics.splits_merges(*pair) == (oracles.splits(o), oracles.merges(o))
    threshold = Fraction(iou).limit_denominator(10_000)
    found = metrics.splits_merges(*pair, iou=iou)
    assert found == oracles.splits_merges_by_iou(o, threshold)
    assert metrics.splits_merges(pair[1], pair[0], iou=iou) == found[::-1]


def test_where_the_two_rules_part() -> None:
    """One large prediction over twelve truth objects is a merge only by halves, as no IoU is above 1/12.

    A truth object with two predictions that lie half outside it is a split only by IoU.
    """
    truth, pred = np.repeat(np.arange(1, 13), 5)[None], np.full((1, 60), 7)
    assert metrics.splits_merges(truth, pred) == (0, 1)
    assert metrics.splits_merges(truth, pred, iou=0.1) == (0, 0)
    assert metrics.splits_merges(truth, pred, iou=0) == (0, 1)
    truth = np.array([[0] * 5 + [1] * 10 + [0] * 5])
    pred = np.array([[1] * 10 + [2] * 10])
    assert metrics.splits_merges(truth, pred) == (0, 0)
    assert metrics.splits_merges(truth, pred, iou=0.1) == (1, 0)


def test_an_iou_of_one_tenth_is_no_partner() -> None:
    truth = np.array([[1] * 10 + [2] * 10])
    pred = np.array([[1] + [2] * 9 + [0] * 10])
    assert metrics.splits_merges(truth, pred, iou=0.1) == (0, 0)  # IoU 1/10 and 9/10
    assert metrics.splits_merges(truth, pred, iou=0.0999) == (1, 0)


def test_ten_real_fields_from_the_dense_table() -> None:
    """Predictions are components of the pixels brighter than the mean, which merges touching nuclei."""
    sample = datasets.create("sample")
    total = np.zeros((2, 2), int)
    for name in sample.splits["val"]:
        field = sample.load(name)
        truth = postprocess.remove_small(field.labels, 1)
        pred = postprocess.remove_small(postprocess.label(field.image > field.image.mean())[0], 10)
        shared = np.zeros((truth.max() + 1, pred.max() + 1))
        np.add.at(shared, (truth, pred), 1)
        iou = shared / (shared.sum(1, keepdims=True) + shared.sum(0) - shared)
        partners = iou[1:, 1:] > 0.1
        by_iou = metrics.splits_merges(truth, pred, iou=0.1)
        assert by_iou == ((partners.sum(1) > 1).sum(), (partners.sum(0) > 1).sum())
        by_halves = metrics.splits_merges(truth, pred)
        s = metrics.score(truth, pred)
        assert by_halves == (s.splits, s.merges)
        total += [by_halves, by_iou]
    assert total[0, 1] > total[1, 1] > 10


def test_refused() -> None:
    labels = np.ones((2, 2), int)
    for bad in (-0.1, 1.5, "half"):
        with pytest.raises(ValueError, match="iou: expected a number from 0 to 1"):
            metrics.splits_merges(labels, labels, iou=bad)
    with pytest.raises(ValueError, match="equal shapes"):
        metrics.splits_merges(labels, labels[:1])
    nothing = np.zeros((2, 2), int)
    assert metrics.splits_merges(nothing, nothing, iou=0.1) == (0, 0)
