"""Outlines of objects along the edges of their pixels."""

import numpy as np

from fcrbench.kernels._jit import jit, jit_inline


@jit_inline
def _label_at(labels: np.ndarray, y: int, x: int) -> np.int32:
    """Return the label at a pixel, 0 outside the image."""
    if y < 0 or x < 0 or y >= labels.shape[0] or x >= labels.shape[1]:
        return np.int32(0)
    return labels[y, x]


@jit
def count_corners(labels: np.ndarray) -> int:
    """Count the vertices that `trace_outlines` finds, the corners of pixels where an outline turns."""
    n = 0
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label == 0:
                continue
            for dy in range(-1, 2, 2):
                vertical = _label_at(labels, y + dy, x) == label
                for dx in range(-1, 2, 2):
                    horizontal = _label_at(labels, y, x + dx) == label
                    convex = not vertical and not horizontal
                    concave = vertical and horizontal and _label_at(labels, y + dy, x + dx) != label
                    n += int(convex or concave)
    return n


@jit
def trace_outlines(
    labels: np.ndarray, seen: np.ndarray, vertices: np.ndarray, ends: np.ndarray, owners: np.ndarray
) -> int:
    """Trace rings around every 4-connected object and its holes.

    The object is on the right of the ring (y points down). Where two pixels of an object touch over a corner
    only, the ring turns right and so stays on one pixel.

    Args:
        labels: (H, W) int32, 0 is background.
        seen: (H, W) uint8, zeros; is set to 1 where a ring runs along the upper edge of a pixel.
        vertices: (n, 2) int32, filled with x and y of the corners of all rings; n is from `count_corners`.
        ends: (n // 4,) int64, filled with the end of each ring in `vertices`.
        owners: (n // 4,) int32, filled with the object of each ring.

    Returns the number of rings. They are in raster order of their first upper edge.
    """
    steps_x = (1, 0, -1, 0)  # east, south, west, north
    steps_y = (0, 1, 0, -1)
    # Offsets, from a vertex, of the pixel ahead on the right and of the pixel ahead on the left.
    right_x, right_y = (0, -1, -1, 0), (0, 0, -1, -1)
    left_x, left_y = (0, 0, -1, -1), (-1, 0, 0, -1)
    n = 0
    rings = 0
    for first_y in range(labels.shape[0]):
        for first_x in range(labels.shape[1]):
            label = labels[first_y, first_x]
            if label == 0 or seen[first_y, first_x] != 0 or _label_at(labels, first_y - 1, first_x) == label:
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
                if _label_at(labels, y + right_y[heading], x + right_x[heading]) != label:
                    heading = (heading + 1) % 4
                elif _label_at(labels, y + left_y[heading], x + left_x[heading]) == label:
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
