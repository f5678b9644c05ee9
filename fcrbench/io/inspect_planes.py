"""Examines the planes of a stack: which are equal, opaque, informative or sharp. Reads them in blocks."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.view import View
from fcrbench.tiles import split_into_tiles

_NOISE = 1 / 8  # differences below this share of the strongest colour are noise of a lossy file
_LEVELS = 8  # of 255; quantised colours of a dark file are off by so much
_POOL = 8  # pixels a side; JPEG and WebP store colours at half the resolution, and blur them by quantisation


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
    """Return the channel to read if all others are equal to it or constant; None if several differ.

    The means of 8 x 8 pixels of a lossy file are compared: of a bright colour, the others have some at edges.
    """
    if all(are_equal(views[0], other) for other in views[1:]):
        return 0
    if lossy:
        floor = _LEVELS if views[0].dtype == np.uint8 else 0
        return _find_informative_mean([_pool(view) for view in views], floor)
    lows, highs = [np.inf] * len(views), [-np.inf] * len(views)
    for blocks in _blocks(*views):
        lows = [min(low, block.min()) for low, block in zip(lows, blocks, strict=True)]
        highs = [max(high, block.max()) for high, block in zip(highs, blocks, strict=True)]
        varying = [k for k in range(len(views)) if highs[k] > lows[k]]
        if any((blocks[varying[0]] != blocks[k]).any() for k in varying[1:]):
            return None  # mostly in the first block, which saves reading the rest of a large image
    if not varying:  # every channel is constant
        return int(np.argmax(highs))
    first, *others = varying
    return first if all(are_equal(views[first], views[k]) for k in others) else None


def _find_informative_mean(means: Sequence[NDArray[np.float64]], floor: int) -> int | None:
    extents = [float(np.ptp(mean)) for mean in means]
    noise = max(_NOISE * max(extents), min(floor, max(extents) / 3))
    if noise == 0:
        return max(range(len(means)), key=lambda k: float(means[k].max()))
    first, *others = (k for k, extent in enumerate(extents) if extent > noise)
    return first if all(float(np.abs(means[first] - means[k]).max()) <= noise for k in others) else None


def _pool(view: View) -> NDArray[np.float64]:
    """Return the means of squares of 8 x 8 pixels; of all pixels of a smaller image."""
    pixels = view[:, :].astype(np.float64)
    height, width = (max(n // _POOL, 1) for n in pixels.shape)
    pixels = pixels[: height * _POOL, : width * _POOL]
    rows, columns = (-(-n // m) for n, m in zip(pixels.shape, (height, width), strict=True))
    sums = np.add.reduceat(
        np.add.reduceat(pixels, np.arange(height) * rows, 0), np.arange(width) * columns, 1
    )
    return sums / (rows * columns)


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
