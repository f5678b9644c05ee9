"""Connected components of an image tile by tile: what each is made of, joined over the seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.unions import join_all
from fcrbench.postprocess._fragments import Contacts
from fcrbench.postprocess._runs import Runs, as_image
from fcrbench.tiles import Seams, Source, Tile
from fcrbench.work.progress import log_progress

Pairs = NDArray[np.int64]  # (4, n): an id, another id, the sides that they share, the doubt along these


@dataclass(frozen=True)
class Components:
    """Components of the whole image, numbered 1 .. count in raster order of their first pixels.

    Attributes:
        offsets: (tiles + 1,) int64: component k of tile t is piece offsets[t] + k, from 1 on.
        number: (pieces + 1,) int64, the component that each piece is part of; 0 for 0.
        first: (count + 1,) int64, flat index of the first pixel of each; size: its pixels. Entry 0 is unused.
        on_border: (count + 1,) bool, whether each touches the border of the image.
        margin: (count + 1,) int64, of its pixels, summed; 0 where none was given.
        contacts: which of them lie against each other, where that was asked for.
    """

    offsets: NDArray[np.int64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    on_border: NDArray[np.bool_]
    margin: NDArray[np.int64]
    contacts: Contacts | None

    @property
    def count(self) -> int:
        return len(self.first) - 1


def read_tile(source: Source, tile: Tile) -> NDArray:
    """The pixels of a tile; TypeError when they are not integers."""
    return as_image(np.ascontiguousarray(source[tile.where]), "image")


def find_components(
    source: Source,
    grid: list[Tile],
    background: int | None,
    connectivity: int,
    doubt: Source | None = None,
    margin: Source | None = None,
) -> Components:
    """One pass over the tiles. doubt, margin: (H, W) uint8; with doubt, contacts are found."""
    height, width = source.shape
    seams = Seams(width, source.dtype, connectivity > 1)
    offsets = np.zeros(len(grid) + 1, np.int64)
    first, size, edges = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    on_border, margins = [np.zeros(1, bool)], [np.zeros(1, np.int64)]
    joins, shared = [np.zeros((2, 0), np.int64)], [np.zeros((4, 0), np.int64)]
    across = [np.zeros((4, 0), np.int64)]  # what is shared over the seams, also with background
    for tile in log_progress(grid, "components"):
        block = read_tile(source, tile)
        unsure = None if doubt is None else np.ascontiguousarray(doubt[tile.where])
        runs = Runs.of_components(block, background, connectivity)
        offset = int(offsets[tile.number])
        offsets[tile.number + 1] = offset + runs.count
        size.append(runs.sizes()[1:])
        first.append(_first_pixels(runs, tile, width))
        on_border.append(runs.on_border(*tile.on_border(height, width))[1:])
        if margin is not None:
            margins.append(runs.sums(np.ascontiguousarray(margin[tile.where]))[1:])
        if unsure is not None:
            inside = runs.contacts(unsure)
            edges.append(inside.edges[1:])
            shared.append(np.concatenate([inside.pairs + offset, inside.sides[None], inside.doubt[None]]))
        straight = (tile.rows.start > 0) + (tile.columns.start > 0)
        for i, (one, other) in enumerate(seams.add(tile, block, runs.paint(), offset, unsure)):
            same = (one.value == other.value) & (one.id > 0)
            joins.append(np.unique(np.stack([one.id, other.id])[:, same], axis=1))
            if unsure is not None and i < straight:
                sum_ = one.doubt.astype(np.int64) + other.doubt
                sides = np.stack([one.id, other.id, np.ones_like(sum_), sum_])
                across.append(_summed(sides[:, ~same]))
    number, roots = _merged(np.concatenate(joins, axis=1), int(offsets[-1]))
    pieces_first, pieces_size = np.concatenate(first), np.concatenate(size)
    n = len(roots)
    lowest = np.full(n, height * width, np.int64)
    np.minimum.at(lowest, number, pieces_first)
    order = np.argsort(lowest[1:], kind="stable")
    rank = np.zeros(n, np.int64)
    rank[1:][order] = np.arange(1, n)
    number = rank[number]
    total, margin_sums, touched = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    np.add.at(total, number, pieces_size)
    np.logical_or.at(touched, number, np.concatenate(on_border))
    if margin is not None:
        np.add.at(margin_sums, number, np.concatenate(margins))
    found = None
    if doubt is not None:
        edge_sums = np.zeros(n, np.int64)
        np.add.at(edge_sums, number, np.concatenate(edges))
        over = np.concatenate(across, axis=1)
        for side in (0, 1):
            np.add.at(edge_sums, number[over[side]], over[2])
        every = np.concatenate([*shared, over], axis=1)
        every[:2] = np.sort(number[every[:2]], axis=0)
        a, b, sides, sum_ = _summed(every[:, every[0] > 0])
        found = Contacts(total, edge_sums, np.stack([a, b]), sides, sum_)
    in_order = np.append(0, np.sort(lowest[1:]))
    return Components(offsets, number, in_order, total, touched, margin_sums, found)


def _first_pixels(runs: Runs, tile: Tile, width: int) -> NDArray[np.int64]:
    """(count,) flat index in the image of the first pixel of each, as ids ascend in that order."""
    highest = np.maximum.accumulate(np.append(0, runs.labels[:-1]))
    y, x = np.divmod(runs.starts[:-1][runs.labels > highest], runs.shape[1])
    return (y + tile.rows.start) * width + (x + tile.columns.start)


def _summed(pairs: Pairs) -> Pairs:
    """Each pair of ids once, with the sums of its sides and doubt."""
    ids, index = np.unique(pairs[:2], axis=1, return_inverse=True)
    sums = np.zeros((2, ids.shape[1]), np.int64)
    for total, values in zip(sums, pairs[2:], strict=True):
        np.add.at(total, index.reshape(-1), values)
    return np.concatenate([ids, sums])


def _merged(joins: NDArray[np.int64], pieces: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(pieces + 1,) the set of each piece, numbered from 0 on, which is that of piece 0; and their roots."""
    parent = np.arange(pieces + 1)
    join_all(parent, np.ascontiguousarray(joins[0]), np.ascontiguousarray(joins[1]))
    roots, number = np.unique(parent, return_inverse=True)
    return number.reshape(-1).astype(np.int64), roots
