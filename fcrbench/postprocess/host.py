"""The rules of post-processing for arrays, applied with Numba kernels to runs of equal pixels."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess._runs import Runs
from fcrbench.postprocess.rules import ObjectFilter


class HostObjects:
    """The connected components of a class map in memory; see `rules.Objects`.

    Args:
        classes: (H, W) uint8, the class of every pixel.
        planes: (K, N) float32 or float64, the scores of all pixels.
        background: the class that is background.
        connectivity: 1 or 2, as in `InstanceRules`.
    """

    def __init__(
        self, classes: NDArray[np.uint8], planes: NDArray, background: int, connectivity: int
    ) -> None:
        self.classes, self.planes, self.background = classes, planes, background
        self.runs = Runs.from_components(classes, background, connectivity)

    def join_fragments(self, join_doubt: float) -> None:
        contacts = self.runs.find_contacts(self.runs.doubt_at_contacts(self.planes, self.background))
        self.runs.reassign(contacts.owners_by_doubt(join_doubt))

    def apply_filter(self, object_filter: ObjectFilter) -> None:
        margins = None
        if object_filter.min_margin:
            margins = self.runs.sum_margins(self.planes, self.classes, self.background)
        kept = object_filter.keeps(self.runs.sizes(), self.runs.touches_border(), margins)
        self.runs.keep_only(kept)

    def fill_holes(self) -> None:
        self.runs.fill_holes()

    def labels(self, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """Return (H, W) int32, `out` or a new array; ids are 1..n in raster order of first pixel."""
        return self.runs.paint(out)
