"""Outlines of objects along the edges of their pixels."""

import numpy as np

from fcrbench.kernels._jit import inner, jit


@inner
def _at(labels: np.ndarray, y: int, x: int) -> np.int32:
    """The label at a pixel; 0 outside the image."""
    if y < 0 or x < 0 or y >= labels.shape[0] or x >= labels.shape[1]:
        return np.int32(0)
    return labels[y, x]


@jit
def count_corners(labels: np.ndarray) -> int:
    """Number of vertices that `trace` finds: pixels' corners where the outline turns."""
    n = 0
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label == 0:
                continue
            for dy in range(-1, 2, 2):
                vertical = _at(labels, y + dy, x) == label
                for dx in range(-1, 2, 2):
                    horizontal = _at(labels, y, x + dx) == label
                    convex = not vertical and not horizontal
                    concave = vertical and horizontal and _at(labels, y + dy, x + dx) != label
                    n += int(convex or concave)
    return n


@jit
def trace(
    labels: np.ndarray, seen: np.ndarray, vertices: np.ndarray, ends: np.ndarray, owners: np.ndarray
) -> int:
    """Rings around every 4-connected object and its holes, the object on the right hand (y points down).

    Where two pixels of an object touch over a corner only, the ring turns right: it stays on one pixel.

    Args:
        labels: (H, W) int32, 0 is background.
        seen: (H, W) uint8, zeros; gets which pixels' upper edges belong to a ring.
        vertices: (n, 2) int32, gets x and y of the corners of all rings, n from `count_corners`.
        ends, owners: (n // 4,) int64 and int32, get where each ring ends, and whose it is.

    Returns the number of rings, in raster order of the leftmost of their topmost edges above the object.
    """
    steps_x = (1, 0, -1, 0)  # east, south, west, north
    steps_y = (0, 1, 0, -1)
    # From a vertex: the pixel ahead on the right hand and that on the left, as offsets of their indices.
    right_x, right_y = (0, -1, -1, 0), (0, 0, -1, -1)
    left_x, left_y = (0, 0, -1, -1), (-1, 0, 0, -1)
    n = 0
    rings = 0
    for first_y in range(labels.shape[0]):
        for first_x in range(labels.shape[1]):
            label = labels[first_y, first_x]
            if label == 0 or seen[first_y, first_x] != 0 or _at(labels, first_y - 1, first_x) == label:
                continue
            x = first_x
            y = first_y
            heading = 0
            begin = n
            while True:
                if heading == 0:
                    if seen[y, x] != 0:
                        break
                    seen[y, x] = 1
                x += steps_x[heading]
                y += steps_y[heading]
                if _at(labels, y + right_y[heading], x + right_x[heading]) != label:
                    heading = (heading + 1) % 4
                elif _at(labels, y + left_y[heading], x + left_x[heading]) == label:
                    heading = (heading + 3) % 4
                else:
                    continue
                vertices[n, 0] = x
                vertices[n, 1] = y
                n += 1
            if n > begin:
                ends[rings] = n
                owners[rings] = label
                rings += 1
    return rings
