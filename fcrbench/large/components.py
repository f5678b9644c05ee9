"""Connected components of an image tile by tile: what each is made of, joined over the seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.unions import join_all
from fcrbench.labels import PairTable
from fcrbench.large.tiles import Seams, Source, Tile
from fcrbench.postprocess._runs import Runs, as_image

Pairs = NDArray[np.int64]  # (3, n): an id, another id, how often


@dataclass(frozen=True)
class Components:
    """Components of the whole image, numbered 1 .. count in raster order of their first pixels.

    Attributes:
        offsets: (tiles + 1,) int64: component k of tile t is piece offsets[t] + k, from 1 on.
        number: (pieces + 1,) int64, the component that each piece is part of; 0 for 0.
        first: (count + 1,) int64, flat index of the first pixel of each; size: its pixels. Entry 0 is unused.
        edges: (count + 1,) int64, sides of pixels that face something else; the image's border is no edge.
        contacts: (3, n), pairs of components (the lower one first) and the sides that they share.
    """

    offsets: NDArray[np.int64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    edges: NDArray[np.int64]
    contacts: Pairs

    @property
    def count(self) -> int:
        return len(self.first) - 1


def read_tile(source: Source, tile: Tile) -> NDArray:
    """The pixels of a tile; TypeError when they are not integers."""
    return as_image(np.ascontiguousarray(source[tile.where]), "image")


def find_components(
    source: Source, grid: list[Tile], background: int | None, connectivity: int, contacts: bool
) -> Components:
    """One pass over the tiles. contacts: also find edges and contacts, else they are zeros and none."""
    height, width = source.shape
    seams = Seams(width, source.dtype, connectivity > 1)
    offsets = np.zeros(len(grid) + 1, np.int64)
    first, size, edges = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    joins, shared = [np.zeros((2, 0), np.int64)], [np.zeros((3, 0), np.int64)]
    extra = [np.zeros((3, 0), np.int64)]  # sides of pixels along the seams
    for tile in grid:
        block = read_tile(source, tile)
        runs = Runs.of_components(block, background, connectivity)
        offset = offsets[tile.number]
        offsets[tile.number + 1] = offset + runs.count
        size.append(_sizes(runs))
        first.append(_first_pixels(runs, tile, width))
        labels = runs.paint()
        if contacts:
            tile_edges, tile_contacts = _contacts(labels, runs.count)
            edges.append(tile_edges)
            shared.append(tile_contacts + np.array([[offset], [offset], [0]]))
        straight = (tile.rows.start > 0) + (tile.columns.start > 0)
        for i, pair in enumerate(seams.add(tile, block, labels, int(offset))):
            same = (pair.value == pair.other_value) & (pair.id > 0)
            joins.append(np.unique(np.stack([pair.id, pair.other_id])[:, same], axis=1))
            if contacts and i < straight:
                extra.append(_counted(pair.id[~same], pair.other_id[~same]))
    number, roots = _merged(np.concatenate(joins, axis=1), int(offsets[-1]))
    pieces_first, pieces_size = np.concatenate(first), np.concatenate(size)
    n = len(roots)
    lowest = np.full(n, height * width, np.int64)
    np.minimum.at(lowest, number, pieces_first)
    order = np.argsort(lowest[1:], kind="stable")
    rank = np.zeros(n, np.int64)
    rank[1:][order] = np.arange(1, n)
    number = rank[number]
    total = np.zeros(n, np.int64)
    np.add.at(total, number, pieces_size)
    edge_sums = np.zeros(n, np.int64)
    pairs = np.zeros((3, 0), np.int64)
    if contacts:
        np.add.at(edge_sums, number, np.concatenate(edges))
        across = np.concatenate(extra, axis=1)
        for side in (0, 1):
            np.add.at(edge_sums, number[across[side]], across[2])
        every = np.concatenate([*shared, across], axis=1)
        pairs = _summed(number[every[0]], number[every[1]], every[2])
        edge_sums[0] = 0
    return Components(offsets, number, np.append(0, np.sort(lowest[1:])), total, edge_sums, pairs)


def _sizes(runs: Runs) -> NDArray[np.int64]:
    """(count,) pixels of each."""
    lengths = np.diff(runs.starts).astype(np.float64)  # exact: a tile has fewer than 2**53 pixels
    return np.bincount(runs.labels, lengths, runs.count + 1)[1:].astype(np.int64)


def _first_pixels(runs: Runs, tile: Tile, width: int) -> NDArray[np.int64]:
    """(count,) flat index in the image of the first pixel of each, as ids ascend in that order."""
    highest = np.maximum.accumulate(np.append(0, runs.labels[:-1]))
    y, x = np.divmod(runs.starts[:-1][runs.labels > highest], runs.shape[1])
    return (y + tile.rows.start) * width + (x + tile.columns.start)


def _contacts(labels: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], Pairs]:
    """(count,) sides of each component that face something else in the tile, and pairs that share some."""
    table = PairTable()
    for one, other in ((labels[:-1], labels[1:]), (labels[:, :-1], labels[:, 1:])):
        if one.size:
            table.add(flat_unsigned(one), flat_unsigned(other))
    split = table.split()
    edges = np.zeros(count + 1, np.int64)
    ids = [side.astype(np.int64) for side in split.ids]
    for side in (0, 1):
        np.add.at(edges, ids[side], split.areas[side])
    a, b, sides = ids[0][split.overlaps[0]], ids[1][split.overlaps[1]], split.overlaps[2]
    inner = a == b
    np.subtract.at(edges, a[inner], 2 * sides[inner])
    return edges[1:], np.stack([a, b, sides])[:, ~inner]


def _counted(one: NDArray[np.int64], other: NDArray[np.int64]) -> Pairs:
    """Every pair of ids with how often it comes, also those with background."""
    pairs, times = np.unique(np.stack([one, other]), axis=1, return_counts=True)
    return np.concatenate([pairs, times[None]])


def _summed(one: NDArray[np.int64], other: NDArray[np.int64], times: NDArray[np.int64]) -> Pairs:
    """Pairs without background, the lower id first, each once."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    keep = low > 0
    pairs, index = np.unique(np.stack([low, high])[:, keep], axis=1, return_inverse=True)
    sums = np.zeros(pairs.shape[1], np.int64)
    np.add.at(sums, index.reshape(-1), times[keep])
    return np.concatenate([pairs, sums[None]])


def _merged(joins: NDArray[np.int64], pieces: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(pieces + 1,) the set of each piece, numbered from 0 on, which is that of piece 0; and their roots."""
    parent = np.arange(pieces + 1)
    join_all(parent, np.ascontiguousarray(joins[0]), np.ascontiguousarray(joins[1]))
    roots, number = np.unique(parent, return_inverse=True)
    return number.reshape(-1).astype(np.int64), roots
