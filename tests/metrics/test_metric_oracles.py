"""Every metric against its naive definition, on drawn label images."""

import math
from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_pairs, laid_out, renamed

from fcrbench import metrics

RATIOS = ["dice", "dice2", "aji", "aji_plus", "f1", "pq", "sq", "rq", "ap", "precision", "recall"]
PERCENT = range(50, 100, 5)


def expected(o: oracles.Objects, inclusive: bool) -> dict[str, Fraction | int]:
    n, m = len(o.truth), len(o.pred)
    matched = {p: oracles.matching(o, Fraction(p, 100), inclusive) for p in PERCENT}
    tp = len(matched[50])
    iou_sum = sum((o.iou(*pair) for pair in matched[50]), Fraction(0))
    zero = Fraction(0)
    values = {
        "dice": oracles.dice(o),
        "dice2": oracles.dice2(o),
        "aji": oracles.aji(o),
        "aji_plus": oracles.aji_plus(o),
        "pq": 2 * iou_sum / (n + m),
        "sq": iou_sum / tp if tp else zero,
        "rq": Fraction(2 * tp, n + m),
        "f1": Fraction(2 * tp, n + m),
        "precision": Fraction(tp, m) if m else zero,
        "recall": Fraction(tp, n) if n else zero,
    }
    for p in PERCENT:
        hits = len(matched[p])
        values[f"ap_{p}"] = Fraction(hits, n + m - hits)
        values[f"f1_{p}"] = Fraction(2 * hits, n + m)
    values["ap"] = sum(values[f"ap_{p}"] for p in PERCENT) / 10
    counts = {"tp": tp, "fp": m - tp, "fn": n - tp, "n_true": n, "n_pred": m}
    return values | counts | {"splits": oracles.splits(o), "merges": oracles.merges(o)}


@settings(max_examples=300)
@given(pair=label_pairs(), inclusive=st.booleans())
def test_score_is_the_definition(pair: tuple[np.ndarray, np.ndarray], inclusive: bool) -> None:
    truth, pred = pair
    found = metrics.score(truth, pred, inclusive=inclusive).to_dict()
    o = oracles.Objects.of(truth, pred)
    if not o.truth and not o.pred:
        assert all(math.isnan(found[name]) for name in RATIOS)
        assert all(math.isnan(found[f"{name}_{p}"]) for name in ("ap", "f1") for p in PERCENT)
        assert found["tp"] == found["fp"] == found["fn"] == found["splits"] == found["merges"] == 0
        return
    for name, value in expected(o, inclusive).items():
        assert found[name] == pytest.approx(float(value), abs=1e-12), name


@settings(max_examples=100)
@given(
    pair=label_pairs(),
    iou=st.fractions(0, 1, max_denominator=20),
    inclusive=st.booleans(),
)
def test_functions_at_any_threshold(
    pair: tuple[np.ndarray, np.ndarray], iou: Fraction, inclusive: bool
) -> None:
    truth, pred = pair
    o = oracles.Objects.of(truth, pred)
    n, m = len(o.truth), len(o.pred)
    found = metrics.matching(truth, pred, float(iou), inclusive=inclusive)
    best = oracles.matching(o, iou, inclusive)
    assert found.tp == len(best)
    assert found.tp + found.fn == n
    assert found.tp + found.fp == m
    pairs = list(zip(found.true_ids.tolist(), found.pred_ids.tolist(), strict=True))
    assert found.pair_iou.tolist() == [float(o.iou(*p)) for p in pairs]
    total = float(sum(o.iou(*p) for p in best))
    assert found.pair_iou.sum() == pytest.approx(total, abs=1e-9)
    assert set(found.true_ids.tolist()) | set(found.missed_ids.tolist()) == set(o.truth)
    assert set(found.pred_ids.tolist()) | set(found.spurious_ids.tolist()) == set(o.pred)
    if n + m:
        tp = len(best)
        assert metrics.f1(truth, pred, float(iou), inclusive=inclusive) == pytest.approx(2 * tp / (n + m))
        assert metrics.pq(truth, pred, float(iou), inclusive=inclusive) == pytest.approx(2 * total / (n + m))
        ap = metrics.average_precision(truth, pred, float(iou), inclusive=inclusive)
        assert ap == pytest.approx(tp / (n + m - tp))


@settings(max_examples=150)
@given(data=st.data(), pair=label_pairs())
def test_dtype_layout_and_ids_change_nothing(
    data: st.DataObject, pair: tuple[np.ndarray, np.ndarray]
) -> None:
    truth, pred = pair
    found = metrics.score(truth, pred)
    again = metrics.score(data.draw(laid_out(truth)), data.draw(laid_out(pred)))
    assert repr(again) == repr(found)
    # AJI gives a tie in IoU to the lowest id, so other ids may change it; nothing else may move.
    other = metrics.score(data.draw(renamed(truth)), data.draw(renamed(pred))).to_dict()
    for name, value in found.to_dict().items():
        if not name.startswith("aji") or name.startswith("aji_plus"):
            assert other[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name
