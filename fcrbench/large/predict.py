"""An image larger than memory in, an OME-Zarr label image out."""

from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError, UsageError
from fcrbench.inference import Predictor
from fcrbench.kernels.argmax import argmax_planes
from fcrbench.large.files import new_labels, open_image, scratch
from fcrbench.large.instances import instances_of_classes
from fcrbench.large.tiles import Source
from fcrbench.methods.fcrnet.method import FCRNet


class _Plane:
    """(H, W) of an array (1, H, W)."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape[1:], np.dtype(array.dtype)

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        plane: np.ndarray = np.asarray(self.array[(slice(0, 1), *key)])[0]
        return plane


def predict_large(predictor: Predictor, path: Path, output: Path, *, overwrite: bool = False) -> int:
    """Segment an image read by tiles into the OME-Zarr labels `output`; returns the number of instances.

    path  see `files.open_image`; 8- or 16-bit integers

    The labels are those of the predictor for the whole image: the network sees tiles with a halo of its
    reach, the classes of all pixels are kept in a temporary file beside the output, and instances are put
    together over the seams. Raises DataError for an image that cannot be read, UsageError for a method whose
    post-processing needs the scores of the whole image.
    """
    rules = _rules(predictor)
    image = open_image(path)
    if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
        raise DataError(f"{path}: pixels are {image.dtype}, expected 8- or 16-bit integers to read by tiles")
    with (
        new_labels(output, image.shape, overwrite=overwrite) as labels,
        scratch(output, (1, *image.shape)) as classes,
    ):
        predict_classes(predictor, image, classes)
        count = instances_of_classes(_Plane(classes), labels, **rules)
    predictor.images += 1
    return count


def predict_classes(predictor: Predictor, image: Source, classes: Any) -> None:
    """The class of largest score of every pixel, written to `classes` (1, H, W) uint8 by slices."""

    def best(scores: np.ndarray) -> np.ndarray:
        found = np.empty(scores.shape[1:], np.uint8)
        if not argmax_planes(scores.reshape(len(scores), -1), found.reshape(-1)):
            raise DataError("the network's output holds NaN")
        return found[None]

    predictor.by_tiles(image, best, classes)


def _rules(predictor: Predictor) -> dict[str, Any]:
    """Arguments of `instances_of_classes` that do what the method's post-processing does."""
    method = predictor.method
    if not isinstance(method, FCRNet):
        raise UsageError(
            f"{type(method).__name__} cannot segment images larger than memory: its post-processing needs "
            "the scores of the whole image; give it TIFF or PNG files that fit"
        )
    o = method.options
    return {
        "background": "mode" if o.background == "mode" else 0,
        "min_size": o.min_size,
        "fill_holes": o.fill_holes,
        "join_contact": o.join_contact,
    }
