"""The sparse overlap table of two label images, computed from the runs over which both are constant.

Open-addressing hash tables find the entry of an id or of a pair of ids. A slot holds the number of an entry,
counted from 1, or 0 if it is free. The number of slots is a power of two and at least twice (usually four
times) the number of entries, so that nearly every look-up hits at once. `count_runs` returns when its table
is full and is called again with a larger one. If the loop could replace the array, LLVM would not keep its
address in a register.
"""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline, jit_with_gil
from fcrbench.kernels.runs import mark_changes, run_starts, run_values
from fcrbench.kernels.simd import LANES, prefetch

SLAB = 1 << 19  # pixels per step: bounds the extra memory and keeps the runs in the cache

# Multipliers that spread neighbouring keys over the highest bits (Knuth, TAOCP 3, 6.4): 2**64 divided by the
# golden ratio, and an odd number made of the first hexadecimal digits of pi.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
PI = np.uint64(0x3243F6A8885A308D)
ONE = np.uint64(1)
PREFETCH_DISTANCE = np.uint64(16)  # in runs; the table of many objects does not fit the cache


@jit_inline
def _first_slot(true_id: np.uint64, pred_id: np.uint64, slots: np.ndarray) -> np.uint64:
    """Return the slot where the search for a pair begins; the highest bits depend on all bits of ids."""
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
    """Count the pixels of each pair of ids, from pixel `at` on; see `count_runs`.

    Returns the first pixel not counted because the table is full (the number of pixels if all are counted),
    and the new n.
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
            starts, run_values(true_slab, starts), run_values(pred_slab, starts), slots, entries, n
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
    """Add the pixels of each run to the entry of its pair of ids, where 0 counts as an id.

    entries (capacity, 3) uint64 holds true id, predicted id and pixels; rows 1 .. n are in use. Returns the
    first run not counted because the table is full (the number of runs if all are counted), and the new n.
    """
    mask = np.uint64(slots.size - 1)
    last = np.uint64(true_values.size - 1)
    at = np.uint64(0)  # unsigned: each access with a signed index would test whether it is negative
    while at < np.uint64(true_values.size):
        true_id = true_values[at]
        pred_id = pred_values[at]
        ahead = min(at + PREFETCH_DISTANCE, last)
        prefetch(slots, _first_slot(true_values[ahead], pred_values[ahead], slots))
        slot = _first_slot(true_id, pred_id, slots)
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
    """Enter rows 1 .. n of `entries` into `slots`, which holds zeros."""
    mask = np.uint64(slots.size - 1)
    for row in range(1, n + 1):
        slot = _first_slot(entries[row, 0], entries[row, 1], slots)
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = row


@jit_inline
def _index_ids(
    entries: np.ndarray,
    n: int,
    side: int,
    slots: np.ndarray,
    index: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
) -> int:
    """Find the objects of one image; see `tabulate_objects`."""
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
            slot = _first_slot(value, np.uint64(0), slots)
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


@jit_with_gil
def tabulate_objects(
    entries: np.ndarray,
    n: int,
    slots: np.ndarray,
    index: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
    overlaps: np.ndarray,
) -> tuple[int, int, int]:
    """Find the objects of both images and their overlaps, from rows 1 .. n of `entries`; see `count_runs`.

    Side 0 is truth, side 1 is pred. Objects are numbered 1, 2, .. in order of appearance.

    Args:
        slots: memory for a hash table; its length is a power of two and more than n.
        index: (2, n) int32, filled with the object of each row, 0 for background.
        ids, areas: (2, n + 1), column k is filled with the id and the pixels of object k.
        overlaps: (3, n) int64, filled for each pair of objects with their indices from 0 on, and the pixels
            they share.

    Returns the number of objects in truth and in pred, and the number of pairs.
    """
    n_true = n_pred = 0
    for side in range(2):  # two calls would compile the function twice
        n_true, n_pred = n_pred, _index_ids(entries, n, side, slots, index, ids, areas)
    m = 0
    for row in range(n):
        overlaps[0, m] = index[0, row] - 1
        overlaps[1, m] = index[1, row] - 1
        overlaps[2, m] = entries[row + 1, 2]
        m += int(index[0, row] != 0 and index[1, row] != 0)
    return n_true, n_pred, m
