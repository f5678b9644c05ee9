"""Writes label images larger than memory by slices, as OME-Zarr and tiled TIFF, and temporary arrays."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.errors import FcrbenchError, WriteError, damaged_file
from fcrbench.io.formats.ome_zarr import import_zarr
from fcrbench.io.names import TIFF_SUFFIXES, image_name
from fcrbench.io.orientation import UPRIGHT, Turned, swaps_axes
from fcrbench.io.pyramid import write_pyramid
from fcrbench.text import to_unicode
from fcrbench.tiles import Target, split_into_tiles
from fcrbench.work.atomic import remove_abandoned, temporary_name

if TYPE_CHECKING:
    import zarr

CHUNK = 1024  # pixels a side
_MIN_LEVEL_SIDE = 1024  # pixels; the pyramid ends with the first level that is no larger
_NGFF_VERSION = "0.4"  # with Zarr 2, which QuPath, Fiji and napari read today


class Plane:
    """A Zarr array (H, W) that is read and written by slices. Errors name the file."""

    def __init__(self, array: Any, path: Path) -> None:
        self._array, self._path = array, path
        self.shape: tuple[int, int] = array.shape
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: tuple[slice, slice], /) -> NDArray:
        try:
            return np.asarray(self._array[key])
        except Exception as error:  # codecs raise many types of errors
            raise damaged_file(self._path, error) from error

    def __setitem__(self, key: tuple[slice, slice], value: NDArray, /) -> None:
        try:
            self._array[key] = value
        except OSError as error:
            raise WriteError(self._path, error) from error


class _PlaneWithHalf(Plane):
    """A plane that also writes every second pixel to a second plane of half the size."""

    def __init__(self, array: Any, half: Any, path: Path) -> None:
        super().__init__(array, path)
        self._half = Plane(half, path)

    def __setitem__(self, key: tuple[slice, slice], value: NDArray, /) -> None:
        super().__setitem__(key, value)
        (y, bottom, _), (x, right, _) = (part.indices(n) for part, n in zip(key, self.shape, strict=True))
        rows, columns = slice((y + 1) // 2, (bottom + 1) // 2), slice((x + 1) // 2, (right + 1) // 2)
        if rows.start < rows.stop and columns.start < columns.stop:
            self._half[rows, columns] = value[y % 2 :: 2, x % 2 :: 2]


@contextmanager
def new_labels(
    path: Path,
    shape: tuple[int, int],
    *,
    overwrite: bool = False,
    pixel_size: tuple[float, float] | None = None,
    orientation: int = UPRIGHT,
) -> Iterator[Target]:
    """Yield an upright label image (H, W) int32 to write by slices. It appears at `path` when the block ends.

    path         with a suffix of TIFF for a tiled OME-TIFF of uint32, which is made from a temporary Zarr
                 array beside it; otherwise an OME-Zarr image is written
    pixel_size   height and width of a pixel in micrometres
    orientation  in which a TIFF file is to be stored, see `orientation`

    Both have a pyramid of every second pixel. If the block fails, nothing is left behind. Raises
    FcrbenchError if the image cannot be written, or if the path exists and `overwrite` is not set. If the
    path is a link, its target is written.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if path.exists() and not overwrite:
        raise FcrbenchError(f"{path} exists")
    remove_abandoned(path.parent)
    temporary = temporary_name(path)
    try:
        temporary.mkdir(parents=True)
        group = import_zarr().open_group(str(temporary), mode="w", zarr_format=2)
        is_tiff = path.suffix.lower() in TIFF_SUFFIXES
        turned = is_tiff and orientation != UPRIGHT
        height, width = shape
        swapped = turned and swaps_axes(orientation)
        levels = [_create(group, "0", (width, height) if swapped else (height, width))]
        plane = Plane(levels[0], path)
        if max(shape) > _MIN_LEVEL_SIDE:
            levels.append(_create_half(group, levels))
            plane = _PlaneWithHalf(levels[0], levels[1], path)
        yield Turned(plane, orientation) if turned else plane
        _finish_pyramid(group, levels)
        if path.exists() and not overwrite:
            raise FcrbenchError(f"{path} has been written by another process in the meantime")
        if is_tiff:
            write_pyramid(path, levels, CHUNK, pixel_size=pixel_size, orientation=orientation)
        else:
            group.attrs.update(_metadata(to_unicode(image_name(path)), len(levels), pixel_size))
            _move_into_place(temporary, path)
    except OSError as error:
        raise WriteError(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_into_place(folder: Path, path: Path) -> None:
    """Move a folder to a path and replace what is there."""
    replaced = temporary_name(path)
    try:
        if path.exists():
            path.replace(replaced)
        folder.replace(path)
    finally:
        shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def scratch_array(path: Path, shape: tuple[int, ...], tile: int) -> Iterator["zarr.Array"]:
    """Yield a temporary array of uint8 beside `path`, which is removed when the block ends."""
    zarr = import_zarr()
    temporary = temporary_name(path)
    try:
        temporary.mkdir(parents=True)
        side = tile * max(CHUNK // tile, 1)  # each chunk holds whole tiles, and chunks are not too small
        chunks = (1,) * (len(shape) - 2) + tuple(min(side, n) for n in shape[-2:])
        yield zarr.create_array(str(temporary / "0"), shape=shape, chunks=chunks, dtype=np.uint8)
    except OSError as error:
        raise WriteError(temporary, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _create(group: Any, name: str, shape: tuple[int, ...]) -> Any:
    from numcodecs import Blosc

    return group.create_array(
        name,
        shape=shape,
        chunks=tuple(min(CHUNK, n) for n in shape),
        dtype=np.int32,
        # For label images the result is a tenth of that of LZ4, at the same speed.
        compressors=Blosc("zstd", 1, Blosc.BITSHUFFLE),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def _create_half(group: Any, levels: list[Any]) -> Any:
    """Create the next level of a pyramid. It takes every second pixel, because ids cannot be averaged."""
    return _create(group, str(len(levels)), tuple(-(-n // 2) for n in levels[-1].shape))


def _finish_pyramid(group: Any, levels: list[Any]) -> None:
    while max(levels[-1].shape) > _MIN_LEVEL_SIDE:
        levels.append(_create_half(group, levels))
        for tile in split_into_tiles(levels[-1].shape, CHUNK):
            y, x = (slice(2 * part.start, 2 * part.stop) for part in tile.slices)
            levels[-1][tile.slices] = levels[-2][y, x][::2, ::2]


def _metadata(name: str, levels: int, pixel_size: tuple[float, float] | None) -> dict[str, Any]:
    sides = pixel_size or (1.0, 1.0)
    scales = [[side * 2.0**k for side in sides] for k in range(levels)]
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for k, scale in enumerate(scales)
    ]
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    axes = [{"name": axis, "type": "space", **unit} for axis in "yx"]
    image = {"version": _NGFF_VERSION, "name": name, "axes": axes, "datasets": datasets}
    return {"multiscales": [image], "image-label": {"version": _NGFF_VERSION}}
