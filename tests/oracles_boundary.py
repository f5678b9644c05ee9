"""Naive definitions of the boundary metrics: every pixel against every other."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

Pixel = tuple[int, ...]


def rim(pixels: frozenset[Pixel], shape: tuple[int, ...]) -> list[Pixel]:
    """Pixels of an object with a neighbour in the image, over an edge or a face, outside the object."""
    found = []
    for pixel in sorted(pixels):
        for axis, step in product(range(len(shape)), (-1, 1)):
            near = (*pixel[:axis], pixel[axis] + step, *pixel[axis + 1 :])
            if 0 <= near[axis] < shape[axis] and near not in pixels:
                found.append(pixel)
                break
    return found


def distance(a: Pixel, b: Pixel, spacing: tuple[float, ...]) -> float:
    return math.sqrt(sum(((x - y) * s) ** 2 for x, y, s in zip(a, b, spacing, strict=True)))


def boundary_f(
    true_rim: list[Pixel], pred_rim: list[Pixel], tolerance: float, spacing: tuple[float, ...]
) -> tuple[float, float, float] | None:
    """Precision, recall, F; None where there is no boundary at all."""
    if not true_rim and not pred_rim:
        return None

    def share(of: list[Pixel], near: list[Pixel]) -> float:
        hits = sum(any(distance(a, b, spacing) <= tolerance for b in near) for a in of)
        return hits / len(of) if of else 0.0

    precision, recall = share(pred_rim, true_rim), share(true_rim, pred_rim)
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def hausdorff(a: frozenset[Pixel], b: frozenset[Pixel], spacing: tuple[float, ...]) -> float:
    return max(
        max(min(distance(p, q, spacing) for q in there) for p in here) for here, there in ((a, b), (b, a))
    )


def of_image(labels: np.ndarray, objects: dict[int, frozenset[Pixel]]) -> list[Pixel]:
    return [pixel for pixels in objects.values() for pixel in rim(pixels, labels.shape)]
