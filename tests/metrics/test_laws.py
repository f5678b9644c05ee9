"""Laws that hold between the scores of any images, tested without an oracle."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_pairs

from fcrbench import metrics

RATIOS = ["dice", "dice2", "aji", "aji_plus", "f1", "pq", "sq", "rq", "ap", "precision", "recall"]
COUNTS = ["tp", "fp", "fn", "n_true", "n_pred", "splits", "merges"]
Pair = tuple[np.ndarray, np.ndarray]


def same(found: metrics.Scores, expected: metrics.Scores, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(expected, name)
        assert getattr(found, name) == pytest.approx(value, abs=1e-12, nan_ok=True), name


def beside(pair: Pair, truth_id: int, pred_id: int) -> Pair:
    """Add one object of one pixel layer to both images, away from all others; id 0 adds none."""
    room = [np.concatenate([image, np.zeros_like(image[:1])]) for image in pair]
    return tuple(
        np.concatenate([image, np.full_like(image[:1], k)])
        for image, k in zip(room, (truth_id, pred_id), strict=True)
    )


def with_pixels(pair: Pair) -> bool:
    return pair[0].size > 0


@settings(max_examples=150)
@given(pair=label_pairs(), data=st.data())
def test_how_the_image_lies_changes_nothing(pair: Pair, data: st.DataObject) -> None:
    found = metrics.score(*pair)
    every = [*RATIOS, *COUNTS, "iou_sum", "ap_per_iou", "f1_per_iou"]
    axes = data.draw(st.sampled_from(list(permutations(range(pair[0].ndim)))))
    same(metrics.score(*(image.transpose(axes) for image in pair)), found, every)
    axis = data.draw(st.integers(0, pair[0].ndim - 1))
    same(metrics.score(*(np.flip(image, axis) for image in pair)), found, every)
    same(metrics.score(*(np.pad(image, 2) for image in pair)), found, every)
    order = np.random.default_rng(0).permutation(pair[0].shape[axis])
    same(metrics.score(*(image.take(order, axis) for image in pair)), found, every)


@settings(max_examples=100)
@given(pair=label_pairs(), times=st.integers(2, 3))
def test_scale_and_depth_change_nothing(pair: Pair, times: int) -> None:
    found = metrics.score(*pair)
    every = [*RATIOS, *COUNTS, "ap_per_iou", "f1_per_iou"]
    same(metrics.score(*(image.repeat(times, 0).repeat(times, 1) for image in pair)), found, every)
    if pair[0].ndim == 2:
        same(metrics.score(*(image[None] for image in pair)), found, every)
        same(metrics.score(*(np.stack([image] * times) for image in pair)), found, every)
        same(metrics.score(*(np.stack([image] * times, -1) for image in pair)), found, every)
    else:
        height, width, depth = pair[0].shape
        same(metrics.score(*(image.reshape(height, width * depth) for image in pair)), found, every)


@settings(max_examples=150)
@given(pair=label_pairs(), inclusive=st.booleans())
def test_truth_and_prediction_swapped(pair: Pair, inclusive: bool) -> None:
    found = metrics.score(*pair, inclusive=inclusive)
    swapped = metrics.score(*pair[::-1], inclusive=inclusive)
    assert (found.tp, found.fp, found.fn) == (swapped.tp, swapped.fn, swapped.fp)
    assert (found.splits, found.merges) == (swapped.merges, swapped.splits)
    assert (found.precision, found.recall) == pytest.approx((swapped.recall, swapped.precision), nan_ok=True)
    same(swapped, found, ["dice", "dice2", "aji_plus", "f1", "pq", "sq", "rq", "ap", "ap_per_iou"])


@settings(max_examples=150)
@given(pair=label_pairs())
def test_ranges_and_relations(pair: Pair) -> None:
    s = metrics.score(*pair)
    if s.n_true + s.n_pred == 0:
        assert all(math.isnan(getattr(s, name)) for name in RATIOS)
        return
    assert all(0 <= getattr(s, name) <= 1 for name in RATIOS)
    assert s.pq == pytest.approx(s.sq * s.rq)
    assert s.rq == s.f1
    assert s.tp == 0 or s.sq > 0.5
    assert s.aji <= s.dice
    assert s.aji_plus <= s.dice / (2 - s.dice) + 1e-12  # the IoU of the foregrounds
    for values in (s.f1_per_iou, s.ap_per_iou):
        assert list(values) == sorted(values, reverse=True)
    assert list(s.ap_per_iou) == pytest.approx([f / (2 - f) for f in s.f1_per_iou])
    assert s.ap == pytest.approx(np.mean(s.ap_per_iou))
    if s.tp:
        assert s.f1 == pytest.approx(2 * s.precision * s.recall / (s.precision + s.recall))
    inclusive = metrics.score(*pair, inclusive=True)
    assert all(a <= b for a, b in zip(s.f1_per_iou, inclusive.f1_per_iou, strict=True))


@settings(max_examples=100)
@given(pair=label_pairs())
def test_perfect_and_hopeless(pair: Pair) -> None:
    labels = pair[0]
    if labels.any():
        s = metrics.score(labels, labels)
        assert all(getattr(s, name) == 1 for name in RATIOS)
        assert (s.fp, s.fn, s.splits, s.merges) == (0, 0, 0, 0)
        nothing = np.zeros_like(labels)
        for images in ((labels, nothing), (nothing, labels)):
            assert all(getattr(metrics.score(*images), name) == 0 for name in RATIOS)


@settings(max_examples=150)
@given(pair=label_pairs())
def test_one_more_false_positive_never_helps(pair: Pair) -> None:
    if not with_pixels(pair):
        return
    before, after = metrics.score(*beside(pair, 0, 0)), metrics.score(*beside(pair, 0, 99))
    assert (after.tp, after.fp, after.fn) == (before.tp, before.fp + 1, before.fn)
    for name in ("dice", "aji", "aji_plus", "f1", "pq", "ap", "precision"):
        assert math.isnan(getattr(before, name)) or getattr(after, name) <= getattr(before, name)
    if before.n_true:
        same(after, before, ["recall", "sq", "dice2", "splits", "merges"])
    if before.tp:
        assert after.pq < before.pq
        assert after.f1 < before.f1


@settings(max_examples=150)
@given(pair=label_pairs())
def test_one_more_missed_object_never_helps(pair: Pair) -> None:
    if not with_pixels(pair):
        return
    before, after = metrics.score(*beside(pair, 0, 0)), metrics.score(*beside(pair, 99, 0))
    assert (after.tp, after.fp, after.fn) == (before.tp, before.fp, before.fn + 1)
    for name in ("dice", "aji", "aji_plus", "f1", "pq", "ap", "recall"):
        assert math.isnan(getattr(before, name)) or getattr(after, name) <= getattr(before, name)
    if before.n_pred:
        same(after, before, ["precision", "sq", "dice2", "splits", "merges"])


@settings(max_examples=150)
@given(pair=label_pairs())
def test_one_more_object_found_exactly_never_hurts(pair: Pair) -> None:
    if not with_pixels(pair):
        return
    before, after = metrics.score(*beside(pair, 0, 0)), metrics.score(*beside(pair, 99, 98))
    assert (after.tp, after.fp, after.fn) == (before.tp + 1, before.fp, before.fn)
    for name in RATIOS:
        value = getattr(before, name)
        assert math.isnan(value) or getattr(after, name) >= value - 1e-12, name


@settings(max_examples=100)
@given(pair=label_pairs())
def test_twice_the_objects_are_twice_the_counts(pair: Pair) -> None:
    both = [np.concatenate([image, np.where(image > 0, image + 50, 0)]) for image in pair]
    once, twice = metrics.score(*pair), metrics.score(*both)
    same(twice, once, [*RATIOS, "ap_per_iou", "f1_per_iou"])
    assert [getattr(twice, name) for name in COUNTS] == [2 * getattr(once, name) for name in COUNTS]


@settings(max_examples=100)
@given(pair=label_pairs(), iou=st.sampled_from([0.5, 0.55, 0.7, 0.95]), inclusive=st.booleans())
def test_every_way_to_a_metric_gives_the_same(pair: Pair, iou: float, inclusive: bool) -> None:
    s = metrics.score(*pair, inclusive=inclusive)
    k = metrics.IOU_THRESHOLDS.index(iou)
    options = {"inclusive": inclusive}
    assert metrics.f1(*pair, iou, **options) == pytest.approx(s.f1_per_iou[k], abs=0, nan_ok=True)
    ap = metrics.average_precision(*pair, iou, **options)
    assert ap == pytest.approx(s.ap_per_iou[k], abs=0, nan_ok=True)
    assert metrics.average_precision(*pair, **options) == pytest.approx(s.ap, abs=1e-15, nan_ok=True)
    assert metrics.pq(*pair, **options) == pytest.approx(s.pq, abs=0, nan_ok=True)
    for name in ("dice", "dice2", "aji", "aji_plus"):
        assert getattr(metrics, name)(*pair) == pytest.approx(getattr(s, name), abs=0, nan_ok=True)
    matched = metrics.matching(*pair, 0.5, **options)
    assert (matched.tp, matched.fp, matched.fn) == (s.tp, s.fp, s.fn)
