"""Instances of arrays: the rules done with Numba kernels, on runs of equal pixels."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess._runs import Runs
from fcrbench.postprocess.rules import ObjectFilter


class HostObjects:
    """The connected components of a class map in memory; see `rules.Objects`.

    Args:
        classes: (H, W) uint8, the class of every pixel.
        planes: (K, N) float32 or float64, the scores, flat.
        background: the class that is background.
        connectivity: 1 or 2.
    """

    def __init__(
        self, classes: NDArray[np.uint8], planes: NDArray, background: int, connectivity: int
    ) -> None:
        self.classes, self.planes, self.background = classes, planes, background
        self.runs = Runs.of_components(classes, background, connectivity)

    def join_fragments(self, join_doubt: float) -> None:
        contacts = self.runs.contacts(self.runs.doubt(self.planes, self.background))
        self.runs.give(contacts.pieces_by_doubt(join_doubt))

    def drop(self, kept: ObjectFilter) -> None:
        margins = None
        if kept.min_margin:
            margins = self.runs.margins(self.planes, self.classes, self.background)
        self.runs.drop(kept.keeps(self.runs.sizes(), self.runs.on_border(), margins))

    def fill_holes(self) -> None:
        self.runs.fill_holes()

    def labels(self, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """(H, W) int32, `out` or a new array; ids 1..n in raster order of first pixel."""
        return self.runs.paint(out)
