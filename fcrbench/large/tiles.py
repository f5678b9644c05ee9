"""Tiles of an image, and the pixels on both sides of their seams."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

TILE = 2048  # pixels a side: tens of megabytes of working memory


class Source(Protocol):
    """An (H, W) array that is read by slices: NumPy, memory maps, Zarr, HDF5, or `large.files.open_image`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, key: tuple[slice, slice], /) -> NDArray: ...


class Target(Source, Protocol):
    """A Source that is also written by slices."""

    def __setitem__(self, key: tuple[slice, slice], value: NDArray, /) -> None: ...


@dataclass(frozen=True)
class Tile:
    """One of the tiles, in raster order: its number and where it is."""

    number: int
    rows: slice
    columns: slice

    @property
    def where(self) -> tuple[slice, slice]:
        return self.rows, self.columns


def tiles(shape: tuple[int, ...], side: int = TILE) -> list[Tile]:
    """All tiles of an image (H, W); those at the far ends are smaller.

    Raises ValueError for another number of dimensions or side < 1.
    """
    if len(shape) != 2:
        raise ValueError(f"expected a 2-D image (H, W), found shape {shape}")
    if side < 1:
        raise ValueError(f"tile: expected 1 or more pixels, found {side}")
    height, width = shape
    corners = [(y, x) for y in range(0, height, side) for x in range(0, width, side)]
    return [
        Tile(i, slice(y, min(y + side, height)), slice(x, min(x + side, width)))
        for i, (y, x) in enumerate(corners)
    ]


class Touching(NamedTuple):
    """Pixels next to each other in two tiles: what is at the one and at the other of each pair."""

    value: NDArray
    id: NDArray[np.int64]
    other_value: NDArray
    other_id: NDArray[np.int64]


Line = tuple[NDArray, NDArray[np.int64]]  # values and ids


class Seams:
    """What lies along the lower and right edges of the tiles done, to be met by those after them.

    Tiles come in raster order. Memory: two rows of the image.
    """

    def __init__(self, width: int, dtype: np.dtype, corners: bool) -> None:
        self.corners = corners
        self.width = width
        # Values and ids of the last row of the tiles above, and of those of this band.
        self.above: Line = np.zeros(width, dtype), np.zeros(width, np.int64)
        self.below: Line = np.zeros(width, dtype), np.zeros(width, np.int64)
        self.left: Line | None = None

    def add(self, tile: Tile, values: NDArray, labels: NDArray[np.int32], offset: int) -> Iterator[Touching]:
        """Pairs over edges of pixels first, vertical ones before horizontal ones; then over corners, if asked
        for. To be read to the end.

        values, labels  (h, w) of the tile; the id of label k > 0 is k + offset, that of 0 is 0
        """

        def line(where: tuple) -> Line:
            ids = labels[where].astype(np.int64)
            return values[where], np.where(ids > 0, ids + offset, 0)

        x0, x1 = tile.columns.start, tile.columns.stop
        if x0 == 0:
            self.above, self.below = self.below, self.above
            self.left = None
        straight, over_corners = [], []
        if tile.rows.start > 0:
            top = line((0, slice(None)))
            straight.append(_pairs(self.above, slice(x0, x1), top, slice(None)))
            low, high = max(x0, 1), min(x1, self.width - 1)
            over_corners.append(_pairs(self.above, slice(low - 1, x1 - 1), top, slice(low - x0, None)))
            over_corners.append(_pairs(self.above, slice(x0 + 1, high + 1), top, slice(0, high - x0)))
        if self.left is not None:
            first = line((slice(None), 0))
            straight.append(_pairs(self.left, slice(None), first, slice(None)))
            over_corners.append(_pairs(self.left, slice(0, -1), first, slice(1, None)))
            over_corners.append(_pairs(self.left, slice(1, None), first, slice(0, -1)))
        bottom, last = line((-1, slice(None))), line((slice(None), -1))
        self.below[0][x0:x1], self.below[1][x0:x1] = bottom
        self.left = last[0].copy(), last[1]
        yield from straight
        if self.corners:
            yield from over_corners


def _pairs(one: Line, part: slice, other: Line, other_part: slice) -> Touching:
    return Touching(one[0][part], one[1][part], other[0][other_part], other[1][other_part])
