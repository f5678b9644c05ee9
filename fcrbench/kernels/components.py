"""Connected components of a multi-valued image, by union-find over its runs."""

import numpy as np

from fcrbench.kernels._jit import inner, jit


@inner
def _find(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@inner
def _union(parent: np.ndarray, a: int, b: int) -> None:
    a = _find(parent, a)
    b = _find(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@jit
def components(
    starts: np.ndarray,
    values: np.ndarray,
    rows: np.ndarray,
    width: int,
    background: np.uint64,
    has_background: bool,
    diagonal: bool,
) -> tuple[np.ndarray, int]:
    """Label of every run: (n,) int32, 0 for background, ids 1..count in raster order of first pixel; and
    count.

    Two rows are walked together; as runs leave no gap, the two runs at hand always overlap, and when both end
    at the same column each also touches the other's successor at a corner. The lowest run of a component is
    its root, so numbering needs no sorting.
    """
    n = values.size
    parent = np.empty(n, np.int64)
    for i in range(n):
        parent[i] = i
    for row in range(1, rows.size - 1):
        above = rows[row - 1]
        here = rows[row]
        here_end = rows[row + 1]
        while here < here_end:
            value = values[here]
            # Background runs are joined too: skipping them costs a test a run and saves nothing in the
            # numbering.
            if values[above] == value:
                _union(parent, above, here)
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if above_stop < here_stop:
                above += 1
                continue
            if above_stop == here_stop:
                if diagonal and here + 1 < here_end:
                    if values[above] == values[here + 1]:
                        _union(parent, above, here + 1)
                    if values[above + 1] == value:
                        _union(parent, above + 1, here)
                above += 1
            here += 1
    labels = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        if has_background and values[i] == background:
            labels[i] = 0
        elif parent[i] == i:
            count += 1
            labels[i] = count
        else:
            labels[i] = labels[parent[i]]
    return labels, count
