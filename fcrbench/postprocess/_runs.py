"""The runs of one 2-D image on their way to a label image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels import components as components_kernel
from fcrbench.kernels import regions as regions_kernel
from fcrbench.kernels import runs as runs_kernel
from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.labels import as_labels


@dataclass
class Runs:
    """starts, values, rows as `kernels.runs.encode` returns them; labels and count once objects are known."""

    shape: tuple[int, int]
    starts: NDArray[np.int64]
    values: NDArray[np.uint64]
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]
    count: int = 0

    @classmethod
    def encode(cls, image: NDArray) -> "Runs":
        """Runs of a 2-D integer image of at least one pixel; a signed value keeps its bits, not its sign."""
        starts, values, rows = runs_kernel.encode(flat_unsigned(image), image.shape[1])
        return cls((image.shape[0], image.shape[1]), starts, values, rows, np.empty(0, np.int32))

    def connect(self, background: int | None, connectivity: int) -> None:
        """Label the connected components; background None: every pixel belongs to an object."""
        self.labels, self.count = self._components(self.values, background, connectivity)

    def _components(
        self, values: NDArray[np.uint64], background: int | None, connectivity: int
    ) -> tuple[NDArray[np.int32], int]:
        return components_kernel.components(
            self.starts,
            values,
            self.rows,
            self.shape[1],
            np.uint64(0 if background is None else background),
            background is not None,
            connectivity == 2,
        )

    def drop_small(self, min_size: int) -> None:
        self.count, n = regions_kernel.drop_small(self.starts, self.labels, self.rows, self.count, min_size)
        self.starts, self.labels = self.starts[: n + 1], self.labels[:n]

    def fill_holes(self) -> None:
        # Objects stand in as the background here: the background regions are what is labelled.
        holes, n_holes = self._components((self.labels != 0).astype(np.uint64), 1, 1)
        regions_kernel.fill_holes(self.starts, self.labels, self.rows, self.shape[1], holes, n_holes)

    def paint(self) -> NDArray[np.int32]:
        out = np.empty(self.shape, np.int32)
        runs_kernel.paint(self.starts, self.labels, out.reshape(-1))
        return out


def check_connectivity(connectivity: int) -> None:
    if connectivity not in (1, 2):
        raise ValueError(f"connectivity: expected 1 (4-connected) or 2 (8-connected), found {connectivity!r}")


def check_min_size(min_size: int) -> None:
    if min_size < 0:
        raise ValueError(f"min_size: expected 0 or more pixels, found {min_size}")


def as_image(array: object, name: str) -> NDArray:
    """A 2-D integer or boolean array; ValueError or TypeError says what else was found."""
    image = as_labels(array, name)
    if image.ndim != 2:
        raise ValueError(f"{name}: expected a 2-D array (H, W), found shape {image.shape}")
    return image
