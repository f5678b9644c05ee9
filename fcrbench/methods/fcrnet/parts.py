"""Parts of a tensor (B, C, H, W), computed some rows at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

STRIP = 3 << 14  # pixels: some megabytes of activations, which stay in the processor's cache


class Part:
    """Rows and columns of a tensor, as they have in it; put together from strips of rows, in order."""

    def __init__(self, rows: slice, columns: slice) -> None:
        self.rows, self.columns = rows, columns
        self.tensor: Tensor

    def add(self, strip: Tensor, row: int, column: int = 0) -> None:
        """Keep what belongs to the part of a strip, whose first pixel is at this row and column."""
        low, high = max(row, self.rows.start), min(row + strip.shape[2], self.rows.stop)
        if low >= high:
            return
        new = strip[:, :, since(slice(low, high), row), since(self.columns, column)]
        height = self.rows.stop - self.rows.start
        if high - low == height:
            self.tensor = new
            return
        if low == self.rows.start:
            size, order = (*new.shape[:2], height, new.shape[3]), torch.channels_last
            self.tensor = torch.empty(size, dtype=new.dtype, device=new.device, memory_format=order)
        self.tensor[:, :, since(slice(low, high), self.rows.start)] = new

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Some of it."""
        return self.tensor[:, :, since(rows, self.rows.start), since(columns, self.columns.start)]


def strips(rows: slice, x: Tensor) -> Iterator[slice]:
    """These rows of x (B, C, H, W), an even number of them at a time, as many as the cache likes.

    All of them where gradients are wanted, which need every activation anyway, and on a GPU.
    """
    step = max(STRIP // x.shape[3], 16) // 2 * 2
    if torch.is_grad_enabled() or x.device.type != "cpu":
        step = max(rows.stop - rows.start, 1)
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop))


def grown(span: slice, by: int, length: int) -> slice:
    """A span of pixels with `by` more on both sides, as far as there are any."""
    return slice(max(span.start - by, 0), min(span.stop + by, length))


def since(span: slice, start: int) -> slice:
    """The span, counted from `start` on."""
    return slice(span.start - start, span.stop - start)
