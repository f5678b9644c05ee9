"""Areas, moments, boxes, perimeters and intensities of objects, in passes over the pixels."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def moments(index: np.ndarray, sums: np.ndarray, boxes: np.ndarray) -> None:
    """Sums over the pixels of each object.

    Args:
        index: (H, W) int32, objects 1 .. n, 0 for background.
        sums: (n + 1, 8) int64, zeros; row k gets the first pixel's y and x of object k, its pixels, then with
            y and x from that first pixel on, so that no sum is large: y, x, y y, x x, y x.
        boxes: (n + 1, 4) int64, gets the first y and x and the last y and x plus 1.
    """
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            k = index[y, x]
            if k == 0:
                continue
            if sums[k, 2] == 0:
                sums[k, 0] = y
                sums[k, 1] = x
                boxes[k, 0] = y
                boxes[k, 1] = x
                boxes[k, 3] = x + 1
            boxes[k, 1] = min(boxes[k, 1], x)
            boxes[k, 2] = y + 1
            boxes[k, 3] = max(boxes[k, 3], x + 1)
            dy = y - sums[k, 0]
            dx = x - sums[k, 1]
            sums[k, 2] += 1
            sums[k, 3] += dy
            sums[k, 4] += dx
            sums[k, 5] += dy * dy
            sums[k, 6] += dx * dx
            sums[k, 7] += dy * dx


@jit
def mark_border(index: np.ndarray, border: np.ndarray) -> None:
    """border (H + 2, W + 2) int32, zeros: gets the objects' pixels that have a 4-neighbour of another id or
    outside the image, shifted by one."""
    height, width = index.shape
    for y in range(height):
        for x in range(width):
            k = index[y, x]
            inside = (
                0 < y < height - 1
                and 0 < x < width - 1
                and index[y - 1, x] == k
                and index[y + 1, x] == k
                and index[y, x - 1] == k
                and index[y, x + 1] == k
            )
            if not inside:
                border[y + 1, x + 1] = k


@jit
def perimeters(border: np.ndarray, counts: np.ndarray) -> None:
    """counts (n + 1, 4) int64, zeros: row k gets how many border pixels of object k weigh 0, 1, sqrt 2 and
    (1 + sqrt 2) / 2, by how many neighbours on the border they have over edges and over corners.

    border as `mark_border` leaves it. Weights of Benkrid & Crookes (1999), a perimeter estimator.
    """
    for y in range(1, border.shape[0] - 1):
        for x in range(1, border.shape[1] - 1):
            k = border[y, x]
            if k == 0:
                continue
            edges = (
                int(border[y - 1, x] == k)
                + int(border[y + 1, x] == k)
                + int(border[y, x - 1] == k)
                + int(border[y, x + 1] == k)
            )
            corners = (
                int(border[y - 1, x - 1] == k)
                + int(border[y - 1, x + 1] == k)
                + int(border[y + 1, x - 1] == k)
                + int(border[y + 1, x + 1] == k)
            )
            weight = 0
            if 2 <= edges <= 3 and corners <= 2:
                weight = 1
            elif (edges == 0 and corners == 2) or (edges == 1 and corners == 3):
                weight = 2
            elif edges == 1 and 1 <= corners <= 2:
                weight = 3
            counts[k, weight] += 1


@jit
def intensities(
    index: np.ndarray, image: np.ndarray, total: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Sum, minimum and maximum of image (H, W) float64 in each object of index; the results (n + 1,) float64
    hold 0, infinity and minus infinity."""
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            k = index[y, x]
            if k == 0:
                continue
            value = image[y, x]
            total[k] += value
            low[k] = min(low[k], value)
            high[k] = max(high[k], value)
