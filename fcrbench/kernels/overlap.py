"""The sparse overlap table of two label images, from the runs over which both are constant.

Open-addressing hash tables find the entry of an id, or of a pair of ids. A slot holds the entry's number + 1,
and 0 when free. The number of slots is a power of two and at least twice, mostly four times, that of entries,
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


@inner
def _home(true_id: np.uint64, pred_id: np.uint64, slots: np.ndarray) -> np.int64:
    """The slot where the search for a pair begins, from the highest bits: they alone depend on all bits."""
    high = ((true_id * GOLDEN) ^ (pred_id * PI)) >> np.uint64(32)
    return np.int64((high * np.uint64(slots.size)) >> np.uint64(32))


@jit
def count_pairs(
    starts: np.ndarray,
    true_values: np.ndarray,
    pred_values: np.ndarray,
    run: int,
    slots: np.ndarray,
    true_ids: np.ndarray,
    pred_ids: np.ndarray,
    pixels: np.ndarray,
    n: int,
) -> tuple[int, int]:
    """From run on, add the pixels of each run to the entry of its pair of ids; 0 is an id like others here.

    Entries 0 .. n - 1 of true_ids, pred_ids, pixels are in use. Returns the run where the table was full (the
    number of runs if it never was), and the new n.
    """
    mask = slots.size - 1
    while run < true_values.size:
        true_id = true_values[run]
        pred_id = pred_values[run]
        i = _home(true_id, pred_id, slots)
        while True:
            row = slots[i] - 1
            if row < 0:
                break
            if true_ids[row] == true_id and pred_ids[row] == pred_id:
                break
            i = (i + 1) & mask
        if row < 0:
            if n == pixels.size:
                break
            row = n
            n += 1
            slots[i] = n
            true_ids[row] = true_id
            pred_ids[row] = pred_id
            pixels[row] = 0
        pixels[row] += starts[run + 1] - starts[run]
        run += 1
    return run, n


@jit
def rehash(true_ids: np.ndarray, pred_ids: np.ndarray, n: int, slots: np.ndarray) -> None:
    """Enter the first n pairs into slots, which holds zeros."""
    mask = slots.size - 1
    for row in range(n):
        i = _home(true_ids[row], pred_ids[row], slots)
        while slots[i] != 0:
            i = (i + 1) & mask
        slots[i] = row + 1


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
    mask = slots.size - 1
    ids[0] = 0
    areas[0] = 0
    n = 0
    for j in range(values.size):
        value = values[j]
        k = np.int32(0)
        if value != np.uint64(0):
            i = _home(value, np.uint64(0), slots)
            while True:
                k = slots[i]
                if k == 0 or ids[k] == value:
                    break
                i = (i + 1) & mask
            if k == 0:
                n += 1
                k = np.int32(n)
                slots[i] = k
                ids[k] = value
                areas[k] = 0
        index[j] = k
        areas[k] += pixels[j]
    return n
