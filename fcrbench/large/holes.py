"""Holes that lie in several tiles."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.unions import join_all
from fcrbench.labels import PairTable
from fcrbench.large.tiles import Seams, Tile
from fcrbench.postprocess import label


class SeamHoles:
    """Background regions that touch the edges of tiles, and the object that encloses them, if one does.

    Those that touch no edge of their tile are to be filled before: `add` takes tiles as they then are, in
    raster order; `owners` is called after the last.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.height, self.width = shape
        self.seams = Seams(self.width, np.dtype(np.int32), corners=False)
        self.offsets = [0]
        self.joins = [np.zeros((2, 0), np.int64)]
        self.beside = [np.zeros((2, 0), np.int64)]  # a region, and an object next to it or -1

    def add(self, tile: Tile, labels: NDArray[np.int32]) -> None:
        regions, count = label(labels == 0)
        offset = self.offsets[-1]
        self.offsets.append(offset + count)
        table = PairTable()
        up, down = slice(None, -1), slice(1, None)
        for one, other in (
            (regions[up], labels[down]),
            (regions[down], labels[up]),
            (regions[:, up], labels[:, down]),
            (regions[:, down], labels[:, up]),
        ):
            if one.size:
                table.add(flat_unsigned(one), flat_unsigned(other))
        split = table.split()
        near = split.ids[0][split.overlaps[0]].astype(np.int64) + offset
        self.beside.append(np.stack([near, split.ids[1][split.overlaps[1]].astype(np.int64)]))
        self._open_to_the_border(tile, regions, offset)
        for a, b in self.seams.add(tile, labels, regions, offset):
            both = (a.id > 0) & (b.id > 0)
            self.joins.append(np.unique(np.stack([a.id, b.id])[:, both], axis=1))
            for region, value in ((a.id, b.value), (b.id, a.value)):
                beside = (region > 0) & (value > 0)
                self.beside.append(np.unique(np.stack([region, value.astype(np.int64)])[:, beside], axis=1))

    def _open_to_the_border(self, tile: Tile, regions: NDArray[np.int32], offset: int) -> None:
        borders = []
        if tile.rows.start == 0:
            borders.append(regions[0])
        if tile.rows.stop == self.height:
            borders.append(regions[-1])
        if tile.columns.start == 0:
            borders.append(regions[:, 0])
        if tile.columns.stop == self.width:
            borders.append(regions[:, -1])
        for border in borders:
            region = np.unique(border[border > 0]).astype(np.int64) + offset
            self.beside.append(np.stack([region, np.full(len(region), -1)]))

    def owners(self) -> list[NDArray[np.int32]]:
        """For each tile (regions + 1,): the object that encloses each of its regions, 0 for none."""
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
