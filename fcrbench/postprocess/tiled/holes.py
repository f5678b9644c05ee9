"""Filling of holes that lie in several tiles."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.unions import join_all
from fcrbench.postprocess._runs import Runs
from fcrbench.tiles import Seams, Tile


class CrossTileHoles:
    """Background regions that touch seams between tiles, and the object that encloses each of them, if any.

    Call `add_tile` for all tiles in raster order, then `find_owners`, then `fill_tile` for the results of
    `add_tile` whose regions have an owner.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.height, self.width = shape
        self.seams = Seams(self.width, np.dtype(np.int32), corners=False)
        self.offsets = [0]
        self.joins = [np.zeros((2, 0), np.int64)]
        self.beside = [np.zeros((2, 0), np.int64)]  # a region, and an object beside it or -1

    def add_tile(self, tile: Tile, runs: Runs) -> NDArray[np.int32]:
        """Fill the holes of a tile, given as runs of ids, that touch no seam; return its labels (h, w)."""
        regions, enclosing = runs.fill_holes(*tile.sides_on_border(self.height, self.width))
        offset = self.offsets[-1]
        self.offsets.append(offset + len(enclosing) - 1)
        known = np.flatnonzero(enclosing)
        self.beside.append(np.stack([known + offset, enclosing[known].astype(np.int64)]))
        labels, region_image = runs.paint(), Runs(runs.shape, runs.starts, regions, 0).paint()
        for a, b in self.seams.add_tile(tile, labels, region_image, offset):
            are_regions = (a.id > 0) & (b.id > 0)
            self.joins.append(np.unique(np.stack([a.id, b.id])[:, are_regions], axis=1))
            for region, value in ((a.id, b.value), (b.id, a.value)):
                touches = (region > 0) & (value > 0)
                self.beside.append(np.unique(np.stack([region, value.astype(np.int64)])[:, touches], axis=1))
        return labels

    def find_owners(self) -> list[NDArray[np.int32]]:
        """Return for each tile (regions + 1,) the object that encloses each of its regions, 0 for none."""
        parent = np.arange(self.offsets[-1] + 1)
        joins = np.concatenate(self.joins, axis=1)
        join_all(parent, np.ascontiguousarray(joins[0]), np.ascontiguousarray(joins[1]))
        region, value = np.concatenate(self.beside, axis=1)
        lowest = np.full(len(parent), np.iinfo(np.int64).max)
        highest = np.full(len(parent), -1)
        np.minimum.at(lowest, parent[region], value)
        np.maximum.at(highest, parent[region], value)
        owner = np.where((lowest == highest) & (lowest > 0), lowest, 0)[parent].astype(np.int32)
        return [
            np.append(np.int32(0), owner[a + 1 : b + 1])
            for a, b in zip(self.offsets, self.offsets[1:], strict=False)
        ]

    def fill_tile(
        self, tile: Tile, labels: NDArray[np.int32], owners: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return the labels of a tile after filling its regions that have an owner."""
        runs = Runs.from_ids(labels)
        regions, _ = runs.fill_holes(*tile.sides_on_border(self.height, self.width))
        runs.labels += owners[regions]  # regions are background
        return runs.paint()
