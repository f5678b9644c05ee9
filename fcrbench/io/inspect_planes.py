"""Examines the planes of a stack: which are equal, opaque, informative or sharp. Reads them in blocks."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.view import View
from fcrbench.tiles import split_into_tiles

_NOISE = 1 / 8  # a colour that varies less than this share of the strongest one is noise of a lossy file
_LIMITS = (0.1, 99.9)  # percentiles between which a lossy colour varies


def _blocks(*views: View) -> Iterator[list[NDArray]]:
    for tile in split_into_tiles(views[0].shape):
        yield [view[tile.slices] for view in views]


def are_equal(first: View, other: View) -> bool:
    return all((a == b).all() for a, b in _blocks(first, other))


def is_opaque(view: View) -> bool:
    return count_not_opaque(view, stop=True) == 0


def count_not_opaque(view: View, stop: bool = False) -> int:
    kind = view.dtype.kind
    top = np.iinfo(view.dtype).max if kind in "iu" else 1
    count = 0
    for (block,) in _blocks(view):
        count += int(np.count_nonzero(block != top))
        if stop and count:
            break
    return count


def find_informative(views: Sequence[View], lossy: bool) -> int | None:
    """Return the channel to read if all others are equal to it or constant; None if several differ."""
    if all(are_equal(views[0], other) for other in views[1:]):
        return 0
    limits = [_limits(view, lossy) for view in views]
    extents = [high - low for low, high in limits]
    least = _NOISE * max(extents) if lossy else 0
    left = [k for k, extent in enumerate(extents) if extent > least]
    if not left:  # every channel is constant
        return max(range(len(views)), key=lambda k: limits[k][1])
    first, *others = left
    return first if all(are_equal(views[first], views[k]) for k in others) else None


def _limits(view: View, lossy: bool) -> tuple[float, float]:
    if lossy:
        low, high = np.percentile(view[:, :], _LIMITS)
        return float(low), float(high)
    found = [(block.min(), block.max()) for (block,) in _blocks(view)]
    return float(min(low for low, _ in found)), float(max(high for _, high in found))


def find_sharpest(views: Iterator[View]) -> int:
    """Return the index of the plane with the largest sum of squared differences over two pixels.

    Source: Brenner et al., An automated microscope for cytologic research, 1976; here along both axes.
    """
    return int(np.argmax([_sum_gradients(view) for view in views]))


def _sum_gradients(view: View) -> float:
    total = 0.0
    for (block,) in _blocks(view):
        values = block.astype(np.float64)
        total += float(
            ((values[2:] - values[:-2]) ** 2).sum() + ((values[:, 2:] - values[:, :-2]) ** 2).sum()
        )
    return total
