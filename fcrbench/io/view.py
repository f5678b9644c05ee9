"""A view of one plane of a stack, read by slices."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fcrbench.errors import DataError
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
            pixels = self._reduce(np.asarray(self._stack.pixels[(*self._index, *key)]))
            return np.ascontiguousarray(pixels, dtype=self.dtype)
        except DataError:
            raise
        # Codecs raise many types of errors.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(f"{self._path}: cannot be read, truncated or damaged ({reason[:120]})") from error

    def _reduce(self, pixels: NDArray) -> NDArray:
        """Reduce the axes that are left before rows and columns."""
        left = [
            axis for axis, part in zip(self._stack.axes, self._index, strict=False) if part == slice(None)
        ]
        if len(self._weights):
            pixels = self._rounded(
                np.tensordot(self._weights, np.moveaxis(pixels, left.index("S"), 0)[: len(self._weights)], 1)
            )
        if self._project == "max":
            pixels = pixels.max(axis=0)
        elif self._project == "mean":
            pixels = self._rounded(pixels.mean(axis=0, dtype=np.float64))
        return pixels

    def _rounded(self, values: NDArray) -> NDArray:
        return values if self.dtype.kind == "f" else np.rint(values)
