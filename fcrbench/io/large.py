"""Reads and writes images on the disk in tiles: OME-Zarr and tiled TIFF."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.errors import DataError, FcrbenchError, WriteError
from fcrbench.io.pyramid import write_pyramid
from fcrbench.io.tiff import check_readable_in_tiles, check_segments, quiet_tifffile, read_directories
from fcrbench.tiles import split_into_tiles
from fcrbench.work.atomic import remove_abandoned, temporary_name

if TYPE_CHECKING:
    import zarr

CHUNK = 1024  # pixels a side
_MIN_LEVEL_SIDE = 1024  # pixels; the pyramid ends with the first level that is no larger
_TIFF_SUFFIXES = (".tif", ".tiff")
_LARGE_IMAGE = 1 << 28  # pixels
_LARGE_FILE = 1 << 22  # bytes; a smaller file with so many pixels is nearly empty
_NGFF_VERSION = "0.4"  # with Zarr 2, which QuPath, Fiji and napari read today


class Plane:
    """An (H, W) view of an array whose other axes have length 1."""

    def __init__(self, array: Any, path: Path) -> None:
        before, rest = array.shape[:-2], array.shape[-2:]
        if array.ndim < 2 or any(n != 1 for n in before):
            raise DataError(f"{path}: has shape {array.shape}, expected one plane (H, W)")
        if min(rest) == 0:
            raise DataError(f"{path}: contains no pixels, shape {array.shape}")
        self._array, self._front, self._path = array, (0,) * len(before), path
        self.shape: tuple[int, int] = rest
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        if self.dtype.kind not in "iufb":
            raise DataError(f"{path}: pixels are {array.dtype}, expected numbers")

    def __getitem__(self, key: tuple[slice, slice], /) -> NDArray:
        try:
            with quiet_tifffile():
                return np.ascontiguousarray(self._array[(*self._front, *key)], dtype=self.dtype)
        # Codecs raise many types of errors.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(f"{self._path}: cannot be read, truncated or damaged ({reason[:120]})") from error

    def __setitem__(self, key: tuple[slice, slice], value: NDArray, /) -> None:
        try:
            self._array[(*self._front, *key)] = value
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


def is_large(path: Path) -> bool:
    """Return whether an image is processed in tiles: a Zarr folder or a TIFF of more than 2**28 pixels."""
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        return path.is_dir()
    try:
        if suffix not in _TIFF_SUFFIXES or path.stat().st_size < _LARGE_FILE:
            return False
        import tifffile

        with path.open("rb") as file, quiet_tifffile():
            read_directories(file)
            with tifffile.TiffFile(file) as tif:
                return int(tif.pages[0].size) > _LARGE_IMAGE
    except Exception:  # the reader of the file will report the error
        return False


def open_image(path: Path, *, indexed: bool = True) -> Plane:
    """Open a gray image or label image (H, W) that is read by slices.

    path     an OME-Zarr image (0.4 or 0.5; the full resolution is read), a Zarr array, or a TIFF file with
             one page, in tiles or strips
    indexed  read the stored numbers of a palette or "white is zero" TIFF, as for a label image; otherwise
             such a file is refused

    Raises DataError naming the path if it is none of these, has more than one plane, channel or page, or
    claims more pixels than it can contain. Raises FcrbenchError if the extra "zarr" is not installed.
    """
    zarr = _import_zarr()
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.suffix.lower() in _TIFF_SUFFIXES:
        return _open_tiff(path, indexed)
    try:
        node = zarr.open(str(path), mode="r")
    except Exception as error:  # a file, an empty folder, metadata that is not JSON, ...
        raise DataError(f"{path}: not a Zarr array or group ({str(error)[:120]})") from error
    if isinstance(node, zarr.Array):
        return Plane(node, path)
    attributes = dict(node.attrs)
    multiscales = attributes.get("ome", attributes).get("multiscales")
    try:
        array = node[multiscales[0]["datasets"][0]["path"]]
    except (TypeError, KeyError, IndexError) as error:
        raise DataError(f"{path}: a Zarr group without an OME-Zarr image") from error
    return Plane(array, path)


def _open_tiff(path: Path, indexed: bool) -> Plane:
    import tifffile

    zarr = _import_zarr()
    try:
        with path.open("rb") as file, quiet_tifffile():
            n = len(read_directories(file)[0])
            with tifffile.TiffFile(file) as tif:
                page = tif.pages[0]
                if not all(getattr(tif.pages[i], "is_reduced", False) for i in range(1, n)):
                    raise DataError(f"{path}: {n} pages, expected one 2-D image")
                check_segments(page, path.stat().st_size)
                check_readable_in_tiles(page, indexed)
            store = tifffile.imread(path, aszarr=True, key=0)
        return Plane(zarr.open(store, mode="r"), path)
    except DataError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read, truncated or damaged ({reason[:120]})") from error


@contextmanager
def new_labels(path: Path, shape: tuple[int, int], *, overwrite: bool = False) -> Iterator[Plane]:
    """Yield a label image (H, W) int32 to write by slices. It appears at `path` when the block ends.

    path  .tif or .tiff for a tiled OME-TIFF of uint32, which is made from a temporary Zarr array beside it;
          otherwise an OME-Zarr image is written

    Both have a pyramid of every second pixel. If the block fails, nothing is left behind. Raises
    FcrbenchError if the image cannot be written, or if the path exists and `overwrite` is not set. If the
    path is a link, its target is written.
    """
    given, path = path, Path(os.path.realpath(path))
    if path.exists() and not path.is_dir() and not path.is_file():
        raise FcrbenchError(
            f"{given} is a pipe or a device; an image is written by tiles to a file or folder"
        )
    if path.exists() and not overwrite:
        raise FcrbenchError(f"{path} exists")
    remove_abandoned(path.parent)
    temporary = temporary_name(path)
    try:
        temporary.mkdir(parents=True)
        group = _import_zarr().open_group(str(temporary), mode="w", zarr_format=2)
        levels = [_create(group, "0", shape)]
        if max(shape) > _MIN_LEVEL_SIDE:
            levels.append(_create_half(group, levels))
            yield _PlaneWithHalf(levels[0], levels[1], path)
        else:
            yield Plane(levels[0], path)
        _finish_pyramid(group, levels)
        if path.exists() and not overwrite:
            raise FcrbenchError(f"{path} has been written by another process in the meantime")
        if path.suffix.lower() in _TIFF_SUFFIXES:
            write_pyramid(path, levels, CHUNK)
        else:
            group.attrs.update(_metadata(path.stem, len(levels)))
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
    zarr = _import_zarr()
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


def _metadata(name: str, levels: int) -> dict[str, Any]:
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [2.0**k, 2.0**k]}]}
        for k in range(levels)
    ]
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    image = {"version": _NGFF_VERSION, "name": name, "axes": axes, "datasets": datasets}
    return {"multiscales": [image], "image-label": {"version": _NGFF_VERSION}}


def _import_zarr() -> Any:
    try:
        import zarr
    except ModuleNotFoundError as error:
        raise FcrbenchError('large images need zarr: pip install "fcrbench[zarr]"') from error
    return zarr
