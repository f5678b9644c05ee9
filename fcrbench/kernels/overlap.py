"""The sparse overlap table of two label images, from their runs.

Two open-addressing hash tables: object id -> index 1, 2, .. in order of appearance, and pair of indices ->
row of the table. A slot holds the index, or the row + 1, and 0 when free. The number of slots is a power of
two, and four times that of entries, so that nearly every look-up hits at once. The hot loops return when the
table is full and are called again with a larger one: an array that may be replaced inside a loop keeps LLVM
from holding its address in a register.
"""

import numpy as np

from fcrbench.kernels._jit import inner, jit

GOLDEN = np.uint64(
    0x9E3779B97F4A7C15
)  # 2**64 / golden ratio: spreads neighbouring keys (Knuth, TAOCP 3, 6.4)


@inner
def _slot(key: np.uint64, keys: np.ndarray, slots: np.ndarray) -> np.int64:
    """The slot of key, or the free one where it belongs."""
    mask = slots.size - 1
    # The highest bits of the product: they alone depend on every bit of the key.
    high = (key * GOLDEN) >> np.uint64(32)
    i = np.int64((high * np.uint64(slots.size)) >> np.uint64(32))
    while slots[i] != 0 and keys[i] != key:
        i = (i + 1) & mask
    return i


@jit
def rehash(old_keys: np.ndarray, old_slots: np.ndarray, keys: np.ndarray, slots: np.ndarray) -> None:
    """Move all entries into a larger table; slots holds zeros."""
    for j in range(old_slots.size):
        if old_slots[j] != 0:
            i = _slot(old_keys[j], keys, slots)
            keys[i] = old_keys[j]
            slots[i] = old_slots[j]


@jit
def index_ids(
    starts: np.ndarray,
    values: np.ndarray,
    index: np.ndarray,
    run: int,
    keys: np.ndarray,
    slots: np.ndarray,
    ids: np.ndarray,
    areas: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """From run on, replace the id of each run by the index of its object and add the run to the object's
    area.

    index (runs,) int32 gets 0 for id 0; entry k of ids and areas belongs to index k, entry 0 to background.
    Returns the run where the table was full (the number of runs if it never was), and the number of objects.
    """
    while run < values.size:
        value = values[run]
        k = np.int32(0)
        if value != np.uint64(0):
            i = _slot(value, keys, slots)
            k = slots[i]
            if k == 0:
                if n + 1 >= ids.size:
                    break
                n += 1
                k = np.int32(n)
                keys[i] = value
                slots[i] = k
                ids[k] = value
        index[run] = k
        areas[k] += starts[run + 1] - starts[run]
        run += 1
    return run, n


@jit
def count_pairs(
    starts_a: np.ndarray,
    index_a: np.ndarray,
    starts_b: np.ndarray,
    index_b: np.ndarray,
    a: int,
    b: int,
    keys: np.ndarray,
    slots: np.ndarray,
    pairs: np.ndarray,
    n: int,
) -> tuple[int, int, int]:
    """Add the pixels that the objects of two run lists share, from run a of the one and run b of the other
    on.

    pairs (capacity, 3) int64: index in a, index in b, pixels. Returns the runs where the table was full (a is
    the number of runs if it never was), and the number of pairs.
    """
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
                if n >= pairs.shape[0]:
                    break
                row = n
                n += 1
                keys[i] = key
                slots[i] = n
                pairs[row, 0] = k
                pairs[row, 1] = m
                pairs[row, 2] = 0
            pairs[row, 2] += stop - at
        at = stop
        a += stop == stop_a
        b += stop == stop_b
    return a, b, n
