"""Writes label images as tiled TIFF files with a pyramid."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcrbench.io.orientation import UPRIGHT
from fcrbench.io.write import label_tags
from fcrbench.tiles import Source, split_into_tiles
from fcrbench.work.atomic import atomic_path

_LEVEL = 1  # of zlib; label images compress well at the fastest level


def write_pyramid(
    path: Path,
    levels: Sequence[Source],
    side: int,
    *,
    pixel_size: tuple[float, float] | None = None,
    orientation: int = UPRIGHT,
) -> None:
    """Write a label image (H, W) and its smaller versions as an OME-TIFF of uint32, tile by tile.

    levels  the pixels as the file stores them, the largest first
    side    side of the tiles of the file in pixels, a multiple of 16
    pixel_size, orientation  as in `write.write_labels`

    The smaller versions are sub-images, where QuPath and Fiji look for them.

    Raises FcrbenchError naming the path if it cannot be written. An existing file is then kept.
    """
    import tifffile

    described = label_tags("labels.ome.tif", pixel_size, orientation)
    metadata, ome = described.pop("metadata"), described.pop("ome")
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=True, ome=ome) as file:
        for k, level in enumerate(levels):
            file.write(
                _padded_tiles(level, side),
                shape=level.shape,
                dtype=np.uint32,
                tile=(side, side),
                **described,
                compression="zlib",
                compressionargs={"level": _LEVEL},
                maxworkers=1,  # with more workers, finished tiles pile up in memory
                subifds=len(levels) - 1 if k == 0 else None,
                subfiletype=int(k > 0),
                metadata=metadata if k == 0 else None,
            )


def _padded_tiles(image: Source, side: int) -> Iterator[NDArray[np.uint32]]:
    for tile in split_into_tiles(image.shape, side):
        part = np.asarray(image[tile.slices])
        out = np.zeros((side, side), np.uint32)
        out[: part.shape[0], : part.shape[1]] = part
        yield out
