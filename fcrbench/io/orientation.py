"""Turns stored pixels upright, by the numbers of TIFF tag 274 and EXIF, and turns them back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.tiles import Source

UPRIGHT = 1
_FLIPS_ROWS, _FLIPS_COLUMNS, _SWAPS_AXES = (3, 4, 7, 8), (2, 3, 6, 7), (5, 6, 7, 8)


def turn_upright(pixels: NDArray, orientation: int) -> NDArray:
    """Return stored pixels (..., H, W) as a viewer shows them. Numbers other than 2 to 8 change nothing.

    Source: TIFF 6.0, tag Orientation: where the first stored row and column are on the screen.
    """
    if orientation in _SWAPS_AXES:
        pixels = np.swapaxes(pixels, -1, -2)
    # A swap comes first, so that the flips are those of the upright image.
    rows, columns = _flips(orientation)
    return pixels[..., :: -1 if rows else 1, :: -1 if columns else 1]


def turn_back(pixels: NDArray, orientation: int) -> NDArray:
    """Return an upright image (..., H, W) as a file with this orientation stores it."""
    rows, columns = _flips(orientation)
    pixels = pixels[..., :: -1 if rows else 1, :: -1 if columns else 1]
    return np.swapaxes(pixels, -1, -2) if orientation in _SWAPS_AXES else pixels


def swaps_axes(orientation: int) -> bool:
    """Return whether the stored rows are the columns of the upright image."""
    return orientation in _SWAPS_AXES


def _flips(orientation: int) -> tuple[bool, bool]:
    return orientation in _FLIPS_ROWS, orientation in _FLIPS_COLUMNS


class Turned:
    """An upright view of an image (H, W) that is stored turned. It is read, and written, by slices."""

    def __init__(self, stored: Source, orientation: int) -> None:
        self._stored, self._orientation = stored, orientation
        height, width = stored.shape
        self.shape = (width, height) if orientation in _SWAPS_AXES else (height, width)
        self.dtype = stored.dtype

    def __getitem__(self, key: tuple[slice, slice], /) -> NDArray:
        return np.ascontiguousarray(turn_upright(self._stored[self._stored_slices(key)], self._orientation))

    def __setitem__(self, key: tuple[slice, slice], value: NDArray, /) -> None:
        stored: Any = self._stored
        stored[self._stored_slices(key)] = turn_back(value, self._orientation)

    def _stored_slices(self, key: tuple[slice, slice]) -> tuple[slice, slice]:
        parts = []
        for part, n, flipped in zip(key, self.shape, _flips(self._orientation), strict=True):
            start, stop, step = part.indices(n)
            if step != 1:
                raise IndexError(f"a slice with step {step}, expected 1")
            stop = max(start, stop)
            parts.append(slice(n - stop, n - start) if flipped else slice(start, stop))
        rows, columns = parts
        return (columns, rows) if self._orientation in _SWAPS_AXES else (rows, columns)
