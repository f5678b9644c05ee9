"""Objects as polygons along the edges of their pixels."""

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
    """A 4-connected part of an object: outer ring and holes.

    Rings are (n, 2) int32 vertices x, y in pixels, not closed; pixel (x, y) covers x .. x + 1, y .. y + 1.
    Every ring is simple: it visits no vertex twice. The outer one has the part on its right hand (y points
    down), which is counterclockwise to readers for whom y points up (RFC 7946); holes run the other way.
    """

    outer: Ring
    holes: tuple[Ring, ...]


def polygons(labels: ArrayLike) -> dict[int, list[Part]]:
    """id: parts of every object of a label image (H, W), by ascending id, parts in raster order.

    An object in several pieces, or in pieces that touch over corners only, has several parts. Filling outer
    rings and leaving out holes gives the labels again, pixel by pixel.

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
    """Twice the area inside a ring, in pixels: positive for outer rings, negative for holes."""
    x, y = ring.astype(np.int64).T
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _simple_rings(ring: Ring) -> list[Ring]:
    """A ring cut where it visits a vertex again, as one does around pixels that touch over a corner."""
    keys = (ring[:, 1].astype(np.int64) << 32) + ring[:, 0]
    if len(np.unique(keys)) == len(keys):
        return [ring]
    rings: list[Ring] = []
    stack: list[int] = []
    place: dict[int, int] = {}  # key of a vertex on the stack: where it is there
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
