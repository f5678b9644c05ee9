"""Helpers to compute a part of a tensor (B, C, H, W), a strip of rows at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

STRIP_PIXELS = 3 << 14  # some megabytes of activations, which fit into the processor's cache


class TensorPart:
    """A rectangle of a tensor (B, C, H, W), which is filled strip by strip, from top to bottom.

    rows, columns   the rectangle, in the coordinates of the tensor
    """

    def __init__(self, rows: slice, columns: slice) -> None:
        self.rows, self.columns = rows, columns
        self.tensor: Tensor

    def add_strip(self, strip: Tensor, row: int, column: int = 0) -> None:
        """Copy the pixels of `strip` that lie in this part. The first pixel of the strip is (row, column)."""
        low, high = max(row, self.rows.start), min(row + strip.shape[2], self.rows.stop)
        if low >= high:
            return
        new = strip[:, :, shift_slice(slice(low, high), row), shift_slice(self.columns, column)]
        height = self.rows.stop - self.rows.start
        if high - low == height:
            self.tensor = new
            return
        if low == self.rows.start:
            size, order = (*new.shape[:2], height, new.shape[3]), torch.channels_last
            self.tensor = torch.empty(size, dtype=new.dtype, device=new.device, memory_format=order)
        self.tensor[:, :, shift_slice(slice(low, high), self.rows.start)] = new

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Return a rectangle within this part, in the coordinates of the tensor."""
        return self.tensor[:, :, shift_slice(rows, self.rows.start), shift_slice(columns, self.columns.start)]


def split_rows(rows: slice, x: Tensor) -> Iterator[slice]:
    """Yield these rows of x (B, C, H, W) in strips that fit into the cache, each an even number of rows.

    All rows are one strip on a GPU, and where gradients are computed, which need every activation anyway.
    """
    step = max(STRIP_PIXELS // x.shape[3], 16) // 2 * 2
    if torch.is_grad_enabled() or x.device.type != "cpu":
        step = max(rows.stop - rows.start, 1)
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop))


def pad_slice(span: slice, by: int, length: int) -> slice:
    """Return a slice with `by` more pixels on both sides, clipped to [0, length)."""
    return slice(max(span.start - by, 0), min(span.stop + by, length))


def shift_slice(span: slice, start: int) -> slice:
    """Return a slice in coordinates that begin at `start`."""
    return slice(span.start - start, span.stop - start)
