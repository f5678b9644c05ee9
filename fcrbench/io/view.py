"""A view of one plane of a stack, read by slices."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fcrbench.errors import DataError, damaged_file
from fcrbench.io.stack import Stack


class View:
    """One plane (H, W) of a stack, as it is stored, read by slices."""

    def __init__(
        self,
        stack: Stack,
        path: object,
        index: Sequence[int | slice],
        project: Literal["max", "mean", ""] = "",
        weights: Sequence[float] = (),
    ) -> None:
        """Choose a plane.

        index    an index for each axis before rows and columns; slices are reduced by `project` or `weights`
        weights  of the red, green and blue samples, if these are mixed
        """
        self._stack, self._path, self._index = stack, path, tuple(index)
        self._project, self._weights = project, np.asarray(weights)
        height, width = stack.pixels.shape[-2:]
        self.shape: tuple[int, int] = (height, width)
        self.dtype = np.dtype(stack.pixels.dtype).newbyteorder("=")

    def __getitem__(self, key: tuple[slice, slice], /) -> NDArray:
        try:
            pixels = self._project_planes(key) if self._project else self._read_plane(self._index, key)
            return np.ascontiguousarray(pixels, dtype=self.dtype)
        except DataError:
            raise
        # Codecs raise many types of errors.
        except Exception as error:
            raise damaged_file(self._path, error) from error

    def _read_plane(self, index: tuple[int | slice, ...], key: tuple[slice, slice]) -> NDArray:
        """Read a part of one plane, whose colours are mixed if there are weights."""
        pixels = np.asarray(self._stack.pixels[(*index, *key)])
        if len(self._weights):
            pixels = self._rounded(np.tensordot(self._weights, pixels[: len(self._weights)], 1))
        return pixels

    def _project_planes(self, key: tuple[slice, slice]) -> NDArray:
        """Reduce all planes, one after the other, because a stack may be larger than memory."""
        axis = next(
            k
            for k, part in enumerate(self._index)
            if isinstance(part, slice) and not (len(self._weights) and self._stack.axes[k] == "S")
        )
        n = self._stack.pixels.shape[axis]
        planes = (self._read_plane((*self._index[:axis], k, *self._index[axis + 1 :]), key) for k in range(n))
        if self._project == "max":
            return reduce(np.maximum, planes)
        return self._rounded(reduce(np.add, (plane.astype(np.float64) for plane in planes)) / n)

    def _rounded(self, values: NDArray) -> NDArray:
        return values if self.dtype.kind == "f" else np.rint(values)
