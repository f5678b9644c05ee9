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

    def on_border(self, height: int, width: int) -> tuple[bool, bool, bool, bool]:
        """Whether the image ends where the tile does: at the top, at the bottom, left and right."""
        rows, columns = self.rows, self.columns
        return rows.start == 0, rows.stop == height, columns.start == 0, columns.stop == width


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


class Line(NamedTuple):
    """Pixels side by side: their values, the ids of their objects, their doubt."""

    value: NDArray
    id: NDArray[np.int64]
    doubt: NDArray[np.uint8]

    @classmethod
    def zeros(cls, length: int, dtype: np.dtype) -> "Line":
        return cls(np.zeros(length, dtype), np.zeros(length, np.int64), np.zeros(length, np.uint8))

    def part(self, where: slice) -> "Line":
        return Line(self.value[where], self.id[where], self.doubt[where])

    def put(self, where: slice, part: "Line") -> None:
        self.value[where], self.id[where], self.doubt[where] = part.value, part.id, part.doubt


Touching = tuple[Line, Line]  # pixels next to each other in two tiles


class Seams:
    """What lies along the lower and right edges of the tiles done, to be met by those after them.

    Tiles come in raster order. Memory: two rows of the image.
    """

    def __init__(self, width: int, dtype: np.dtype, corners: bool) -> None:
        self.corners = corners
        self.width = width
        # The last row of the tiles above, and that of those of this band.
        self.above, self.below = Line.zeros(width, dtype), Line.zeros(width, dtype)
        self.left: Line | None = None

    def add(
        self,
        tile: Tile,
        values: NDArray,
        labels: NDArray[np.int32],
        offset: int,
        doubt: NDArray[np.uint8] | None = None,
    ) -> Iterator[Touching]:
        """Pairs over edges of pixels first, vertical ones before horizontal ones; then over corners, if asked
        for. To be read to the end.

        values, labels, doubt  (h, w) of the tile, no doubt is 0; the id of label k > 0 is k + offset, that
                               of 0 is 0
        """

        def line(where: tuple) -> Line:
            ids = labels[where].astype(np.int64)
            unsure = np.zeros(ids.shape, np.uint8) if doubt is None else doubt[where]
            return Line(values[where], np.where(ids > 0, ids + offset, 0), unsure)

        x0, x1 = tile.columns.start, tile.columns.stop
        if x0 == 0:
            self.above, self.below = self.below, self.above
            self.left = None
        straight, over_corners = [], []
        if tile.rows.start > 0:
            top = line((0, slice(None)))
            straight.append((self.above.part(slice(x0, x1)), top.part(slice(None))))
            low, high = max(x0, 1), min(x1, self.width - 1)
            over_corners.append((self.above.part(slice(low - 1, x1 - 1)), top.part(slice(low - x0, None))))
            over_corners.append((self.above.part(slice(x0 + 1, high + 1)), top.part(slice(0, high - x0))))
        if self.left is not None:
            first = line((slice(None), 0))
            straight.append((self.left.part(slice(None)), first.part(slice(None))))
            over_corners.append((self.left.part(slice(0, -1)), first.part(slice(1, None))))
            over_corners.append((self.left.part(slice(1, None)), first.part(slice(0, -1))))
        bottom, last = line((-1, slice(None))), line((slice(None), -1))
        self.below.put(slice(x0, x1), bottom)
        self.left = Line(last.value.copy(), last.id, last.doubt.copy())
        yield from straight
        if self.corners:
            yield from over_corners
