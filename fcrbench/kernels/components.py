"""Connected components of a multi-valued image or volume, by union-find over its runs.

A run is a longest stretch of equal values within one row. Where runs begin, which pixels equal the one in a
neighbouring row and which are background is found 64 pixels at a time, as bits of a word; a run's number is
the count of the bits before it. Everything is done row by row, while the row is in the first-level cache.

The loops over set bits write a fixed number of entries whether they are needed or not: what is too much is
overwritten by the next word. That costs less than a branch that no predictor can know.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit
from fcrbench.kernels.runs import fill_run
from fcrbench.kernels.simd import LANES, ones, trailing_zeros, unequal_mask

ONE = np.uint64(1)
ALL = ~np.uint64(0)
STARTS_A_STEP = 3  # runs a word usually has at most, in images of nuclei
JOINS_A_STEP = 2
SPARE = LANES  # entries that may be written past the last one


@inner
def find(parent: np.ndarray, i: int) -> int:
    """Root of i; the path is halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@inner
def _union(parent: np.ndarray, a: int, b: int) -> None:
    """Join the sets of a and b; the lower root stays one."""
    a = find(parent, a)
    b = find(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@inner
def _unequal(flat: np.ndarray, p: int, back: int) -> np.uint64:
    """Bit k is set where flat[p + k] != flat[p + k - back], k = 0 .. 63; 0 where one of them is no pixel.

    flat has back + 64 pixels at least.
    """
    low = min(max(p, back), flat.size - LANES)
    mask = unequal_mask(flat, low, flat, low - back)
    if low < p:
        mask >>= np.uint64(p - low)
    elif low > p:
        mask <<= np.uint64(low - p)
    return mask


@inner
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
    """Find the runs of the row at flat[begin : begin + width]; n runs are known already. Returns the new n.

    Of every word of 64 pixels: changes, where a run begins; before, the number of runs that begin earlier;
    inside, which pixels are no background.
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
        # Unsigned indices throughout: of a signed one, each access asks first whether it is negative.
        at = np.uint64(n)
        n += ones(change)
        while True:
            for _ in range(STARTS_A_STEP):
                j = trailing_zeros(change)
                starts[at] = p + j
                at += ONE
                parent[at] = np.int64(at) * np.int64((object_bits >> np.uint64(j & 63)) & ONE)
                change &= change - ONE
            if at >= np.uint64(n):
                break
    return n


@inner
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
    """Pairs of touching runs of the row at begin and of the one back pixels earlier, as entries of parent.

    Two runs of equal value that share columns do so first where one of them begins. Over a corner only, runs
    touch where both begin in the same column.
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
        end = m + np.uint64(ones(todo))
        while True:
            for _ in range(JOINS_A_STEP):
                upto = todo ^ (todo - ONE)  # all bits up to the lowest one
                here[m] = first + ones(change & upto)
                there[m] = other_first + ones(other_change & upto)
                todo &= todo - ONE
                m += ONE
            if m >= end:
                break
        m = end
        if diagonal:
            # A pixel that equals the one straight above rules out contacts over the corners next to both.
            corner = change & other_change & unequal & (unequal << ONE | ONE)
            if x == 0:
                corner &= ~ONE
            if corner == np.uint64(0):
                continue
            falling = corner & ~_unequal(flat, p, back + 1)  # from the upper left to here
            rising = corner & ~_unequal(flat, p - 1, back - 1)  # from the left to straight above
            todo = falling | rising
            while todo != np.uint64(0):
                lowest = todo & ~(todo - ONE)
                upto = todo ^ (todo - ONE)
                todo ^= lowest
                run = first + ones(change & upto)
                other_run = other_first + ones(other_change & upto)
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
    """Find the runs of an image or volume from a row on, and join those that touch.

    Args:
        flat: all pixels, unsigned: n_rows rows of width pixels, planes of height rows; anything may follow.
            No fewer than 65 more than the farthest of links reaches back.
        background: 64 times the background's value. everything: all bits set if there is no background.
        links: (k, 3), which earlier rows a row touches: steps back in planes, steps in rows (-1 .. 1), and
            whether also over corners, that is, one column to the left and right; none outside the image.
        row, n: rows and runs done so far.
        changes, before: (r, words of a row), kept for the last r rows, as `_scan_row` says.
        starts: gets the flat index of the first pixel of each run, then the number of pixels.
        parent: entry i + 1 gets that of run i in the union-find forest, a lower or the same one; 0, itself
            0, is the parent of all background.

    Returns the rows and runs done: fewer rows than there are if starts or parent has no room for another.
    """
    kept = changes.shape[0]
    inside = np.empty(changes.shape[1], np.uint64)
    here = np.empty(3 * width + SPARE, np.int64)
    there = np.empty(3 * width + SPARE, np.int64)
    parent[0] = 0
    while row < n_rows and n + width + SPARE < starts.size and n + width + SPARE < parent.size:
        begin = row * width
        at = row % kept
        n = _scan_row(
            flat, begin, width, background, everything, changes[at], before[at], inside, starts, parent, n
        )
        y = row % height
        z = row // height
        for k in range(links.shape[0]):
            if z < links[k, 0] or y + links[k, 1] < 0 or y + links[k, 1] >= height:
                continue
            rows_back = links[k, 0] * height - links[k, 1]
            other = (row - rows_back) % kept
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
                if known == run:  # mostly: its first touch, with a run that has its place already
                    parent[run] = parent_there
                elif known != parent_there and known != 0:  # background may touch over corners
                    _union(parent, there[i], run)
        row += 1
    starts[n] = row * width
    return row, n


@inner
def _next_id(parent: np.ndarray, i: int, count: int) -> int:
    """Replace entry i of parent by its id, when all lower entries are ids; returns the count of ids.

    The lowest run of a component is its root, so ids are in raster order of first pixel.
    """
    root = parent[i] == i
    count += int(root)
    id_of_parent = parent[parent[i]]
    parent[i] = count if root else id_of_parent
    return count


@jit
def number(parent: np.ndarray, n: int) -> int:
    """Turn entries 1 .. n of parent into ids 1 .. count, and return count."""
    count = 0
    for i in range(1, n + 1):
        count = _next_id(parent, i, count)
    return count


@jit
def number_and_paint(parent: np.ndarray, n: int, starts: np.ndarray, out: np.ndarray) -> int:
    """`number`, and `runs.paint` the ids, in one pass: the arithmetic hides behind the writing."""
    count = 0
    for i in range(1, n + 1):
        count = _next_id(parent, i, count)
        fill_run(out, starts[i - 1], starts[i], parent[i])
    return count
