"""Opens images on the disk that are read in tiles: OME-Zarr and large TIFF files."""

import stat
from pathlib import Path

from fcrbench.errors import DataError, FcrbenchError, damaged_file
from fcrbench.io.choice import ANY, Choice, choose_plane
from fcrbench.io.decode import decode
from fcrbench.io.formats import tiff_checks
from fcrbench.io.formats.ome_zarr import count_pixels, import_zarr, open_zarr
from fcrbench.io.formats.tiff_tiles import open_tiff
from fcrbench.io.large_labels import new_labels, scratch_array
from fcrbench.io.stack import Stack
from fcrbench.io.zarr_folder import is_zarr
from fcrbench.tiles import Source

__all__ = ["is_large", "needs_tiles", "new_labels", "open_image", "open_stack", "scratch_array"]
_LARGE_IMAGE = 1 << 28  # pixels
_LARGE_LABELS = 1 << 26  # pixels of a Zarr label image that is read in tiles to be scored
_LARGE_STACK = 1 << 28  # bytes of a file whose planes are not all read at once
_LARGE_FILE = 1 << 22  # bytes; a smaller file with so many pixels is nearly empty


def is_large(path: Path) -> bool:
    """Return whether an image is processed in tiles: a Zarr folder or a TIFF of more than 2**28 pixels.

    The content decides, not the name.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            return is_zarr(path)
        if found.st_size < _LARGE_FILE:
            return False
        with path.open("rb") as file:
            if file.read(4) not in tiff_checks.MAGICS:
                return False
            import tifffile

            with tiff_checks.quiet_tifffile():
                tiff_checks.read_directories(file)
                with tifffile.TiffFile(file) as tif:
                    return int(tif.pages[0].size) > _LARGE_IMAGE
    except Exception:  # the reader of the file will report the error
        return False


def needs_tiles(path: Path) -> bool:
    """Return whether a label image is too large to be read whole."""
    if not is_large(path):
        return False
    try:
        return not path.is_dir() or count_pixels(path) > _LARGE_LABELS
    except FcrbenchError:  # the reader will report the error
        return False


def decode_image(path: Path) -> Stack:
    """Decode an image file. The planes of a TIFF of more than 2**28 bytes are read when they are chosen."""
    try:
        if path.is_file() and path.stat().st_size > _LARGE_STACK:
            return open_stack(path, indexed=False)
    except (OSError, FcrbenchError):  # it cannot be read by planes, or zarr is not installed
        pass
    return decode(path)


def open_image(path: Path, choice: Choice = ANY, *, indexed: bool = True) -> Source:
    """Open one plane (H, W) of an image or label image, upright, that is read by slices.

    choice   which channel and plane of an image, see `choice.choose_plane`; a label image has only one
    indexed  as for `open_stack`

    Raises what `open_stack` raises, and DataError naming the file if the choice does not name one plane.
    """
    stack = open_stack(path, indexed=indexed)
    if indexed and max(stack.pixels.shape[:-2], default=1) > 1:
        found = " x ".join(map(str, stack.pixels.shape))
        raise DataError(f"{path}: axes {stack.axes} of {found}, expected a label image with one plane")
    return choose_plane(stack, choice, path)


def open_stack(path: Path, *, indexed: bool = True) -> Stack:
    """Open an image that is read by slices: its pixels with named axes, see `Stack`.

    path     an OME-Zarr image (the full resolution is read), a Zarr array, or a TIFF file in tiles or strips;
             files of other formats are decoded whole
    indexed  open a label image: the stored numbers of a palette or "white is zero" TIFF are read, and an
             OME-Zarr image that has label images beside it is refused; otherwise such a TIFF is refused

    Raises DataError naming the path if it is none of these, or claims more pixels than it can contain. Raises
    FcrbenchError if the extra "zarr" is not installed.
    """
    import_zarr()
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        if not is_zarr(path):
            raise DataError(f"{path}: a folder, and not a Zarr array or group")
        return open_zarr(path, indexed=indexed)
    try:
        with path.open("rb") as file:
            is_tiff = file.read(4) in tiff_checks.MAGICS
        if is_tiff:
            return open_tiff(path, indexed=indexed)
    except DataError:
        raise
    except Exception as error:
        raise damaged_file(path, error) from error
    return decode(path, indexed=indexed)
