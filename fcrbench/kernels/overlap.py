"""The sparse overlap table of two label images, from their runs.

Two open-addressing hash tables: object id -> index 1, 2, .. in order of appearance, and pair of indices -> row of the
table. A slot holds index or row + 1, 0 when free; a table grows when a quarter full, so that nearly every look-up hits
at once. The hot loops live in functions of their own that return when the table is full: an array that may be replaced
inside a loop keeps LLVM from holding its address in a register.
"""

import numpy as np

from fcrbench.kernels._jit import jit

GOLDEN = np.uint64(
    0x9E3779B97F4A7C15
)  # 2**64 / golden ratio: spreads neighbouring keys (Knuth, TAOCP 3, 6.4)
FIRST_SLOTS = 1024


@jit
def _slot(key, keys, slots):
    """The slot of key, or the free one where it belongs. The number of slots is a power of two."""
    mask = slots.size - 1
    i = np.int64((key * GOLDEN) >> np.uint64(32)) & mask
    while slots[i] != 0 and keys[i] != key:
        i = (i + 1) & mask
    return i


@jit
def _rehash(old_keys, old_slots):
    keys = np.empty(4 * old_keys.size, np.uint64)
    slots = np.zeros(4 * old_slots.size, np.int32)
    for j in range(old_slots.size):
        if old_slots[j] != 0:
            i = _slot(old_keys[j], keys, slots)
            keys[i] = old_keys[j]
            slots[i] = old_slots[j]
    return keys, slots


@jit
def _index_until_full(starts, values, begin, index, keys, slots, ids, areas, n):
    for run in range(begin, values.size):
        value = values[run]
        k = 0
        if value != np.uint64(0):
            i = _slot(value, keys, slots)
            k = slots[i]
            if k == 0:
                if n + 1 >= ids.size:
                    return run, n
                n += 1
                k = n
                keys[i] = value
                slots[i] = k
                ids[k] = value
        index[run] = k
        areas[k] += starts[run + 1] - starts[run]
    return values.size, n


@jit
def index_ids(starts, values, keys, slots, ids, areas, n):
    """Replace the id of every run by its index and add the run to the object's area.

    Returns index (runs,) int32, 0 for id 0, and the table: keys, slots, ids, areas, n (entry k of ids and areas belongs
    to index k; entry 0 is background).
    """
    index = np.empty(values.size, np.int32)
    run = 0
    while True:
        run, n = _index_until_full(starts, values, run, index, keys, slots, ids, areas, n)
        if run == values.size:
            return index, keys, slots, ids, areas, n
        keys, slots = _rehash(keys, slots)
        ids = _extended(ids, slots.size // 4)
        areas = _extended(areas, slots.size // 4)


@jit
def _extended(array, size):
    bigger = np.zeros(size, array.dtype)
    bigger[: array.size] = array
    return bigger


@jit
def _pairs_until_full(starts_a, index_a, starts_b, index_b, a, b, keys, slots, pairs, n):
    """Walk both run lists from run a and b on; pairs (3, capacity): index in a, index in b, pixels."""
    at = max(starts_a[a], starts_b[b])
    while a < index_a.size:
        stop_a = starts_a[a + 1]
        stop_b = starts_b[b + 1]
        stop = min(stop_a, stop_b)
        k = index_a[a]
        m = index_b[b]
        if k != 0 and m != 0:
            key = (np.uint64(k) << np.uint64(32)) | np.uint64(m)
            i = _slot(key, keys, slots)
            row = slots[i] - 1
            if row < 0:
                if n >= pairs.shape[1]:
                    return a, b, n
                row = n
                n += 1
                keys[i] = key
                slots[i] = n
                pairs[0, row] = k
                pairs[1, row] = m
                pairs[2, row] = 0
            pairs[2, row] += stop - at
        at = stop
        a += stop == stop_a
        b += stop == stop_b
    return a, b, n


@jit
def count_pairs(starts_a, index_a, starts_b, index_b, keys, slots, pairs, n):
    """Add the pixels that objects of two run lists of the same pixels share; returns keys, slots, pairs, n."""
    a = 0
    b = 0
    while True:
        a, b, n = _pairs_until_full(starts_a, index_a, starts_b, index_b, a, b, keys, slots, pairs, n)
        if a == index_a.size:
            return keys, slots, pairs, n
        keys, slots = _rehash(keys, slots)
        bigger = np.empty((3, slots.size // 4), np.int64)
        bigger[:, :n] = pairs[:, :n]
        pairs = bigger
