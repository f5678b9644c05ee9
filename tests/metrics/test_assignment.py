"""The sparse Hungarian method against scipy's dense one."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fcrbench.kernels.assignment import assign


def total_of(rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, n_rows: int, n_cols: int) -> float:
    chosen = assign(rows, cols, weights, n_rows, n_cols)
    assert chosen.shape == (n_rows,)
    kept = chosen[chosen >= 0]
    assert rows[kept].tolist() == np.flatnonzero(chosen >= 0).tolist()
    assert len(set(cols[kept].tolist())) == len(kept)
    return float(weights[kept].sum())


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 1.0])
def test_total_weight_is_the_best(density: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        n_rows, n_cols = rng.integers(1, 30, 2)
        dense = rng.random((n_rows, n_cols)) * (rng.random((n_rows, n_cols)) < density)
        if rng.random() < 0.3:
            dense = np.ceil(dense * 3)  # many ties
        rows, cols = np.nonzero(dense)
        order = rng.permutation(len(rows))
        rows, cols = rows[order], cols[order]
        best = dense[linear_sum_assignment(dense, maximize=True)].sum()
        found = total_of(rows, cols, dense[rows, cols].astype(float), int(n_rows), int(n_cols))
        assert found == pytest.approx(best, abs=1e-9)


def test_a_long_chain_is_one_group() -> None:
    """Nothing splits the problem up: the last row looks for a way back through all the others."""
    n = 20_000
    rows = np.repeat(np.arange(n), 2)
    cols = np.minimum(rows + np.tile([0, 1], n), n - 1)
    weights = np.tile([0.5, 0.51], n)
    weights[-2:] = 0.5
    assert total_of(rows, cols, weights, n, n) == pytest.approx(0.51 * (n - 1))


def test_no_edges() -> None:
    nothing = np.empty(0, np.int64)
    assert assign(nothing, nothing, np.empty(0), 3, 0).tolist() == [-1, -1, -1]
    assert assign(nothing, nothing, np.empty(0), 0, 4).tolist() == []
