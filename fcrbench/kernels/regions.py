"""Sizes of objects, objects given to others, and holes, on runs."""

import numpy as np

from fcrbench.kernels._jit import inner, jit
from fcrbench.kernels.components import find


@jit
def object_sizes(starts: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """(count + 1,) int64, the pixels of the background and of each object 1..count; runs as in `give`."""
    sizes = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        sizes[labels[i]] += starts[i + 1] - starts[i]
    return sizes


@jit
def give(starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, owner: np.ndarray) -> tuple[int, int]:
    """Give each object k to owner[k], in place; ids become 1..n in the order of first pixels.

    starts (n + 1,), labels (n,): the runs, see `postprocess._runs.Runs`; rows (h + 1,): the first run of each
    row, then the number of runs. Runs of a row that become equal neighbours are made one. Returns the number
    of objects and of runs that stay.
    """
    new_id = np.zeros(owner.size, np.int32)
    kept = 0
    n = 0
    for row in range(rows.size - 1):
        first = rows[row]
        rows[row] = n
        for i in range(first, rows[row + 1]):
            k = owner[labels[i]]
            if k > 0 and new_id[k] == 0:
                kept += 1
                new_id[k] = kept
            label = new_id[k]
            if i > first and label == labels[n - 1]:
                continue
            starts[n] = starts[i]
            labels[n] = label
            n += 1
    rows[rows.size - 1] = n
    starts[n] = starts[labels.size]
    return kept, n


@inner
def _agreed(a: int, b: int) -> int:
    """Owner of a region of which two parts have owners a and b: 0 not known, -1 none."""
    if a == 0 or a == b:
        return b
    return a if b == 0 else -1


@inner
def _meet(parent: np.ndarray, owner: np.ndarray, labels: np.ndarray, i: int, j: int) -> None:
    """Runs i and j are neighbours: background joins background, or learns of an object beside it."""
    if labels[j] == 0:
        i, j = j, i
    if labels[i] != 0:
        return
    i = find(parent, i)
    if labels[j] != 0:
        owner[i] = _agreed(owner[i], labels[j])
        return
    j = find(parent, j)
    parent[j] = i
    owner[i] = _agreed(owner[i], owner[j])


@inner
def _meet_all(
    starts: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    width: int,
    parent: np.ndarray,
    owner: np.ndarray,
) -> None:
    """Let every two runs meet that share a side of a pixel."""
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        for i in range(here, end - 1):
            _meet(parent, owner, labels, i, i + 1)
        if row == 0:
            continue
        above = rows[row - 1]
        while here < end:
            _meet(parent, owner, labels, above, here)
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1


@inner
def _mark_sides(rows: np.ndarray, sides: np.ndarray, out: np.ndarray, value: int) -> None:
    """Set out for the runs at those sides: (4,) bool, top, bottom, left, right."""
    height = rows.size - 1
    for row in range(height):
        first = rows[row]
        end = rows[row + 1]
        if (row == 0 and sides[0]) or (row == height - 1 and sides[1]):
            for i in range(first, end):
                out[i] = value
        if sides[2]:
            out[first] = value
        if sides[3]:
            out[end - 1] = value


@jit
def fill_holes(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, width: int, border: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give every 4-connected background region whose 4-neighbours all belong to one object to it, in place.

    One that reaches the border of the image is no hole. border: (4,) bool, which of the sides, top, bottom,
    left, right, are on it. The others are seams, where the image goes on; regions that reach these are left.

    Returns regions, (runs,) int32: 1 .. n in raster order for those that are left at the seams, 0 elsewhere;
    and (n + 1,) int32, the object around each, as far as is known: 0 for none yet, -1 for none at all.
    """
    n_runs = labels.size
    parent = np.arange(n_runs)
    owner = np.zeros(n_runs, np.int32)
    _mark_sides(rows, border, owner, -1)
    _meet_all(starts, labels, rows, width, parent, owner)
    regions = np.zeros(n_runs, np.int32)
    number = np.zeros(n_runs, np.int32)  # of the region, at its root
    _mark_sides(rows, ~border, regions, 1)
    for i in range(n_runs):
        if regions[i] == 1 and labels[i] == 0:
            number[find(parent, i)] = -1
    n = 0
    for i in range(n_runs):
        regions[i] = 0
        if labels[i] != 0:
            continue
        root = find(parent, i)
        if number[root] == -1:
            n += 1
            number[root] = n
        regions[i] = number[root]
        if regions[i] == 0 and owner[root] > 0:
            labels[i] = owner[root]
    around = np.zeros(n + 1, np.int32)
    for i in range(n_runs):
        if number[i] > 0:
            around[number[i]] = owner[i]
    return regions, around
