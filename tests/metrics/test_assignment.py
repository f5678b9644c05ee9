"""The sparse Hungarian method against scipy's dense one."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fcrbench.kernels.assignment import TIE, assign


def total_iou(
    rows: np.ndarray, cols: np.ndarray, shared: np.ndarray, union: np.ndarray, n: int, m: int
) -> float:
    chosen, matched = assign(rows, cols, shared, union, n, m, 0.0)
    assert chosen.shape == (n,)
    kept = chosen[chosen >= 0]
    assert rows[kept].tolist() == np.flatnonzero(chosen >= 0).tolist()
    assert len(set(cols[kept].tolist())) == len(kept)
    assert matched == shared[kept].sum()
    return float((shared / union)[kept].sum())


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 1.0])
def test_the_total_is_the_best(density: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, m = (int(side) for side in rng.integers(1, 30, 2))
        rows, cols = np.nonzero(rng.random((n, m)) < density)
        order = rng.permutation(len(rows))
        rows, cols = rows[order], cols[order]
        few = rng.random() < 0.3  # values, so many ties
        shared = rng.integers(1, 3 if few else 1000, len(rows))
        union = shared + rng.integers(0, 3 if few else 1000, len(rows))
        dense = np.zeros((n, m))
        dense[rows, cols] = shared / union + TIE * shared / max(shared.sum(), 1)
        best = dense[linear_sum_assignment(dense, maximize=True)].sum()
        assert total_iou(rows, cols, shared, union, n, m) == pytest.approx(best, abs=2 * TIE)


def test_of_equal_totals_the_largest_intersection() -> None:
    """Two matchings have equal IoUs of 1/2: one shares 1 + 1 pixels, the other 10 + 10."""
    rows, cols = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    for larger in (0, 1):
        shared = np.where((rows == cols) == (larger == 0), 10, 1)
        chosen, matched = assign(rows, cols, shared, 2 * shared, 2, 2, 0.0)
        assert matched == 20
        assert cols[chosen].tolist() == ([0, 1] if larger == 0 else [1, 0])


def test_a_long_chain_is_one_group() -> None:
    """One long chain of overlaps: the search from the last row goes through all other rows."""
    n = 20_000
    rows = np.repeat(np.arange(n), 2)
    cols = np.minimum(rows + np.tile([0, 1], n), n - 1)
    shared = np.tile([50, 51], n)
    shared[-2:] = 50
    assert total_iou(rows, cols, shared, np.full(2 * n, 100), n, n) == pytest.approx(0.51 * (n - 1))


def test_no_edges() -> None:
    nothing = np.empty(0, np.int64)
    for n, m in ((3, 0), (0, 4)):
        chosen, matched = assign(nothing, nothing, nothing, nothing, n, m, 0.0)
        assert chosen.tolist() == [-1] * n
        assert matched == 0
