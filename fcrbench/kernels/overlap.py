"""The sparse overlap table of two label images, from the runs over which both are constant.

Open-addressing hash tables find the entry of an id, or of a pair of ids. A slot holds the entry's number, from
1 on, and 0 when free. The number of slots is a power of two and at least twice, mostly four times, that of entries,
so that nearly every look-up hits at once. `count_pairs` returns when its table is full and is called again
with a larger one: an array that may be replaced inside a loop keeps LLVM from holding its address in a
register.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit

# Multipliers whose products spread neighbouring keys over the highest bits (Knuth, TAOCP 3, 6.4): 2**64 over
# the golden ratio, and another odd number, of the first 16 hexadecimal digits of pi.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
PI = np.uint64(0x3243F6A8885A308D)
ONE = np.uint64(1)


@inner
def _home(true_id: np.uint64, pred_id: np.uint64, slots: np.ndarray) -> np.uint64:
    """The slot where the search for a pair begins, from the highest bits: they alone depend on all bits."""
    high = ((true_id * GOLDEN) ^ (pred_id * PI)) >> np.uint64(32)
    return (high * np.uint64(slots.size)) >> np.uint64(32)


@jit
def count_pairs(
    starts: np.ndarray,
    true_values: np.ndarray,
    pred_values: np.ndarray,
    run: int,
    slots: np.ndarray,
    entries: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """From run on, add the pixels of each run to the entry of its pair of ids; 0 is an id like others here.

    entries (capacity, 3) uint64: truth id, predicted id, pixels; rows 1 .. n are in use. Returns the run where
    the table was full (the number of runs if it never was), and the new n.
    """
    mask = np.uint64(slots.size - 1)
    at = np.uint64(run)  # unsigned: of a signed index, each access asks first whether it is negative
    while at < np.uint64(true_values.size):
        true_id = true_values[at]
        pred_id = pred_values[at]
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
    return at, n


@jit
def rehash(entries: np.ndarray, n: int, slots: np.ndarray) -> None:
    """Enter rows 1 .. n of entries into slots, which holds zeros."""
    mask = np.uint64(slots.size - 1)
    for row in range(1, n + 1):
        slot = _home(entries[row, 0], entries[row, 1], slots)
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = row


@jit
def index_ids(
    values: np.ndarray,
    pixels: np.ndarray,
    slots: np.ndarray,
    index: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
) -> int:
    """Number the objects 1, 2, .. in order of appearance; index gets that of each value, 0 for id 0.

    Entry k of ids and areas belongs to object k, entry 0 to the background. slots holds zeros, more of them
    than there are values. Returns the number of objects.
    """
    mask = np.uint64(slots.size - 1)
    ids[0] = 0
    areas[0] = 0
    n = 0
    for j in range(values.size):
        value = values[j]
        k = np.int32(0)
        if value != np.uint64(0):
            slot = _home(value, np.uint64(0), slots)
            while True:
                k = slots[slot]
                if k == 0 or ids[k] == value:
                    break
                slot = (slot + ONE) & mask
            if k == 0:
                n += 1
                k = np.int32(n)
                slots[slot] = k
                ids[k] = value
                areas[k] = 0
        index[j] = k
        areas[k] += pixels[j]
    return n


@inner
def _objects(
    entries: np.ndarray, column: int, values: np.ndarray, pixels: np.ndarray, index: np.ndarray
) -> tuple:
    n_slots = 2
    while n_slots < 2 * values.size:
        n_slots *= 2
    slots = np.zeros(n_slots, np.int32)
    ids = np.empty(values.size + 1, np.uint64)
    areas = np.empty(values.size + 1, np.int64)
    bits = np.uint64(0)
    for row in range(values.size):
        values[row] = entries[row + 1, column]
        bits |= values[row]
    n = index_ids(values, pixels, slots, index, ids, areas)
    return ids[1 : n + 1], areas[1 : n + 1], bits


@jit
def split_entries(entries: np.ndarray, n: int) -> tuple:
    """The objects of both images and their overlaps, from rows 1 .. n of entries as `count_pairs` fills them.

    Returns for truth, then for pred: ids, areas, and all bits that any id has; then for each pair of objects
    its index in truth, in pred, and the pixels shared.
    """
    values = np.empty(n, np.uint64)
    pixels = np.empty(n, np.int64)
    true_index = np.empty(n, np.int32)
    pred_index = np.empty(n, np.int32)
    for row in range(n):
        pixels[row] = entries[row + 1, 2]
    true_ids, true_area, true_bits = _objects(entries, 0, values, pixels, true_index)
    pred_ids, pred_area, pred_bits = _objects(entries, 1, values, pixels, pred_index)
    m = 0
    for row in range(n):
        m += int(true_index[row] != 0 and pred_index[row] != 0)
    pair_true = np.empty(m, np.int64)
    pair_pred = np.empty(m, np.int64)
    shared = np.empty(m, np.int64)
    m = 0
    for row in range(n):
        if true_index[row] != 0 and pred_index[row] != 0:
            pair_true[m] = true_index[row] - 1
            pair_pred[m] = pred_index[row] - 1
            shared[m] = pixels[row]
            m += 1
    return true_ids, true_area, true_bits, pred_ids, pred_area, pred_bits, pair_true, pair_pred, shared
