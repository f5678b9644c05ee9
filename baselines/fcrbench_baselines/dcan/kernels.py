"""The loops over pixels of DCAN, compiled with Numba."""

import numpy as np
from numba import njit

_jit = njit(cache=True, nogil=True)


@_jit
def mark_contours(labels: np.ndarray, half_widths: np.ndarray, contours: np.ndarray) -> None:
    """Set `contours` (H, W) int64 to 1 in a disk around every rim pixel of `labels` (H, W) int32.

    half_widths  the half width of each row of the disk, (2 radius + 1,) int64
    """
    height, width = labels.shape
    radius = half_widths.size // 2
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            if own == 0 or not (
                (x > 0 and labels[y, x - 1] != own)
                or (x < width - 1 and labels[y, x + 1] != own)
                or (y > 0 and labels[y - 1, x] != own)
                or (y < height - 1 and labels[y + 1, x] != own)
            ):
                continue
            for row in range(max(y - radius, 0), min(y + radius + 1, height)):
                half = half_widths[row - y + radius]
                for column in range(max(x - half, 0), min(x + half + 1, width)):
                    contours[row, column] = 1


@_jit
def mark_cores(objects: np.ndarray, contours: np.ndarray, threshold: np.float32, mask: np.ndarray) -> None:
    """Set mask (H, W) uint8 to object >= 0.5 and contour < threshold; both maps are (H, W) float32."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            mask[y, x] = (objects[y, x] >= 0.5) & (contours[y, x] < threshold)


@_jit
def count_votes(mask: np.ndarray, half_widths: np.ndarray, votes: np.ndarray) -> None:
    """Count the pixels with 0 and with 1 in a disk around each pixel of mask (H, W) uint8.

    Beyond its edge, the image is extended by its outermost pixels.

    half_widths  the half width of each row of the disk, (2 radius + 1,) int64
    votes        (2, H, W) float32, the counts are written here
    """
    height, width = mask.shape
    radius = half_widths.size // 2
    # With cumulative sums of each row, the sum over a row of the disk is one difference.
    sums = np.zeros((height, width + 2 * radius + 1), np.int32)
    for y in range(height):
        total = 0
        for x in range(-radius, width + radius):
            total += mask[y, min(max(x, 0), width - 1)]
            sums[y, x + radius + 1] = total
    size = 0
    for half in half_widths:
        size += 2 * half + 1
    count = np.empty(width, np.int32)
    for y in range(height):
        for x in range(width):
            count[x] = 0
        for row in range(2 * radius + 1):
            line = sums[min(max(y + row - radius, 0), height - 1)]
            half = half_widths[row]
            high = line[radius + half + 1 :]
            low = line[radius - half :]
            for x in range(width):
                count[x] += high[x] - low[x]
        for x in range(width):
            votes[0, y, x] = size - count[x]
            votes[1, y, x] = count[x]


@_jit
def grow_labels(labels: np.ndarray, inside: np.ndarray) -> None:
    """Grow objects into free pixels in place, all at the same pace, until no more can be reached.

    labels   (H, W) int32, 0 = free
    inside   (H, W) bool, the pixels that objects may grow into

    Objects grow to their 4-neighbours in odd steps and to their 8-neighbours in even steps, which
    approximates a disk by an octagon. If two objects reach a pixel in the same step, the lower id gets it.
    """
    height, width = labels.shape
    reached = np.zeros(labels.shape, np.int32)  # the id that a pixel will get at the end of the step
    # Pixels in the order in which they were taken. The first are the labelled pixels that touch a free one.
    taken = np.empty(labels.size, np.int64)
    n = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] != 0 and _touches_free(labels, inside, y, x):
                taken[n] = y * width + x
                n += 1
    # Only pixels of the last two steps grow: after one step of each kind, a pixel has no free neighbours.
    older = newer = step = 0
    while older < n:
        last = n
        for i in range(older, last):
            y, x = divmod(taken[i], width)
            own = labels[y, x]
            for row in range(max(y - 1, 0), min(y + 2, height)):
                for column in range(max(x - 1, 0), min(x + 2, width)):
                    if step % 2 == 0 and row != y and column != x:
                        continue
                    if labels[row, column] != 0 or not inside[row, column]:
                        continue
                    if reached[row, column] == 0:
                        taken[n] = row * width + column
                        n += 1
                        reached[row, column] = own
                    elif own < reached[row, column]:
                        reached[row, column] = own
        for i in range(last, n):
            y, x = divmod(taken[i], width)
            labels[y, x] = reached[y, x]
        older, newer = newer, last
        step += 1


@_jit
def _touches_free(labels: np.ndarray, inside: np.ndarray, y: int, x: int) -> bool:
    """Return whether an object may grow into one of the eight neighbours of a pixel."""
    height, width = labels.shape
    for row in range(max(y - 1, 0), min(y + 2, height)):
        for column in range(max(x - 1, 0), min(x + 2, width)):
            if labels[row, column] == 0 and inside[row, column]:
                return True
    return False
