"""Segments images larger than memory into OME-Zarr label images."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.errors import DataError
from fcrbench.inference import Predictor
from fcrbench.io.choice import ANY, Choice, choose_plane
from fcrbench.io.images import image_of
from fcrbench.io.large import new_labels, open_stack, scratch_array
from fcrbench.methods.fill_values import replace_fill
from fcrbench.postprocess.tiled.instances import instances_of_classes
from fcrbench.work.outputs import check_outputs

_MAX_WHOLE = 1 << 26  # pixels that are read at once


class _Plane:
    """One plane (H, W) of an array (k, H, W), read by slices."""

    def __init__(self, array: Any, index: int) -> None:
        self.array, self.index = array, index
        self.shape, self.dtype = array.shape[1:], np.dtype(array.dtype)

    def __getitem__(self, key: tuple[slice, slice], /) -> np.ndarray:
        plane: np.ndarray = np.asarray(self.array[(slice(self.index, self.index + 1), *key)])[0]
        return plane


def predict_large(
    predictor: Predictor,
    path: Path,
    output: Path,
    choice: Choice = ANY,
    *,
    pixel_size: tuple[float, float] | None = None,
    overwrite: bool = False,
) -> int:
    """Segment an image tile by tile into labels at `output`; return the number of instances.

    path    an image of 8- or 16-bit integers, see `io.large.open_stack`; one of up to 2**26 pixels of another
            type is read whole
    output  see `io.large.new_labels`; labels are stored in the orientation of the file
    choice  which channel and plane of the file
    pixel_size  height and width of a pixel in micrometres; None takes those of the file

    The labels are those that the predictor gives for the whole image. The network runs on tiles with a halo;
    class, doubt and margin of all pixels are kept in a temporary file beside the output, and instances are
    joined across tiles. Raises DataError if the image cannot be read, or if the network or the
    post-processing of the method needs the whole image, and UsageError if the output is the image.
    """
    method = predictor.method
    if (rules := method.rules()) is None:
        raise DataError(
            f"{path}: {type(method).__name__} cannot segment images larger than memory: its post-processing "
            "needs the scores of the whole image; use TIFF or PNG files that fit into memory"
        )
    if predictor.halo is None:
        raise DataError(
            f"{path}: the network cannot segment images larger than memory, as it cannot be tiled"
        )
    check_outputs([output], [path])
    stack = open_stack(path, indexed=False)
    image = choose_plane(stack, choice, path)
    height, width = image.shape
    create_labels = partial(
        new_labels,
        output,
        (height, width),
        overwrite=overwrite,
        pixel_size=pixel_size or stack.pixel_size,
        orientation=stack.orientation,
    )
    if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
        if height * width > _MAX_WHOLE:
            raise DataError(
                f"{path}: pixels are {image.dtype}, expected 8- or 16-bit integers to read by tiles"
            )
        whole = predictor(replace_fill(image_of(stack, choice, path)))
        with create_labels() as labels:
            labels[0:height, 0:width] = whole
        return int(whole.max(initial=0))
    with (
        create_labels() as labels,
        scratch_array(output, (3, *image.shape), predictor.tile_side(image)) as kept,
    ):
        predictor.classes(image, kept)
        classes, doubt, margin = (_Plane(kept, i) for i in range(3))
        count = instances_of_classes(classes, labels, rules, doubt=doubt, margin=margin)
    predictor.images += 1
    return count
