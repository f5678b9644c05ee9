"""The loops over pixels of DCAN."""

import numpy as np
from numba import njit

_jit = njit(cache=True, nogil=True)


@_jit
def mark_contours(labels: np.ndarray, half_widths: np.ndarray, contours: np.ndarray) -> None:
    """Set to 1 the disk around every rim pixel of `labels` (H, W) int32, in `contours` (H, W) int64.

    half_widths  of the rows of the disk, (2 radius + 1,) int64
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
def fuse(objects: np.ndarray, contours: np.ndarray, threshold: np.float32, mask: np.ndarray) -> None:
    """mask = object >= 0.5 and contour < threshold; (H, W) float32 twice, mask (H, W) uint8."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            mask[y, x] = (objects[y, x] >= 0.5) & (contours[y, x] < threshold)


@_jit
def vote(mask: np.ndarray, half_widths: np.ndarray, votes: np.ndarray) -> None:
    """Count the pixels that are 0 and that are 1 in the disk around each pixel of mask (H, W) uint8.

    votes (2, H, W) float32 takes the counts. Beyond its edge the image goes on with its outermost pixels.
    half_widths  of the rows of the disk, (2 radius + 1,) int64
    """
    height, width = mask.shape
    radius = half_widths.size // 2
    # Running sums of each row turn a row of the disk into one difference.
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
def grow(labels: np.ndarray, inside: np.ndarray) -> None:
    """Let objects take free pixels, all at the same pace, until they can reach no more, in place.

    labels   (H, W) int32, 0 = free
    inside   (H, W) bool, the pixels that may be taken

    An object grows to its 4-neighbours in odd steps and to its 8-neighbours in even ones, which makes an
    octagon; where two objects reach a pixel in the same step, the lower id has it.
    """
    height, width = labels.shape
    reached = np.zeros(labels.shape, np.int32)  # the id that a pixel gets at the end of a step
    # Pixels in the order in which they were taken; first, all labelled ones that touch a free one.
    taken = np.empty(labels.size, np.int64)
    n = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] != 0 and _touches_free(labels, inside, y, x):
                taken[n] = y * width + x
                n += 1
    # Those of the last two steps grow on: one of each kind of step leaves an older one nothing to take.
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
    """Whether one of the eight neighbours of a pixel may be taken."""
    height, width = labels.shape
    for row in range(max(y - 1, 0), min(y + 2, height)):
        for column in range(max(x - 1, 0), min(x + 2, width)):
            if labels[row, column] == 0 and inside[row, column]:
                return True
    return False
