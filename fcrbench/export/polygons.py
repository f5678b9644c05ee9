"""Traces objects as polygons along the edges of their pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.export.objects import object_runs
from fcrbench.kernels import outlines
from fcrbench.postprocess import label

Ring = NDArray[np.int32]


@dataclass(frozen=True)
class Part:
    """A 4-connected part of an object: its outer ring and its holes.

    Rings are (n, 2) int32 vertices x, y in pixels. The first vertex is not repeated at the end. Pixel (x, y)
    covers x .. x + 1, y .. y + 1. Every ring is simple, that is, it visits no vertex twice. The part lies to
    the right of its outer ring (y points down), which is counterclockwise if y points up (RFC 7946). Holes
    run the other way.
    """

    outer: Ring
    holes: tuple[Ring, ...]


def polygons(labels: ArrayLike) -> dict[int, list[Part]]:
    """Return {id: parts} of every object of a label image (H, W), by ascending id, parts in raster order.

    An object in several pieces, or in pieces that touch only at corners, has several parts. Filling the outer
    rings without the holes gives the labels back, pixel by pixel.

    Raises TypeError for labels that are not integers, ValueError for another shape or a negative id.
    """
    objects = object_runs(labels)
    index = objects.paint()
    parts, n_parts = label(index)
    n = outlines.count_corners(parts)
    vertices = np.empty((n, 2), np.int32)
    ends, owners = np.empty(n // 4, np.int64), np.empty(n // 4, np.int32)
    rings = outlines.trace_outlines(parts, np.zeros(parts.shape, np.uint8), vertices, ends, owners)
    outer: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    begin = 0
    for end, owner in zip(ends[:rings].tolist(), owners[:rings].tolist(), strict=True):
        for ring in _simple_rings(vertices[begin:end]):
            if twice_area(ring) > 0:
                outer[owner] = ring
            else:
                holes.setdefault(owner, []).append(ring)
        begin = end
    found: dict[int, list[Part]] = {int(i): [] for i in objects.ids}
    object_of_part = np.zeros(n_parts + 1, np.int32)
    object_of_part[parts] = index
    for part in range(1, n_parts + 1):
        key = int(objects.ids[object_of_part[part] - 1])
        found[key].append(Part(outer[part], tuple(holes.get(part, ()))))
    return found


def twice_area(ring: Ring) -> int:
    """Return twice the area of a ring in pixels. It is positive for outer rings and negative for holes."""
    x, y = ring.astype(np.int64).T
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _simple_rings(ring: Ring) -> list[Ring]:
    """Split a ring at vertices that it visits twice, which happens where pixels touch at a corner."""
    keys = (ring[:, 1].astype(np.int64) << 32) + ring[:, 0]
    if len(np.unique(keys)) == len(keys):
        return [ring]
    rings: list[Ring] = []
    stack: list[int] = []
    place: dict[int, int] = {}  # key of a vertex on the stack -> its position in the stack
    for i, key in enumerate(keys.tolist()):
        if key in place:
            cut = place[key]
            rings.append(ring[stack[cut:]])
            for j in stack[cut:]:
                del place[int(keys[j])]
            del stack[cut:]
        place[key] = len(stack)
        stack.append(i)
    rings.append(ring[stack])
    return rings
