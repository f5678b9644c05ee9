"""Areas, moments, bounding boxes, perimeters and intensities of objects, computed over their pixels."""

import numpy as np

from fcrbench.kernels._jit import jit


@jit
def sum_moments(index: np.ndarray, sums: np.ndarray, boxes: np.ndarray) -> None:
    """Sum moments over the pixels of each object, and find its bounding box.

    Args:
        index: (H, W) int32, objects 1 .. n, 0 for background.
        sums: (n + 1, 8) int64, zeros. Row k is filled with y and x of the first pixel of object k, the number
            of its pixels, and the sums of y, x, y y, x x and y x, which are relative to the first pixel so
            that no sum is large.
        boxes: (n + 1, 4) int64, filled with the first y and x, and the last y and x plus 1.
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
    """Copy to `border` the pixels of objects that have a 4-neighbour of another id or outside the image.

    border (H + 2, W + 2) int32 holds zeros; pixels are shifted by one row and one column.
    """
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
def count_border_weights(border: np.ndarray, counts: np.ndarray) -> None:
    """Count the border pixels of each object by their weight in the perimeter (Benkrid & Crookes 1999).

    counts (n + 1, 4) int64 holds zeros. Row k is filled with the numbers of border pixels of object k that
    have the weights 0, 1, sqrt 2 and (1 + sqrt 2) / 2. The weight depends on the number of neighbours on the
    border over edges and over corners. `border` is the result of `mark_border`.
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
def sum_intensities(
    index: np.ndarray, image: np.ndarray, total: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Compute sum, minimum and maximum of image (H, W) float64 over each object of `index`.

    total, low and high (n + 1,) float64 hold 0, infinity and minus infinity, and are filled.
    """
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            k = index[y, x]
            if k == 0:
                continue
            value = image[y, x]
            total[k] += value
            low[k] = min(low[k], value)
            high[k] = max(high[k], value)
