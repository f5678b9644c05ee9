"""Worked values, edge cases, refused input."""

import math
from fractions import Fraction

import numpy as np
import pytest

from fcrbench import metrics

RATIOS = ["dice", "dice2", "aji", "aji_plus", "f1", "pq", "sq", "rq", "ap", "precision", "recall"]


def test_one_truth_cut_in_two_halves() -> None:
    truth = np.ones((4, 4), np.uint8)
    pred = np.array([[1, 1, 2, 2]] * 4)
    s = metrics.score(truth, pred)
    assert (s.aji, s.dice2, s.dice) == (1 / 3, 2 / 3, 1)
    assert (s.tp, s.fp, s.fn, s.splits, s.merges) == (0, 2, 1, 1, 0)
    inclusive = metrics.score(truth, pred, inclusive=True)
    assert (inclusive.tp, inclusive.fp, inclusive.fn, inclusive.sq) == (1, 1, 0, 0.5)
    assert metrics.f1(truth, pred) == 0
    assert metrics.f1(truth, pred, inclusive=True) == 2 / 3


def test_one_prediction_over_two_truths() -> None:
    truth, pred = np.zeros((2, 20, 20), np.int32)
    truth[:8, :8], truth[8:16, :8] = 1, 2
    pred[:18, :8] = 7
    s = metrics.score(truth, pred)
    assert s.aji == 128 / 288
    assert s.aji_plus == 64 / 208
    assert (s.splits, s.merges) == (0, 1)
    assert metrics.aji(truth, pred) == 128 / 288
    assert metrics.aji_plus(truth, pred) == 64 / 208


def test_aji_takes_the_largest_iou_not_the_largest_intersection() -> None:
    truth, pred = np.zeros((2, 1, 400), np.int32)
    truth[0, 100:150] = 1
    pred[0, 0:120] = 1  # 20 shared, union 150: IoU 0.133
    pred[0, 120:136] = 2  # 16 shared, union 50: IoU 0.32
    assert metrics.aji(truth, pred) == 16 / (50 + 120)


def test_aji_tie_goes_to_the_lowest_id() -> None:
    # Both predictions have IoU 1/4; taking one leaves the other, so the value tells which was taken.
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0]])
    low_is_small = np.array([[5, 0, 9, 9, 9, 9, 9, 0]])  # id 5: 1 of 4; id 9: 2 of 7
    assert metrics.aji(truth, low_is_small) == 2 / (7 + 1)
    tie = np.array([[9, 0, 5, 5, 5, 5, 5, 5]])  # id 9: 1/4; id 5: 2/8
    assert metrics.aji(truth, tie) == 2 / (8 + 1)
    assert metrics.aji(truth, np.where(tie == 5, 12, tie)) == 1 / (4 + 6)


def test_a_perfect_object_and_a_false_positive() -> None:
    truth = np.array([[1, 1, 0, 0]])
    pred = np.array([[3, 3, 0, 4]])
    s = metrics.score(truth, pred)
    assert s.pq == pytest.approx(1 / 1.5)
    assert (s.sq, s.dice2, s.recall, s.precision) == (1, 1, 1, 0.5)
    assert s.ap == pytest.approx(0.5)


def test_iou_of_seven_tenths_is_compared_exactly() -> None:
    truth, pred = np.ones((2, 1, 10), np.int8)
    pred[0, 7:] = 0
    for threshold in (0.7, 0.7000000000000002, Fraction(7, 10), np.float64(0.7)):
        assert metrics.matching(truth, pred, threshold).tp == 0
        assert metrics.matching(truth, pred, threshold, inclusive=True).tp == 1
    assert metrics.score(truth, pred).f1_per_iou == (1.0,) * 4 + (0.0,) * 6
    assert metrics.score(truth, pred, inclusive=True).f1_per_iou == (1.0,) * 5 + (0.0,) * 5


def test_average_precision_at_some_thresholds() -> None:
    truth, pred = np.ones((2, 1, 10), np.int8)
    pred[0, 8:] = 0
    assert metrics.average_precision(truth, pred) == pytest.approx(0.6)
    assert metrics.average_precision(truth, pred, 0.5) == 1
    assert metrics.average_precision(truth, pred, [0.5, 0.9]) == 0.5
    assert metrics.average_precision(truth, pred, np.array([0.5, 0.9])) == 0.5


def test_most_pairs_come_before_the_largest_total_iou() -> None:
    truth = np.array([[1] * 2 + [2] * 10])
    pred = np.array([[0] + [1] * 9 + [2] * 2])
    # IoU: 1-1 1/10, 2-1 8/11, 2-2 2/10. One pair has the larger total, two are more pairs.
    found = metrics.matching(truth, pred, 0.05)
    assert (found.true_ids.tolist(), found.pred_ids.tolist()) == ([1, 2], [1, 2])
    assert found.pair_iou.tolist() == [0.1, 0.2]
    assert metrics.matching(truth, pred, 0.15).pair_iou.tolist() == [8 / 11]
    assert metrics.aji_plus(truth, pred) == 8 / (12 + 11 - 8)


def test_aji_plus_tie_goes_to_the_larger_intersection() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0]])
    tie = np.array([[9, 0, 5, 5, 5, 5, 5, 5]])  # IoU 1/4 = 2/8
    for flip in (slice(None), slice(None, None, -1)):
        assert metrics.aji_plus(truth[:, flip], tie[:, flip]) == 2 / (4 + 7 - 2)
        assert metrics.aji_plus(tie[:, flip], truth[:, flip]) == 2 / (4 + 7 - 2)


@pytest.mark.parametrize("shape", [(5, 5), (0, 5), (5, 0), (0, 0), (2, 3, 4), (0, 2, 2)])
def test_both_empty(shape: tuple[int, ...]) -> None:
    nothing = np.zeros(shape, np.uint16)
    assert all(math.isnan(getattr(metrics.score(nothing, nothing), name)) for name in RATIOS)
    for empty, value in (("one", 1.0), ("zero", 0.0)):
        s = metrics.score(nothing, nothing, empty=empty)
        assert all(getattr(s, name) == value for name in RATIOS)
        assert s.ap_per_iou == s.f1_per_iou == (value,) * 10
        for function in (metrics.dice, metrics.dice2, metrics.aji, metrics.aji_plus, metrics.f1, metrics.pq):
            assert function(nothing, nothing, empty=empty) == value
        assert metrics.average_precision(nothing, nothing, empty=empty) == value
    s = metrics.score(nothing, nothing)
    assert (s.tp, s.fp, s.fn, s.n_true, s.n_pred) == (0, 0, 0, 0, 0)
    assert metrics.matching(nothing, nothing).tp == 0


def test_one_side_empty_and_no_background() -> None:
    some, nothing = np.ones((3, 3), int), np.zeros((3, 3), int)
    for pair in ((some, nothing), (nothing, some)):
        s = metrics.score(*pair, empty="one")
        assert all(getattr(s, name) == 0 for name in RATIOS)
    full = np.arange(1, 10).reshape(3, 3)
    assert metrics.score(full, full).pq == 1


def test_ids_up_to_the_last() -> None:
    truth = np.array([[0, 2**63 - 1, 2**63 - 1, 5]], np.int64)
    pred = np.array([[0, 2**64 - 1, 2**64 - 1, 2**63]], np.uint64)
    found = metrics.matching(truth, pred)
    assert found.true_ids.tolist() == [2**63 - 1, 5]
    assert found.pred_ids.tolist() == [2**64 - 1, 2**63]
    assert metrics.score(truth, pred).ap == 1


def test_many_objects_grow_the_tables() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 40_000, (300, 300))
    pred = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, 40_000, truth.shape))
    table = metrics.overlap_table(truth, pred)
    pairs, shared = np.unique(np.stack([truth, pred], -1).reshape(-1, 2), axis=0, return_counts=True)
    inside = (pairs > 0).all(1)
    found = {
        (int(table.true_ids[t]), int(table.pred_ids[p])): n
        for t, p, n in zip(table.true_index, table.pred_index, table.shared.tolist(), strict=True)
    }
    expected = dict(zip(map(tuple, pairs[inside].tolist()), shared[inside].tolist(), strict=True))
    assert found == expected
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    order = np.argsort(table.true_ids)
    assert table.true_ids[order].tolist() == ids.tolist()
    assert table.true_area[order].tolist() == areas.tolist()


def test_slabs_of_a_large_strided_image_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(np.repeat(rng.integers(0, 50, (90, 80)), 10, 0), 10, 1)
    pred = np.roll(truth, 3, 1)
    expected = metrics.score(truth, pred)
    monkeypatch.setattr(metrics.overlap, "SLAB", 10_000)
    assert metrics.score(truth, pred) == expected
    strided = np.zeros((900, 1600), np.uint16)
    strided[:, ::2] = pred
    assert metrics.score(truth, strided[:, ::2]) == expected
    assert metrics.score(np.asfortranarray(truth), pred) == expected
    assert metrics.score(np.asfortranarray(truth), np.asfortranarray(pred)) == expected


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    truth = torch.tensor([[0, 1, 1], [2, 2, 0]])
    assert metrics.score(truth, truth.to(torch.uint8)).pq == 1


def test_bool_is_one_object() -> None:
    mask = np.array([[True, False]])
    assert metrics.score(mask, mask).n_true == 1


@pytest.mark.parametrize(
    ("truth", "pred", "error", "message"),
    [
        (
            np.zeros((2, 2)),
            np.zeros((2, 2), int),
            TypeError,
            "truth: expected .*integer dtype, found float64",
        ),
        (np.zeros((2, 2), int), np.zeros((2, 2), "f4"), TypeError, "pred: .*float32"),
        (
            np.zeros((2, 2), int),
            np.zeros((2, 3), int),
            ValueError,
            r"equal shapes, found \(2, 2\) and \(2, 3\)",
        ),
        (np.zeros(4, int), np.zeros(4, int), ValueError, r"2-D or 3-D arrays, found shape \(4,\)"),
        (np.zeros((1,) * 4, int), np.zeros((1,) * 4, int), ValueError, "2-D or 3-D"),
        (np.array([[-3, 1]], "i2"), np.array([[0, 1]]), ValueError, "truth: expected ids >= 0 .*found -3"),
        (np.array([[0, 1]]), np.array([[-(2**63), 1]]), ValueError, f"pred: .*found -{2**63}"),
        (np.array([["a"]]), np.array([[1]]), TypeError, "truth: expected"),
    ],
)
def test_refused(truth: np.ndarray, pred: np.ndarray, error: type[Exception], message: str) -> None:
    for function in (metrics.score, metrics.aji, metrics.matching):
        with pytest.raises(error, match=message):
            function(truth, pred)


def test_refused_options() -> None:
    one = np.ones((1, 1), int)
    with pytest.raises(ValueError, match='empty: expected "nan", "one" or "zero", found 0'):
        metrics.score(one, one, empty=0)
    for bad in (-0.1, 1.5, float("nan"), "0.5", None):
        with pytest.raises(ValueError, match="iou: expected a number from 0 to 1"):
            metrics.f1(one, one, bad)
    with pytest.raises(ValueError, match="at least one threshold"):
        metrics.average_precision(one, one, [])


def test_ids_that_differ_in_their_highest_bits_only() -> None:
    truth = np.repeat(np.arange(4000, dtype=np.uint64) << np.uint64(52), 3).reshape(100, 120)
    found = metrics.matching(truth, truth)
    assert found.true_ids.tolist() == found.pred_ids.tolist() == [k << 52 for k in range(1, 4000)]


def test_many_pairs_over_many_pixels() -> None:
    """There are more pixels than in one step, and more pairs than the first hash table holds."""
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(0, 20_000, (110, 100)), np.ones((9, 9), np.int64))
    pred = np.roll(truth, (2, 3), (0, 1))
    ids, counts = np.unique(np.stack([truth.ravel(), pred.ravel()]), axis=1, return_counts=True)
    both = (ids > 0).all(axis=0)
    table = metrics.overlap_table(truth, pred)
    found = {
        (int(table.true_ids[t]), int(table.pred_ids[p])): int(n)
        for t, p, n in zip(table.true_index, table.pred_index, table.shared, strict=True)
    }
    assert len(found) > 10_000
    assert found == {(int(t), int(p)): int(n) for (t, p), n in zip(ids.T[both], counts[both], strict=True)}


def test_equal_matchings_do_not_hang_on_the_layout() -> None:
    """Below an IoU of 1/2, ids decide between matchings with equal totals, not the order in memory."""
    truth = np.array([[1, 1, 2, 2], [1, 1, 2, 2]])
    pred = np.array([[5, 5, 5, 5], [4, 4, 4, 4]])
    matched = {
        tuple(zip(found.true_ids.tolist(), found.pred_ids.tolist(), strict=True))
        for found in (
            metrics.matching(truth, pred, iou=0.2),
            metrics.matching(np.asfortranarray(truth), np.asfortranarray(pred), iou=0.2),
            metrics.matching(truth[::-1], pred[::-1], iou=0.2),
        )
    }
    assert len({tuple(sorted(pairs)) for pairs in matched}) == 1
