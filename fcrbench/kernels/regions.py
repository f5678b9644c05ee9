"""Sizes of objects, reassignment of objects and filling of holes, computed on runs."""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline
from fcrbench.kernels.components import find_root


@jit
def object_sizes(starts: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return (count + 1,) int64, the pixels of the background and of each object 1..count.

    starts, labels: the runs, as in `reassign_objects`.
    """
    sizes = np.zeros(count + 1, np.int64)
    for i in range(labels.size):
        sizes[labels[i]] += starts[i + 1] - starts[i]
    return sizes


@jit
def reassign_objects(
    starts: np.ndarray, labels: np.ndarray, rows: np.ndarray, owner: np.ndarray
) -> tuple[int, int]:
    """Reassign each object k to owner[k] in place; ids become 1..n in the order of first pixels.

    starts (n + 1,) and labels (n,) are the runs, see `postprocess._runs.Runs`. rows (h + 1,) holds the first
    run of each row, then the number of runs. Neighbouring runs of a row that become equal are merged. Returns
    the number of objects and the number of runs that remain.
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


@jit_inline
def _merge_owners(a: int, b: int) -> int:
    """Return the owner of a region whose two parts have owners a and b; 0 is unknown, -1 is none."""
    if a == 0 or a == b:
        return b
    return a if b == 0 else -1


@jit_inline
def _join_runs(parent: np.ndarray, owner: np.ndarray, labels: np.ndarray, i: int, j: int) -> None:
    """Join two neighbouring runs of background; if one is an object, note it beside the other's region."""
    if labels[j] == 0:
        i, j = j, i
    if labels[i] != 0:
        return
    i = find_root(parent, i)
    if labels[j] != 0:
        owner[i] = _merge_owners(owner[i], labels[j])
        return
    j = find_root(parent, j)
    parent[j] = i
    owner[i] = _merge_owners(owner[i], owner[j])


@jit_inline
def _join_all_runs(
    starts: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    width: int,
    parent: np.ndarray,
    owner: np.ndarray,
) -> None:
    """Call `_join_runs` for every two runs that share a side of a pixel."""
    for row in range(rows.size - 1):
        here = rows[row]
        end = rows[row + 1]
        for i in range(here, end - 1):
            _join_runs(parent, owner, labels, i, i + 1)
        if row == 0:
            continue
        above = rows[row - 1]
        while here < end:
            _join_runs(parent, owner, labels, above, here)
            above_stop = starts[above + 1] + width
            here_stop = starts[here + 1]
            if above_stop <= here_stop:
                above += 1
            if here_stop <= above_stop:
                here += 1


@jit_inline
def _mark_runs_at_sides(rows: np.ndarray, sides: np.ndarray, out: np.ndarray, value: int) -> None:
    """Set `out` to `value` for the runs at some sides, given as (4,) bool: top, bottom, left, right."""
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
    """Fill holes in place: 4-connected background regions whose 4-neighbours all belong to one object.

    A region that reaches the border of the image is not a hole. border (4,) bool tells which of the sides
    top, bottom, left and right lie on it. The other sides are seams, beyond which the image continues;
    regions that reach a seam are not filled.

    Returns regions (runs,) int32, which numbers the regions at seams 1 .. n in raster order and is 0
    elsewhere, and (n + 1,) int32, the object around each region as far as it is known: 0 if there is none
    yet, -1 if the region is not a hole.
    """
    n_runs = labels.size
    parent = np.arange(n_runs)
    owner = np.zeros(n_runs, np.int32)
    _mark_runs_at_sides(rows, border, owner, -1)
    _join_all_runs(starts, labels, rows, width, parent, owner)
    regions = np.zeros(n_runs, np.int32)
    number = np.zeros(n_runs, np.int32)  # of the region, at its root
    _mark_runs_at_sides(rows, ~border, regions, 1)
    for i in range(n_runs):
        if regions[i] == 1 and labels[i] == 0:
            number[find_root(parent, i)] = -1
    n = 0
    for i in range(n_runs):
        regions[i] = 0
        if labels[i] != 0:
            continue
        root = find_root(parent, i)
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
