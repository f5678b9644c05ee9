"""Small objects and holes, decided on runs."""

import numpy as np

from fcrbench.kernels._jit import inner, jit


@jit
def drop_small(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, count: int, min_size: int
) -> tuple[int, int]:
    """Set objects of fewer than min_size pixels to 0 and close the gaps in the ids 1..count, in place.

    Runs of a row that become equal neighbours are made one, as kernels expect. Returns the number of objects
    and of runs that stay.
    """
    sizes = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        sizes[labels[i]] += starts[i + 1] - starts[i]
    new_id = np.zeros(count + 1, np.int32)
    kept = 0
    for k in range(1, count + 1):
        if sizes[k] >= min_size:
            kept += 1
            new_id[k] = kept
    n = 0
    for row in range(rows.size - 1):
        first = rows[row]
        rows[row] = n
        for i in range(first, rows[row + 1]):
            label = new_id[labels[i]]
            if i > first and label == labels[n - 1]:
                continue
            starts[n] = starts[i]
            labels[n] = label
            n += 1
    rows[rows.size - 1] = n
    starts[n] = starts[labels.size]
    return kept, n


@inner
def _meet(owner: np.ndarray, holes: np.ndarray, labels: np.ndarray, i: int, j: int) -> None:
    """Note that runs i and j are neighbours. owner: 0 unknown, id of the only neighbour so far, -1 several or
    edge.
    """
    if labels[j] == 0:
        i, j = j, i
    if labels[i] != 0 or labels[j] == 0:
        return
    hole = holes[i]
    if owner[hole] == 0:
        owner[hole] = labels[j]
    elif owner[hole] != labels[j]:
        owner[hole] = -1


@jit
def fill_holes(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, width: int, holes: np.ndarray, n_holes: int
) -> None:
    """Give every 4-connected background region whose 4-neighbours all belong to one object to it, in place.

    holes is the id 1..n_holes of each run's background region. One that reaches the edge of the image is no
    hole.
    """
    height = rows.size - 1
    owner = np.zeros(n_holes + 1, np.int32)
    for row in range(height):
        first = rows[row]
        end = rows[row + 1]
        owner[holes[first]] = -1
        owner[holes[end - 1]] = -1
        for i in range(first, end - 1):
            _meet(owner, holes, labels, i, i + 1)
        if row == 0 or row == height - 1:
            for i in range(first, end):
                owner[holes[i]] = -1
        if row == 0:
            continue
        above = rows[row - 1]
        here = first
        while here < end:
            _meet(owner, holes, labels, above, here)
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1
    for i in range(labels.size):
        if labels[i] == 0 and owner[holes[i]] > 0:
            labels[i] = owner[holes[i]]
