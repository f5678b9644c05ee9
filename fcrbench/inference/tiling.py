"""Scores of an image that is read, and shown to the network, one tile at a time, without seams.

A network of convolutions computes a pixel from what lies within its reach. So each tile is computed with a
halo of at least that reach around it, of which nothing is kept, and starts at a multiple of the network's
stride, where the grids of its pooling layers fall as in the whole image. At the image's own border the
network sees that border. The result is what the whole image at once gives, up to the rounding of the
convolutions.
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

SIDE = 768  # of a tile, in pixels, unless said: FCRNet then needs less than 1 GB on a CPU
LARGE = 2048 * 2048  # images of more pixels are tiled unless said
_LONGEST = 2048  # pixels; a network that reaches further than half of this is not tiled
_SAMPLE = 1 << 24  # pixels that stand for an image where it does not fit


@dataclass(frozen=True)
class Tile:
    """Rows and columns of an image: `inner` is kept of the scores of `outer`, which is read."""

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    @property
    def kept(self) -> tuple[slice, slice]:
        """Rows and columns of `outer` that are kept."""
        rows, columns = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns


def whole(height: int, width: int) -> Tile:
    """The image as one tile."""
    everything = slice(0, height), slice(0, width)
    return Tile(everything, everything)


def tiles(shape: tuple[int, int], side: int, halo: int, stride: int) -> Iterator[Tile]:
    """Tiles whose inner parts cover an image of `shape` once, row by row.

    side, halo   pixels; both are rounded up to multiples of `stride`, where every window starts
    Windows have one size where the image is larger: with others, memory becomes fragmented.
    """
    side, halo = (-(-value // stride) * stride for value in (side, halo))

    def spans(length: int) -> list[tuple[slice, slice]]:
        found = []
        last = -(-length // stride) * stride - (side + 2 * halo)  # where a window starts at the latest
        for start in range(0, length, side):
            stop = min(start + side, length)
            first = max(min(start - halo, last), 0)
            found.append((slice(start, stop), slice(first, min(first + side + 2 * halo, length))))
        return found

    for rows, columns in itertools.product(spans(shape[0]), spans(shape[1])):
        yield Tile((rows[0], columns[0]), (rows[1], columns[1]))


def assemble(
    source: Source,
    score: Callable[[np.ndarray, Tile], np.ndarray],
    *,
    side: int,
    halo: int,
    stride: int,
    out: Any = None,
) -> Any:
    """Apply `score` to the tiles of an image and put the results together.

    source   (H, W)
    score    from a window, the pixels at `tile.outer`, to (K, h, w) of those at `tile.inner`: their scores,
             or anything else that is made of these pixel by pixel, such as a class map (1, h, w) of 8-bit
             integers, in a sixteenth of the room of four scores
    out      what (K, H, W) is written to, by slices: an array in memory or a Zarr array; else a new array
    """
    height, width = source.shape
    for tile in log_progress(list(tiles((height, width), side, halo, stride)), "network"):
        part = score(np.asarray(source[tile.outer]), tile)
        if out is None:
            out = np.empty((len(part), height, width), part.dtype)
        out[(slice(None), *tile.inner)] = part
    return out


# From images (B, 1, H, W) float32, sides multiples of the stride, and the place of their first pixel (row and
# column) to scores (B, K, H, W).
Scoring = Callable[[Tensor, int, int], Tensor]


@torch.inference_mode()
def reach(function: Scoring, stride: int) -> int | None:
    """How far, in pixels, a window must extend beyond the pixels whose scores are wanted.

    Returns a multiple of `stride`; None where a pixel depends on all of the image, on too much of it, or on
    more than its surroundings and its place: on the size of the image, say.

    Measured, so that it holds for any network: NaN in one block of `stride` rows (then columns) makes NaN of
    everything that depends on it, and a window gives the scores that the whole has there. For the U-Net of
    FCRNet it is 144 pixels.
    """
    length = 16 * stride
    while length <= max(_LONGEST, 16 * stride):
        found = [_extent(function, stride, length, axis) for axis in (2, 3)]
        if None not in found:
            halo = -(-max(n for n in found if n is not None) // stride) * stride
            return halo if all(_is_local(function, stride, halo, axis) for axis in (2, 3)) else None
        length *= 2
    return None


def _is_local(function: Scoring, stride: int, halo: int, axis: int) -> bool:
    """Whether windows that begin, or end, somewhere in a strip give its scores, but for a halo there."""
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
    # Windows of another size are summed in another order; what an untrained network says hardly varies.
    varies = whole - whole.mean(dim=(2, 3), keepdim=True)
    most = 1e-3 * float(varies.square().mean().sqrt()) + 1e-5 * float(whole.square().mean().sqrt())
    return all(float((found - expected).abs().max()) <= most for found, expected in pairs)


def _extent(function: Scoring, stride: int, length: int, axis: int) -> int | None:
    """Rows (axis 2) or columns (3) beyond a block that depend on it; None where there may be more."""
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


def normalizer(method: Method, source: Source) -> Callable[[np.ndarray], NDArray[np.float32]]:
    """What `method.normalize` does to an image of integers, as a function for any window of it.

    The image is read once, by tiles, for its histogram. From this, pixels are made that have the image's
    values as often as it has, thinned out above 2**24, and normalised: how an image is normalised must depend
    on its values alone, not on where they are. Raises TypeError for other dtypes than 8- and 16-bit integers.
    """
    dtype = np.dtype(source.dtype)
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        raise TypeError(f"image: expected 8- or 16-bit integers to read by tiles, found {dtype}")
    low = int(np.iinfo(dtype).min)
    counts = np.zeros(1 << (8 * dtype.itemsize), np.int64)
    height, width = source.shape
    for tile in tiles((height, width), SIDE, 0, 1):
        window = np.asarray(source[tile.inner]).astype(np.int64).ravel() - low
        counts += np.bincount(window, minlength=len(counts))
    ends = np.cumsum(counts)
    total = int(ends[-1])
    n = min(total, _SAMPLE)
    # Pixel i of n evenly spaced ones in the sorted image.
    at = np.searchsorted(ends, (2 * np.arange(n) + 1) * total // (2 * n), side="right")
    pixels = (at + low).astype(dtype)
    first = np.flatnonzero(np.diff(at, prepend=-1))
    normal = method.normalize(pixels[None])[0][first]
    table = np.interp(np.arange(len(counts)), at[first], normal).astype(np.float32)
    return lambda window: table[window.astype(np.int64) - low]
