"""Connected components of a multi-valued image or volume, by union-find over its runs.

A run is a longest stretch of equal values within one row. The kernels find 64 pixels at a time, as bits of a
word, where runs begin, which pixels equal the one in a neighbouring row, and which are background. The number
of a run is the count of the start bits before it. All steps are done row by row, while the row is in the
first-level cache.

The loops over set bits always write a fixed number of entries. Entries that are not needed are overwritten by
the next word. This costs less than a branch that the processor cannot predict.
"""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline
from fcrbench.kernels.runs import fill_run
from fcrbench.kernels.simd import LANES, count_ones, trailing_zeros, unequal_mask

ONE = np.uint64(1)
ALL = ~np.uint64(0)
STARTS_PER_STEP = 3  # a word rarely has more run starts in images of nuclei
JOINS_PER_STEP = 2
SPARE = LANES  # entries that may be written past the last one


@jit_inline
def find_root(parent: np.ndarray, i: int) -> int:
    """Return the root of i, and halve the path to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@jit_inline
def _unite(parent: np.ndarray, a: int, b: int) -> None:
    """Join the sets of a and b; the lower root stays a root."""
    a = find_root(parent, a)
    b = find_root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@jit_inline
def _unequal(flat: np.ndarray, p: int, back: int) -> np.uint64:
    """Return a word whose bit k is set if flat[p + k] != flat[p + k - back], k = 0 .. 63.

    The bit is 0 where one of the two is not a pixel. `flat` has at least back + 64 pixels.
    """
    low = min(max(p, back), flat.size - LANES)
    mask = unequal_mask(flat, low, flat, low - back)
    if low < p:
        mask >>= np.uint64(p - low)
    elif low > p:
        mask <<= np.uint64(low - p)
    return mask


@jit_inline
def _scan_row(
    flat: np.ndarray,
    begin: int,
    width: int,
    background: np.ndarray,
    everything: np.uint64,
    changes: np.ndarray,
    before: np.ndarray,
    inside: np.ndarray,
    starts: np.ndarray,
    parent: np.ndarray,
    n: int,
) -> int:
    """Find the runs of the row flat[begin : begin + width], given n earlier runs. Returns the new number of
    runs.

    For every word of 64 pixels, the bits of `changes` tell where a run begins and those of `inside` which
    pixels are not background; `before` is the number of runs that begin earlier.
    """
    for word in range(changes.size):
        x = LANES * word
        p = begin + x
        valid = ALL >> np.uint64(max(LANES - (width - x), 0))
        change = _unequal(flat, p, np.int64(1)) & valid
        low = min(p, flat.size - LANES)
        object_bits = unequal_mask(flat, low, background, 0) >> np.uint64(p - low)
        object_bits = (object_bits | everything) & valid
        if x == 0:
            change |= ONE
        changes[word] = change
        before[word] = n
        inside[word] = object_bits
        # All indices are unsigned: each access with a signed index would first test whether it is negative.
        at = np.uint64(n)
        n += count_ones(change)
        while True:
            for _ in range(STARTS_PER_STEP):
                j = trailing_zeros(change)
                starts[at] = p + j
                at += ONE
                parent[at] = np.int64(at) * np.int64((object_bits >> np.uint64(j & 63)) & ONE)
                change &= change - ONE
            if at >= np.uint64(n):
                break
    return n


@jit_inline
def _find_joins(
    flat: np.ndarray,
    begin: int,
    width: int,
    back: int,
    diagonal: bool,
    changes: np.ndarray,
    before: np.ndarray,
    inside: np.ndarray,
    other_changes: np.ndarray,
    other_before: np.ndarray,
    here: np.ndarray,
    there: np.ndarray,
) -> int:
    """Find pairs of touching runs of the row at `begin` and the row `back` pixels earlier.

    Two runs of equal value that share columns have their first shared column where one of them begins. Runs
    touch over a corner only where both begin in the same column. The pairs are written to `here` and `there`
    as indices into the union-find forest. Returns their number.
    """
    m = np.uint64(0)
    for word in range(changes.size):
        x = LANES * word
        p = begin + x
        change = changes[word]
        other_change = other_changes[word]
        todo = inside[word] & (change | other_change)
        unequal = _unequal(flat, p, back)
        todo &= ~unequal
        first = before[word]
        other_first = other_before[word]
        end = m + np.uint64(count_ones(todo))
        while True:
            for _ in range(JOINS_PER_STEP):
                up_to = todo ^ (todo - ONE)  # all bits up to the lowest one
                here[m] = first + count_ones(change & up_to)
                there[m] = other_first + count_ones(other_change & up_to)
                todo &= todo - ONE
                m += ONE
            if m >= end:
                break
        m = end
        if diagonal:
            # Where a pixel equals the one straight above it, a contact over a corner adds nothing.
            corner = change & other_change & unequal & (unequal << ONE | ONE)
            if x == 0:
                corner &= ~ONE
            if corner == np.uint64(0):
                continue
            falling = corner & ~_unequal(flat, p, back + 1)  # this pixel touches its upper left neighbour
            rising = corner & ~_unequal(
                flat, p - 1, back - 1
            )  # the left neighbour touches the pixel straight above
            todo = falling | rising
            while todo != np.uint64(0):
                lowest = todo & ~(todo - ONE)
                up_to = todo ^ (todo - ONE)
                todo ^= lowest
                run = first + count_ones(change & up_to)
                other_run = other_first + count_ones(other_change & up_to)
                here[m] = run
                there[m] = other_run - 1
                m += np.uint64((falling & lowest) != np.uint64(0))
                here[m] = run - 1
                there[m] = other_run
                m += np.uint64((rising & lowest) != np.uint64(0))
    return int(m)


@jit
def connect(
    flat: np.ndarray,
    width: int,
    height: int,
    background: np.ndarray,
    everything: np.uint64,
    links: np.ndarray,
    n_rows: int,
    row: int,
    changes: np.ndarray,
    before: np.ndarray,
    starts: np.ndarray,
    parent: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """Find the runs of an image or volume from a given row on, and join those that touch.

    Args:
        flat: all pixels, unsigned: n_rows rows of `width` pixels, in planes of `height` rows. More pixels may
            follow; in total there are at least 65 more than the farthest link reaches back.
        background: the background's value, repeated 64 times.
        everything: all bits set if there is no background, else 0.
        links: (k, 3), the earlier rows that a row touches: steps back in planes, steps in rows (-1 .. 1), and
            whether also over corners, that is, one column to the left and right. None leads outside the
            image.
        row, n: the number of rows and runs done so far.
        changes, before: (r, words of a row), words of the last r rows; see `_scan_row`.
        starts: is filled with the flat index of the first pixel of each run, then the number of pixels.
        parent: entry i + 1 is filled with the parent of run i in the union-find forest, which is the same
            entry or a lower one. Entry 0, its own parent, is the parent of all background.

    Returns the number of rows and runs done. Some rows are left if `starts` or `parent` is too small for the
    next row.
    """
    kept_rows = changes.shape[0]
    inside = np.empty(changes.shape[1], np.uint64)
    here = np.empty(3 * width + SPARE, np.int64)
    there = np.empty(3 * width + SPARE, np.int64)
    parent[0] = 0
    while row < n_rows and n + width + SPARE < starts.size and n + width + SPARE < parent.size:
        begin = row * width
        at = row % kept_rows
        n = _scan_row(
            flat, begin, width, background, everything, changes[at], before[at], inside, starts, parent, n
        )
        y = row % height
        z = row // height
        for k in range(links.shape[0]):
            if z < links[k, 0] or y + links[k, 1] < 0 or y + links[k, 1] >= height:
                continue
            rows_back = links[k, 0] * height - links[k, 1]
            other = (row - rows_back) % kept_rows
            m = _find_joins(
                flat,
                begin,
                width,
                rows_back * width,
                links[k, 2] != 0,
                changes[at],
                before[at],
                inside,
                changes[other],
                before[other],
                here,
                there,
            )
            for i in range(m):
                run = here[i]
                known = parent[run]
                parent_there = parent[there[i]]
                if known == run:  # usual case: the run has no parent yet
                    parent[run] = parent_there
                elif known != parent_there and known != 0:  # background may touch over corners
                    _unite(parent, there[i], run)
        row += 1
    starts[n] = row * width
    return row, n


@jit_inline
def _next_id(parent: np.ndarray, i: int, count: int) -> int:
    """Replace entry i of `parent` by its id, given that all lower entries are ids; return the number of ids.

    The lowest run of a component is its root, so ids are in raster order of first pixel.
    """
    root = parent[i] == i
    count += int(root)
    id_of_parent = parent[parent[i]]
    parent[i] = count if root else id_of_parent
    return count


@jit
def number_components(parent: np.ndarray, n: int) -> int:
    """Replace entries 1 .. n of `parent` by ids 1 .. count, and return count."""
    count = 0
    for i in range(1, n + 1):
        count = _next_id(parent, i, count)
    return count


@jit
def number_and_paint(parent: np.ndarray, n: int, starts: np.ndarray, out: np.ndarray) -> int:
    """Do `number_components` and `runs.paint_runs` in one pass, which takes hardly longer than painting."""
    count = 0
    for i in range(1, n + 1):
        count = _next_id(parent, i, count)
        fill_run(out, starts[i - 1], starts[i], parent[i])
    return count
