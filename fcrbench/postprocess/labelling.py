"""Connected components of a class or colour map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import is_on_accelerator
from fcrbench.postprocess._runs import as_image, check_out, label_components, refuse_out
from fcrbench.postprocess.rules import check_connectivity


def label(
    class_map: ArrayLike,
    background: int | None = 0,
    connectivity: int = 1,
    *,
    out: NDArray[np.int32] | None = None,
) -> tuple[NDArray[np.int32], int]:
    """Label the connected components of a class map: neighbouring pixels of equal value get the same id.

    Args:
        class_map: (H, W) or (D, H, W), any integer dtype or bool, any memory layout. An array that is not
            C-contiguous is copied.
        background: the value that gets id 0; None if every pixel belongs to an object.
        connectivity: 1 joins pixels over edges, in 3-D over faces (4-connected; 6-connected in 3-D). 2 joins
            them over corners, too, in 3-D over edges but not corners (8-connected; 18-connected in 3-D). 3,
            in 3-D only, joins them over corners, too (26-connected).
        out: a C-contiguous int32 array of the map's shape to write the labels to. Allocating memory takes
            longer than labelling a large map, so use the same array again to label many maps.

    Returns:
        labels: `out` or a new int32 array of the map's shape; ids are 1..n in raster order of first pixel.
        n: the number of objects.

    Raises:
        TypeError: class_map is not of an integer dtype.
        ValueError: class_map is neither 2-D nor 3-D, connectivity is not 1, 2 or, in 3-D, 3, or `out` has
            another shape, dtype or layout.

    For a torch tensor on an accelerator, the result is computed there and is a tensor there; `out` is for
    arrays only.
    """
    if is_on_accelerator(class_map):
        from fcrbench.postprocess import device

        refuse_out(out)
        tensor: Any = class_map
        on_its_device: Any = device.label(tensor, background, connectivity)
        return on_its_device
    image = as_image(class_map, "class_map", (2, 3))
    check_connectivity(connectivity, image.ndim)
    check_out(out, image.shape)
    if image.size == 0:
        return np.zeros(image.shape, np.int32) if out is None else out, 0
    return label_components(image, to_unsigned_bits(background, image.dtype), connectivity, out)


def to_unsigned_bits(value: int | None, dtype: np.dtype) -> int | None:
    """Return the value as an unsigned integer with the same bits; None if the dtype cannot represent it."""
    if value is None:
        return None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= value <= high:
        return None
    return int(value) % (1 << 8 * dtype.itemsize)
