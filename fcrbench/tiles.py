"""Division of an image into tiles, and the pixels on both sides of the seams between tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

TILE_SIZE = 2048  # side in pixels; needs tens of megabytes of working memory


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
    """One tile: its number in raster order, its rows and its columns."""

    number: int
    rows: slice
    columns: slice

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index of the tile in the image."""
        return self.rows, self.columns

    def sides_on_border(self, height: int, width: int) -> tuple[bool, bool, bool, bool]:
        """Return whether the top, bottom, left and right side of the tile lies on the border of the image."""
        rows, columns = self.rows, self.columns
        return rows.start == 0, rows.stop == height, columns.start == 0, columns.stop == width


def split_into_tiles(shape: tuple[int, ...], side: int = TILE_SIZE) -> list[Tile]:
    """Return all tiles of an image (H, W); those at the right and lower ends may be smaller.

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


class PixelLine(NamedTuple):
    """Adjacent pixels in a row or column: their values, the ids of their objects, and their doubt."""

    value: NDArray
    id: NDArray[np.int64]
    doubt: NDArray[np.uint8]

    @classmethod
    def zeros(cls, length: int, dtype: np.dtype) -> "PixelLine":
        return cls(np.zeros(length, dtype), np.zeros(length, np.int64), np.zeros(length, np.uint8))

    def section(self, index: slice) -> "PixelLine":
        return PixelLine(self.value[index], self.id[index], self.doubt[index])

    def replace_section(self, index: slice, pixels: "PixelLine") -> None:
        self.value[index], self.id[index], self.doubt[index] = pixels.value, pixels.id, pixels.doubt


LinePair = tuple[PixelLine, PixelLine]  # touching pixels of two tiles


class Seams:
    """Finds touching pixels of different tiles, while tiles are added in raster order.

    It keeps the pixels along the lower and right edges of earlier tiles. Memory: two rows of the image.
    """

    def __init__(self, width: int, dtype: np.dtype, corners: bool) -> None:
        self.corners = corners
        self.width = width
        # The last row of the tiles above, and that of the tiles in the current row of tiles.
        self.above, self.below = PixelLine.zeros(width, dtype), PixelLine.zeros(width, dtype)
        self.left: PixelLine | None = None

    def add_tile(
        self,
        tile: Tile,
        values: NDArray,
        labels: NDArray[np.int32],
        offset: int,
        doubt: NDArray[np.uint8] | None = None,
    ) -> Iterator[LinePair]:
        """Add a tile, and yield pairs of lines of touching pixels: of an earlier tile, and of this one.

        Pairs that touch over edges of pixels come first, the upper edge of the tile before the left one.
        Pairs that touch over corners follow if `corners` is set. Read the iterator to its end.

        Args:
            tile: the tile.
            values, labels: (h, w), the pixels of the tile and their labels.
            offset: the id of label k > 0 is k + offset; that of 0 is 0.
            doubt: (h, w), the doubt of the pixels; None stands for 0.
        """

        def line(index: tuple) -> PixelLine:
            ids = labels[index].astype(np.int64)
            line_doubt = np.zeros(ids.shape, np.uint8) if doubt is None else doubt[index]
            return PixelLine(values[index], np.where(ids > 0, ids + offset, 0), line_doubt)

        x0, x1 = tile.columns.start, tile.columns.stop
        if x0 == 0:
            self.above, self.below = self.below, self.above
            self.left = None
        over_edges, over_corners = [], []
        if tile.rows.start > 0:
            top = line((0, slice(None)))
            over_edges.append((self.above.section(slice(x0, x1)), top.section(slice(None))))
            low, high = max(x0, 1), min(x1, self.width - 1)
            over_corners.append(
                (self.above.section(slice(low - 1, x1 - 1)), top.section(slice(low - x0, None)))
            )
            over_corners.append(
                (self.above.section(slice(x0 + 1, high + 1)), top.section(slice(0, high - x0)))
            )
        if self.left is not None:
            first = line((slice(None), 0))
            over_edges.append((self.left.section(slice(None)), first.section(slice(None))))
            over_corners.append((self.left.section(slice(0, -1)), first.section(slice(1, None))))
            over_corners.append((self.left.section(slice(1, None)), first.section(slice(0, -1))))
        bottom, last = line((-1, slice(None))), line((slice(None), -1))
        self.below.replace_section(slice(x0, x1), bottom)
        self.left = PixelLine(last.value.copy(), last.id, last.doubt.copy())
        yield from over_edges
        if self.corners:
            yield from over_corners
