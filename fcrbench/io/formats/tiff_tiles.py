"""Opens TIFF files that are read by slices, so that only tiles or strips of the chosen pages are decoded."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.formats.ome_zarr import import_zarr
from fcrbench.io.formats.tiff import claims_more, image_pages, make_stack, warn_lost
from fcrbench.io.formats.tiff_checks import (
    check_readable_in_tiles,
    check_segments,
    quiet_tifffile,
    read_directories,
)
from fcrbench.io.formats.tiff_layout import (
    arrange_pages,
    find_contiguous,
    is_described,
    sample_names,
)
from fcrbench.io.stack import Stack

_MAX_OPEN = 64  # pages that are kept open at the same time


def open_tiff(path: Path, *, indexed: bool) -> Stack:
    """Return the pages of a TIFF file with their axes, to be read by slices.

    indexed  read the stored numbers of a palette or "white is zero" file, as for a label image; otherwise
             such a file is refused

    Raises any exception for a damaged file, or one that claims more pixels than it can contain.
    """
    import tifffile

    import_zarr()
    with path.open("rb") as file, quiet_tifffile():
        size = path.stat().st_size
        tags, lost = read_directories(file)
        with tifffile.TiffFile(file) as tif:
            pages = image_pages(tif, tags, lost)
            for page in pages:
                check_segments(page, size)
                check_readable_in_tiles(page, indexed)
            first = pages[0]
            pixels: Any
            colours = sample_names(first, palette=False)
            described = is_described(tif, first)
            if claims_more(tif, pages, described, lost):
                if lost or (found := find_contiguous(tif, size)) is None:
                    raise ValueError("a stack of which planes are lost")
                axes, pixels = found.arrange(np.memmap(path, found.dtype, "r", found.start, found.shape))
            else:
                kinds = {(page.shape, page.axes, page.dtype) for page in pages}
                if len(kinds) > 1:
                    raise ValueError(f"pages of different shapes: {sorted(page.shape for page in pages)}")
                axes, lengths, order = arrange_pages(tif, pages, described)
                axes, pixels = _lazy_pages(path, [pages[k].index for k in order], lengths, axes, first)
            stack = make_stack(tif, first, axes, pixels, colours, described)
    if lost:
        warn_lost(path, len(tags), lost)
    return stack


def _lazy_pages(
    path: Path, indices: Sequence[int], lengths: Sequence[int], axes: str, page: Any
) -> tuple[str, "_Pages"]:
    if set(page.axes) - set("YXS"):
        raise ValueError(f"axes {page.axes}, expected one 2-D image")
    samples = page.axes.find("S")
    shape = [n for n, axis in zip(page.shape, page.axes, strict=True) if axis != "S"]
    if samples >= 0:
        axes, shape = axes + "S", [page.shape[samples], *shape]
    dtype = np.dtype(page.dtype).newbyteorder("=")
    return axes + "YX", _Pages(path, np.reshape(indices, lengths), samples, tuple(shape), dtype)


class _Pages:
    """The pages of a file as one array. Each is opened when it is first read."""

    def __init__(
        self, path: Path, indices: NDArray, samples: int, page_shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        """indices  which page of the file stands where; samples  the axis of colours in a page, or -1"""
        self._path, self._indices, self._samples = path, indices, samples
        self.shape = (*indices.shape, *page_shape)
        self.dtype = dtype
        self._open = lru_cache(_MAX_OPEN)(self._open_page)

    def _open_page(self, index: int) -> Any:
        import tifffile

        store = tifffile.imread(self._path, aszarr=True, key=index)
        return import_zarr().open(store, mode="r")

    def __getitem__(self, key: tuple[int | slice, ...], /) -> NDArray:
        n = self._indices.ndim
        chosen, within = self._indices[key[:n]], list(key[n:])
        if self._samples >= 0:
            within.insert(self._samples, within.pop(0))
        with quiet_tifffile():
            pages = [self._read(int(index), tuple(within)) for index in np.ravel(chosen)]
        if np.ndim(chosen) == 0:
            return pages[0]
        return np.stack(pages).reshape(*np.shape(chosen), *pages[0].shape)

    def _read(self, index: int, within: tuple[int | slice, ...]) -> NDArray:
        pixels = np.asarray(self._open(index)[within])
        if self._samples > 0 and isinstance(within[self._samples], slice):
            pixels = np.moveaxis(pixels, self._samples, 0)
        return pixels
