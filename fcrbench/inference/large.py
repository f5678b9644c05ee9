"""An image larger than memory in, an OME-Zarr label image out."""

from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError
from fcrbench.inference import Predictor
from fcrbench.io.large import new_labels, open_image, scratch
from fcrbench.postprocess.tiled.instances import instances_of_classes


class _Plane:
    """One plane (H, W) of an array (k, H, W)."""

    def __init__(self, array: Any, index: int) -> None:
        self.array, self.index = array, index
        self.shape, self.dtype = array.shape[1:], np.dtype(array.dtype)

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        plane: np.ndarray = np.asarray(self.array[(slice(self.index, self.index + 1), *key)])[0]
        return plane


def predict_large(predictor: Predictor, path: Path, output: Path, *, overwrite: bool = False) -> int:
    """Segment an image read by tiles into the OME-Zarr labels `output`; returns the number of instances.

    path  see `files.open_image`; 8- or 16-bit integers

    The labels are those of the predictor for the whole image: the network sees tiles with a halo of its
    reach, what the rules need of all pixels is kept in a temporary file beside the output, and instances are
    put together over the seams. Raises DataError for an image that cannot be read, or where the method's
    post-processing or network needs the whole image.
    """
    method = predictor.method
    if (rules := method.rules()) is None:
        raise DataError(
            f"{path}: {type(method).__name__} cannot segment images larger than memory: its post-processing "
            "needs the scores of the whole image; give it TIFF or PNG files that fit"
        )
    if predictor.reach is None:
        raise DataError(
            f"{path}: the network cannot segment images larger than memory, as it cannot be tiled"
        )
    image = open_image(path, indexed=False)
    if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
        raise DataError(f"{path}: pixels are {image.dtype}, expected 8- or 16-bit integers to read by tiles")
    with (
        new_labels(output, image.shape, overwrite=overwrite) as labels,
        scratch(output, (3, *image.shape), predictor.side(image)) as kept,
    ):
        predictor.classes(image, kept)
        classes, doubt, margin = (_Plane(kept, i) for i in range(3))
        count = instances_of_classes(classes, labels, rules, doubt=doubt, margin=margin)
    predictor.images += 1
    return count
