"""Connected components of a class or colour map."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.postprocess._runs import Runs, as_image, check_connectivity


def label(
    class_map: ArrayLike, background: int | None = 0, connectivity: int = 1
) -> tuple[NDArray[np.int32], int]:
    """Connected components of a multi-valued map: neighbouring pixels of equal value share an id.

    Args:
        class_map: (H, W), any integer dtype or bool, any memory layout.
        background: the value that gets id 0; None if every pixel belongs to an object.
        connectivity: 1, pixels join over edges (4-connected); 2, over edges and corners (8-connected).

    Returns:
        labels, (H, W) int32, ids 1..n in raster order of each object's first pixel; and n.

    Raises:
        TypeError: class_map is not of an integer dtype.
        ValueError: class_map is not 2-D, or connectivity is neither 1 nor 2.
    """
    image = as_image(class_map, "class_map")
    check_connectivity(connectivity)
    if image.size == 0:
        return np.zeros(image.shape, np.int32), 0
    runs = Runs.encode(image)
    runs.connect(_bits(background, image.dtype), connectivity)
    return runs.paint(), runs.count


def _bits(value: int | None, dtype: np.dtype) -> int | None:
    """The value as the unsigned pixel that holds it; None if no pixel of this dtype can."""
    if value is None:
        return None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= value <= high:
        return None
    return int(value) % (1 << 8 * dtype.itemsize)
