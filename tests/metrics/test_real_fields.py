"""Real nuclei of the embedded sample: every metric against its definition, at real size and density."""

from fractions import Fraction

import numpy as np
import oracles
import pytest
from scipy.optimize import linear_sum_assignment

from fcrbench import datasets, metrics


def damaged(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the labels moved by a few pixels, with some nuclei lost, joined or cut, and one added."""
    rng = np.random.default_rng(seed)
    pred = np.roll(labels, rng.integers(-3, 4, 2), (0, 1)).astype(np.int64)
    ids = rng.permutation(np.unique(pred[pred > 0]))
    pred[np.isin(pred, ids[:3])] = 0
    for a, b in zip(ids[3:6], ids[6:9], strict=True):
        pred[pred == a] = b
    for k in ids[9:14]:
        rows, cols = np.nonzero(pred == k)
        cut = cols > np.median(cols)
        pred[rows[cut], cols[cut]] = k + 1000
    pred[:9, :9] = 2**40
    return pred


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_real_field(seed: int) -> None:
    sample = datasets.create("sample")
    truth = sample.load(sample.splits["val"][seed]).labels
    pred = damaged(truth, seed)
    found = metrics.score(truth, pred)
    o = oracles.Objects.of(truth, pred)
    assert found.n_true == len(o.truth) > 20
    assert found.n_pred == len(o.pred)
    assert found.dice == float(oracles.dice(o))
    assert found.dice2 == float(oracles.dice2(o))
    assert found.aji == float(oracles.aji(o))
    assert (found.splits, found.merges) == (oracles.splits(o), oracles.merges(o))

    iou = {pair: o.iou(*pair) for pair in o.overlapping()}
    hits = {pair: value for pair, value in iou.items() if value > Fraction(1, 2)}
    objects = len(o.truth) + len(o.pred)
    assert found.tp == len(hits)
    assert found.pq == pytest.approx(float(2 * sum(hits.values()) / objects), abs=1e-12)
    for k, percent in enumerate(range(50, 100, 5)):
        tp = sum(value > Fraction(percent, 100) for value in iou.values())
        assert found.f1_per_iou[k] == 2 * tp / objects
        assert found.ap_per_iou[k] == tp / (objects - tp)

    true_ids, pred_ids = list(o.truth), list(o.pred)
    dense = np.zeros((len(true_ids), len(pred_ids)))
    for (t, p), value in iou.items():
        dense[true_ids.index(t), pred_ids.index(p)] = value
    rows, cols = linear_sum_assignment(dense, maximize=True)
    shared = sum(len(o.truth[true_ids[r]] & o.pred[pred_ids[c]]) for r, c in zip(rows, cols, strict=True))
    area = np.count_nonzero(truth) + np.count_nonzero(pred)
    assert found.aji_plus == shared / (area - shared)
