"""Computes the scores of an image tile by tile, without seams.

A convolutional network computes a pixel from the pixels in its receptive field. So each tile is computed
with a halo that is at least as wide as the receptive field reaches, and the scores of the halo are dropped.
Each window starts at a multiple of the network's stride, so that the grids of pooling layers are those of the
whole image. At the border of the image there is no halo. The result is that of the whole image at once,
except for the rounding of convolutions.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcrbench.methods.base import Method
from fcrbench.tiles import Source
from fcrbench.work.progress import log_progress

TILE_SIDE = 768  # pixels, by default; FCRNet then needs less than 1 GB on a CPU
MAX_UNTILED_PIXELS = 2048 * 2048  # by default, images with more pixels are tiled
_MAX_TEST_LENGTH = 2048  # pixels; a network that needs a halo of more than half of this is not tiled
_MAX_SAMPLE_PIXELS = 1 << 24  # pixels that represent a larger image when it is normalised


@dataclass(frozen=True)
class Tile:
    """Rows and columns of an image: the window `outer` is read, and its scores at `inner` are kept."""

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    @property
    def kept(self) -> tuple[slice, slice]:
        """The rows and columns of `inner`, relative to the first pixel of `outer`."""
        rows, columns = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns


def whole_image_tile(height: int, width: int) -> Tile:
    """Return the whole image as one tile."""
    everything = slice(0, height), slice(0, width)
    return Tile(everything, everything)


def iterate_tiles(shape: tuple[int, int], side: int, halo: int, stride: int) -> Iterator[Tile]:
    """Yield tiles whose inner parts cover an image of `shape` exactly once, row by row.

    side, halo   pixels; both are rounded up to multiples of `stride`
    Every window starts at a multiple of `stride`. All windows have the same size unless the image is smaller:
    windows of different sizes would fragment memory.
    """
    side, halo = (-(-value // stride) * stride for value in (side, halo))

    def spans(length: int) -> list[tuple[slice, slice]]:
        found = []
        last = -(-length // stride) * stride - (side + 2 * halo)  # the last possible start of a window
        for start in range(0, length, side):
            stop = min(start + side, length)
            first = max(min(start - halo, last), 0)
            found.append((slice(start, stop), slice(first, min(first + side + 2 * halo, length))))
        return found

    for rows, columns in itertools.product(spans(shape[0]), spans(shape[1])):
        yield Tile((rows[0], columns[0]), (rows[1], columns[1]))


def score_tiles(
    source: Source,
    score: Callable[[np.ndarray, Tile], np.ndarray],
    *,
    side: int,
    halo: int,
    stride: int,
    out: Any = None,
) -> Any:
    """Apply `score` to the tiles of an image and assemble the results in one array (K, H, W).

    source   (H, W)
    score    takes the pixels at `tile.outer` and returns (K, h, w) for the pixels at `tile.inner`: their
             scores, or values computed from the scores of each pixel, such as a class map (1, h, w) of 8-bit
             integers, which needs a sixteenth of the memory of four scores
    out      the array to write to by slices, in memory or a Zarr array; by default a new array
    """
    height, width = source.shape
    for tile in log_progress(list(iterate_tiles((height, width), side, halo, stride)), "network"):
        part = score(np.asarray(source[tile.outer]), tile)
        if out is None:
            out = np.empty((len(part), height, width), part.dtype)
        out[(slice(None), *tile.inner)] = part
    return out


# A function of images (B, 1, H, W) float32, whose sides are multiples of the stride, and the row and the
# column of their first pixel. It returns scores (B, K, H, W).
ScoreFunction = Callable[[Tensor, int, int], Tensor]


@torch.inference_mode()
def measure_halo(function: ScoreFunction, stride: int) -> int | None:
    """Measure how far, in pixels, a window must extend beyond the pixels whose scores are wanted.

    Returns a multiple of `stride`, or None if a network cannot be tiled: if a pixel depends on the whole
    image, on too much of it, or on something other than its surroundings and its position, such as the size
    of the image.

    The measurement works for any network. NaN in a block of `stride` rows (then columns) spreads to every
    score that depends on it, and the scores of a window are compared with those of the whole image. The U-Net
    of FCRNet needs 144 pixels.
    """
    length = 16 * stride
    while length <= max(_MAX_TEST_LENGTH, 16 * stride):
        found = [_measure_extent(function, stride, length, axis) for axis in (2, 3)]
        if None not in found:
            halo = -(-max(n for n in found if n is not None) // stride) * stride
            return halo if all(_is_local(function, stride, halo, axis) for axis in (2, 3)) else None
        length *= 2
    return None


def _is_local(function: ScoreFunction, stride: int, halo: int, axis: int) -> bool:
    """Return whether windows that start or end inside a strip give its scores, except within the halo."""
    cut = 3 * stride
    shape = [1, 1, 4 * stride, 4 * stride]
    shape[axis] = length = halo + 2 * cut
    strip = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    whole = function(strip, 0, 0)
    place = [0, 0]
    place[axis - 2] = cut
    late = function(strip.narrow(axis, cut, length - cut).contiguous(), *place)
    early = function(strip.narrow(axis, 0, length - cut).contiguous(), 0, 0)
    pairs = [
        (late.narrow(axis, halo, cut), whole.narrow(axis, cut + halo, cut)),
        (early.narrow(axis, 0, cut), whole.narrow(axis, 0, cut)),
    ]
    # Windows of different size are summed in different order. The tolerance follows the variation of the
    # scores, which is small in an untrained network.
    variation = whole - whole.mean(dim=(2, 3), keepdim=True)
    tolerance = 1e-3 * float(variation.square().mean().sqrt()) + 1e-5 * float(whole.square().mean().sqrt())
    return all(float((found - expected).abs().max()) <= tolerance for found, expected in pairs)


def _measure_extent(function: ScoreFunction, stride: int, length: int, axis: int) -> int | None:
    """Count the rows (axis 2) or columns (3) beyond a block that depend on it; None if there may be more."""
    shape = [1, 1, 4 * stride, 4 * stride]
    shape[axis] = length
    image = torch.zeros(shape)
    first = length // 2
    image.narrow(axis, first, stride).fill_(torch.nan)
    lines = function(image, 0, 0).isnan().movedim(axis, 0).flatten(1).any(dim=1)
    touched = lines.nonzero().flatten().tolist()
    if not lines[first : first + stride].all() or touched[0] == 0 or touched[-1] == length - 1:
        return None
    return max(first - touched[0], touched[-1] - (first + stride - 1))


def make_normalizer(method: Method, source: Source) -> Callable[[np.ndarray], NDArray[np.float32]]:
    """Return a function that normalises any window of an image of integers like `method.normalize` the image.

    The image is read once, by tiles, to compute its histogram. A sample of at most 2**24 pixels with the same
    histogram is then normalised, which gives a lookup table. So `normalize` may depend only on the values of
    an image, not on their positions. Raises TypeError for other dtypes than 8- and 16-bit integers.
    """
    dtype = np.dtype(source.dtype)
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        raise TypeError(f"image: expected 8- or 16-bit integers to read by tiles, found {dtype}")
    low = int(np.iinfo(dtype).min)
    counts = np.zeros(1 << (8 * dtype.itemsize), np.int64)
    height, width = source.shape
    for tile in iterate_tiles((height, width), TILE_SIDE, 0, 1):
        window = np.asarray(source[tile.inner]).astype(np.int64).ravel() - low
        counts += np.bincount(window, minlength=len(counts))
    ends = np.cumsum(counts)
    total = int(ends[-1])
    n = min(total, _MAX_SAMPLE_PIXELS)
    # The gray levels, counted from `low`, of n evenly spaced pixels of the sorted image.
    levels = np.searchsorted(ends, (2 * np.arange(n) + 1) * total // (2 * n), side="right")
    pixels = (levels + low).astype(dtype)
    first = np.flatnonzero(np.diff(levels, prepend=-1))
    normal = method.normalize(pixels[None])[0][first]
    table = np.interp(np.arange(len(counts)), levels[first], normal).astype(np.float32)
    return lambda window: table[window.astype(np.int64) - low]
