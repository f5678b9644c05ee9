"""Connected components of an image that is read tile by tile; pieces are joined over the seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.unions import join_all
from fcrbench.labels import to_numpy
from fcrbench.postprocess._contacts import Contacts
from fcrbench.postprocess._runs import Runs, as_image
from fcrbench.tiles import Seams, Source, Tile
from fcrbench.work.progress import log_progress

PairSums = NDArray[np.int64]  # (4, n): two ids, the number of sides that they share, the doubt along these


@dataclass(frozen=True)
class Components:
    """The connected components of the whole image, numbered 1 .. count in raster order of first pixel.

    The component of a tile is called a piece; it is a part of a component of the image. Entry 0 of the arrays
    below stands for the background.

    Attributes:
        offsets: (tiles + 1,) int64; component k of tile t, k >= 1, is piece offsets[t] + k.
        component_of_piece: (pieces + 1,) int64, the component that each piece is a part of.
        first_pixel: (count + 1,) int64, flat index of the first pixel of each component.
        size: (count + 1,) int64, pixels of each component.
        on_border: (count + 1,) bool, whether each component touches the border of the image.
        margin: (count + 1,) int64, the margins of the pixels of each component, summed; 0 without margins.
        contacts: the contacts between components; None without doubt.
    """

    offsets: NDArray[np.int64]
    component_of_piece: NDArray[np.int64]
    first_pixel: NDArray[np.int64]
    size: NDArray[np.int64]
    on_border: NDArray[np.bool_]
    margin: NDArray[np.int64]
    contacts: Contacts | None

    @property
    def count(self) -> int:
        return len(self.first_pixel) - 1


def read_tile(source: Source, tile: Tile) -> NDArray:
    """Return the pixels of a tile. Raises TypeError if they are not integers."""
    return np.ascontiguousarray(as_image(source[tile.slices], "image"))


def _read_plane(plane: Source, name: str, tile: Tile) -> NDArray:
    return np.ascontiguousarray(to_numpy(plane[tile.slices], name))


def find_components(
    source: Source,
    image_tiles: list[Tile],
    background: int | None,
    connectivity: int,
    doubt: Source | None = None,
    margin: Source | None = None,
) -> Components:
    """Find the connected components of an image in one pass over its tiles.

    doubt and margin are (H, W) uint8. Contacts between components are found only with doubt.
    """
    height, width = source.shape
    seams = Seams(width, source.dtype, connectivity > 1)
    offsets = np.zeros(len(image_tiles) + 1, np.int64)
    first, size, edges = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    on_border, margins = [np.zeros(1, bool)], [np.zeros(1, np.int64)]
    joins, shared = [np.zeros((2, 0), np.int64)], [np.zeros((4, 0), np.int64)]
    across_seams = [np.zeros((4, 0), np.int64)]  # sides on seams, also of objects and background
    for tile in log_progress(image_tiles, "components"):
        block = read_tile(source, tile)
        tile_doubt = None if doubt is None else _read_plane(doubt, "doubt", tile)
        runs = Runs.from_components(block, background, connectivity)
        offset = int(offsets[tile.number])
        offsets[tile.number + 1] = offset + runs.count
        size.append(runs.sizes()[1:])
        first.append(_first_pixels(runs, tile, width))
        on_border.append(runs.touches_border(*tile.sides_on_border(height, width))[1:])
        if margin is not None:
            margins.append(runs.sum_values(_read_plane(margin, "margin", tile))[1:])
        if tile_doubt is not None:
            inside = runs.find_contacts(tile_doubt)
            edges.append(inside.edges[1:])
            shared.append(np.concatenate([inside.pairs + offset, inside.sides[None], inside.doubt[None]]))
        n_seams = (tile.rows.start > 0) + (tile.columns.start > 0)
        for i, (one, other) in enumerate(seams.add_tile(tile, block, runs.paint(), offset, tile_doubt)):
            is_joined = (one.value == other.value) & (one.id > 0)
            joins.append(np.unique(np.stack([one.id, other.id])[:, is_joined], axis=1))
            if tile_doubt is not None and i < n_seams:  # the lines after these touch over corners only
                doubt_sum = one.doubt.astype(np.int64) + other.doubt
                sides = np.stack([one.id, other.id, np.ones_like(doubt_sum), doubt_sum])
                across_seams.append(_sum_by_pair(sides[:, ~is_joined]))
    component_of_piece, n = _merge_pieces(np.concatenate(joins, axis=1), int(offsets[-1]))
    first_pixel = np.full(n, height * width, np.int64)
    np.minimum.at(first_pixel, component_of_piece, np.concatenate(first))
    # Renumber the components in raster order of first pixel.
    order = np.argsort(first_pixel[1:], kind="stable")
    rank = np.zeros(n, np.int64)
    rank[1:][order] = np.arange(1, n)
    component_of_piece = rank[component_of_piece]
    total, margin_sums, touched = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    np.add.at(total, component_of_piece, np.concatenate(size))
    np.logical_or.at(touched, component_of_piece, np.concatenate(on_border))
    if margin is not None:
        np.add.at(margin_sums, component_of_piece, np.concatenate(margins))
    contacts = None
    if doubt is not None:
        edge_sums = np.zeros(n, np.int64)
        np.add.at(edge_sums, component_of_piece, np.concatenate(edges))
        over_seams = np.concatenate(across_seams, axis=1)
        for side in (0, 1):
            np.add.at(edge_sums, component_of_piece[over_seams[side]], over_seams[2])
        pairs = np.concatenate([*shared, over_seams], axis=1)
        pairs[:2] = np.sort(component_of_piece[pairs[:2]], axis=0)
        a, b, sides, doubt_sum = _sum_by_pair(pairs[:, pairs[0] > 0])
        contacts = Contacts(total, edge_sums, np.stack([a, b]), sides, doubt_sum)
    first_pixel = np.append(0, np.sort(first_pixel[1:]))
    return Components(offsets, component_of_piece, first_pixel, total, touched, margin_sums, contacts)


def _first_pixels(runs: Runs, tile: Tile, width: int) -> NDArray[np.int64]:
    """Return (count,) the flat index in the image of the first pixel of each object of a tile."""
    # Ids ascend in the order of first pixels.
    highest = np.maximum.accumulate(np.append(0, runs.labels[:-1]))
    y, x = np.divmod(runs.starts[:-1][runs.labels > highest], runs.shape[1])
    return (y + tile.rows.start) * width + (x + tile.columns.start)


def _sum_by_pair(pairs: PairSums) -> PairSums:
    """Return each pair of ids once, with the sums of its sides and doubt."""
    ids, index = np.unique(pairs[:2], axis=1, return_inverse=True)
    sums = np.zeros((2, ids.shape[1]), np.int64)
    for total, values in zip(sums, pairs[2:], strict=True):
        np.add.at(total, index.reshape(-1), values)
    return np.concatenate([ids, sums])


def _merge_pieces(joins: NDArray[np.int64], pieces: int) -> tuple[NDArray[np.int64], int]:
    """Return (pieces + 1,) the component of each piece, and the number of components + 1."""
    parent = np.arange(pieces + 1)
    join_all(parent, np.ascontiguousarray(joins[0]), np.ascontiguousarray(joins[1]))
    roots, component_of_piece = np.unique(parent, return_inverse=True)
    return component_of_piece.reshape(-1).astype(np.int64), len(roots)
