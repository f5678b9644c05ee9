"""The sparse overlap table of two label images, from the runs over which both are constant.

Open-addressing hash tables find the entry of an id, or of a pair of ids. A slot holds the entry's number,
from 1 on, and 0 when free. The number of slots is a power of two and at least twice, mostly four times, that
of entries, so that nearly every look-up hits at once. `count_pairs` returns when its table is full and is
called again with a larger one: an array that may be replaced inside a loop keeps LLVM from holding its
address in a register.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit, short
from fcrbench.kernels.runs import mark_changes, run_starts, values_at
from fcrbench.kernels.simd import LANES, prefetch

SLAB = 1 << 19  # pixels looked at together: bounds the extra memory and keeps the runs in the cache

# Multipliers whose products spread neighbouring keys over the highest bits (Knuth, TAOCP 3, 6.4): 2**64 over
# the golden ratio, and another odd number, of the first 16 hexadecimal digits of pi.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
PI = np.uint64(0x3243F6A8885A308D)
ONE = np.uint64(1)
AHEAD = np.uint64(16)  # runs: a table of many objects lies in slow memory


@inner
def _home(true_id: np.uint64, pred_id: np.uint64, slots: np.ndarray) -> np.uint64:
    """The slot where the search for a pair begins, from the highest bits: they alone depend on all bits."""
    high = ((true_id * GOLDEN) ^ (pred_id * PI)) >> np.uint64(32)
    return (high * np.uint64(slots.size)) >> np.uint64(32)


@jit
def count_pixels(
    true_flat: np.ndarray,
    pred_flat: np.ndarray,
    at: int,
    slots: np.ndarray,
    entries: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """From pixel at on, count the pixels of each pair of ids; see `count_runs`.

    Returns the pixel where the table was full (their number if it never was), and the new n.
    """
    bits = np.empty(SLAB // LANES + 1, np.uint64)
    keep = at < 0
    while at < true_flat.size:
        stop = min(at + SLAB, true_flat.size)
        true_slab = true_flat[at:stop]
        pred_slab = pred_flat[at:stop]
        mark_changes(true_slab, bits, keep)
        mark_changes(pred_slab, bits, not keep)
        starts = run_starts(bits, stop - at, stop - at)
        run, n = count_runs(
            starts, values_at(true_slab, starts), values_at(pred_slab, starts), slots, entries, n
        )
        at += starts[run]
        if run < starts.size - 1:
            break
    return at, n


@jit
def count_runs(
    starts: np.ndarray,
    true_values: np.ndarray,
    pred_values: np.ndarray,
    slots: np.ndarray,
    entries: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """Add the pixels of each run to the entry of its pair of ids; 0 is an id like others here.

    entries (capacity, 3) uint64: truth id, predicted id, pixels; rows 1 .. n are in use. Returns the run
    where the table was full (the number of runs if it never was), and the new n.
    """
    mask = np.uint64(slots.size - 1)
    last = np.uint64(true_values.size - 1)
    at = np.uint64(0)  # unsigned: of a signed index, each access asks first whether it is negative
    while at < np.uint64(true_values.size):
        true_id = true_values[at]
        pred_id = pred_values[at]
        ahead = min(at + AHEAD, last)
        prefetch(slots, _home(true_values[ahead], pred_values[ahead], slots))
        slot = _home(true_id, pred_id, slots)
        while True:
            row = np.uint64(slots[slot])
            if row == np.uint64(0) or (entries[row, 0] == true_id and entries[row, 1] == pred_id):
                break
            slot = (slot + ONE) & mask
        if row == np.uint64(0):
            if n + 1 == entries.shape[0]:
                break
            n += 1
            row = np.uint64(n)
            slots[slot] = n
            entries[row, 0] = true_id
            entries[row, 1] = pred_id
            entries[row, 2] = 0
        entries[row, 2] += np.uint64(starts[at + ONE] - starts[at])
        at += ONE
    return int(at), n


@jit
def rehash(entries: np.ndarray, n: int, slots: np.ndarray) -> None:
    """Enter rows 1 .. n of entries into slots, which holds zeros."""
    mask = np.uint64(slots.size - 1)
    for row in range(1, n + 1):
        slot = _home(entries[row, 0], entries[row, 1], slots)
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = row


@inner
def _index_ids(
    entries: np.ndarray,
    n: int,
    side: int,
    slots: np.ndarray,
    index: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
) -> int:
    """Objects of one side; see `tabulate_objects`."""
    mask = np.uint64(slots.size - 1)
    ids[side, 0] = 0
    areas[side, 0] = 0
    found = 0
    for i in range(slots.size):
        slots[i] = 0
    for row in range(n):
        value = entries[row + 1, side]
        k = np.int32(0)
        if value != np.uint64(0):
            slot = _home(value, np.uint64(0), slots)
            while True:
                k = slots[slot]
                if k == 0 or ids[side, k] == value:
                    break
                slot = (slot + ONE) & mask
            if k == 0:
                found += 1
                k = np.int32(found)
                slots[slot] = k
                ids[side, k] = value
                areas[side, k] = 0
        index[side, row] = k
        areas[side, k] += entries[row + 1, 2]
    return found


@short
def tabulate_objects(
    entries: np.ndarray,
    n: int,
    slots: np.ndarray,
    index: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
    overlaps: np.ndarray,
) -> tuple[int, int, int]:
    """The objects of both images and their overlaps, from rows 1 .. n of entries as `count_runs` has them.

    Side 0 is truth, side 1 pred. Objects are numbered 1, 2, .. in order of appearance.

    Args:
        slots: for a hash table, a power of two, more than n.
        index: (2, n) int32, gets each row's object, 0 for background.
        ids, areas: (2, n + 1), get the id and pixels of object k in column k.
        overlaps: (3, n) int64, gets for each pair of objects their indices from 0 on, and the pixels shared.

    Returns the number of objects of either side, and of pairs.
    """
    n_true = n_pred = 0
    for side in range(2):  # a call for each would compile the work twice
        n_true, n_pred = n_pred, _index_ids(entries, n, side, slots, index, ids, areas)
    m = 0
    for row in range(n):
        overlaps[0, m] = index[0, row] - 1
        overlaps[1, m] = index[1, row] - 1
        overlaps[2, m] = entries[row + 1, 2]
        m += int(index[0, row] != 0 and index[1, row] != 0)
    return n_true, n_pred, m
