"""Label images of class maps larger than memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess._runs import Runs
from fcrbench.postprocess.labelling import to_unsigned_bits
from fcrbench.postprocess.rules import (
    InstanceRules,
    ObjectFilter,
    apply_rules,
    check_connectivity,
    updated_rules,
)
from fcrbench.postprocess.tiled.components import find_components, read_tile
from fcrbench.postprocess.tiled.holes import CrossTileHoles
from fcrbench.tiles import TILE_SIZE, Source, Target, split_into_tiles
from fcrbench.work.progress import log_progress

_MAX_OBJECTS = np.iinfo(np.int32).max


def label(
    class_map: Source,
    out: Target,
    background: int | None = 0,
    connectivity: int = 1,
    *,
    tile: int = TILE_SIZE,
) -> int:
    """Do `postprocess.label` for an image (H, W) that is read and written tile by tile.

    The ids do not depend on the tiles. The image is read twice. Memory: some tiles, two rows of the image,
    and about 50 bytes for every component of a tile.

    Args:
        class_map: (H, W), any integer dtype, read by slices.
        out: (H, W), int32 or wider, to which the labels are written by slices.
        background, connectivity: as in `postprocess.label`.
        tile: side of the tiles in pixels; preferably a multiple of the chunk sizes of `class_map` and `out`.

    Returns the number of objects. Raises TypeError and ValueError as `postprocess.label` does, and ValueError
    if `out` has another shape or there are 2**31 objects or more.
    """
    return TiledObjects(class_map, out, tile, background, connectivity).write()


def instances_of_classes(
    class_map: Source,
    out: Target,
    rules: InstanceRules | None = None,
    *,
    doubt: Source | None = None,
    margin: Source | None = None,
    tile: int = TILE_SIZE,
    **changes: Any,
) -> int:
    """Do `postprocess.instances` for a class map that is read and written tile by tile.

    The ids do not depend on the tiles: sizes, contacts and holes are those of whole objects. See `label` for
    the memory. `out` is also read if holes are to be filled.

    Args:
        class_map, out, tile: as in `label`.
        rules, changes: as in `postprocess.instances`.
        doubt: (H, W) uint8, the result of `postprocess.doubt`; needed for `join_doubt`.
        margin: (H, W) uint8, the result of `postprocess.margin`; needed for `min_margin`.

    Returns the number of objects.
    """
    rules = updated_rules(rules, changes)
    doubt = _check_plane(doubt, "doubt", class_map, "join_doubt") if rules.join_doubt else None
    margin = _check_plane(margin, "margin", class_map, "min_margin") if rules.min_margin else None
    background = (
        _most_frequent_class(class_map, tile) if rules.background == "mode" else int(rules.background)
    )
    objects = TiledObjects(class_map, out, tile, background, rules.connectivity, doubt, margin)
    apply_rules(rules, objects)
    return objects.write()


def _check_plane(plane: Source | None, name: str, class_map: Source, rule: str) -> Source:
    """Return a plane that a rule needs. Raises ValueError if it is missing or does not fit the class map."""
    if plane is None or plane.shape != class_map.shape or plane.dtype != np.uint8:
        found = "none" if plane is None else f"{plane.dtype} {plane.shape}"
        raise ValueError(f"{name}: expected uint8 {class_map.shape} for {rule}, found {found}")
    return plane


class TiledObjects:
    """The connected components of a class map that is read tile by tile; see `rules.Objects`.

    Rules change only which component each component belongs to. Labels are written once, by `write`.
    """

    def __init__(
        self,
        source: Source,
        out: Target,
        side: int,
        background: int | None,
        connectivity: int,
        doubt: Source | None = None,
        margin: Source | None = None,
    ) -> None:
        check_connectivity(connectivity)
        self.tiles = split_into_tiles(source.shape, side)
        if out.shape != source.shape:
            raise ValueError(f"out: expected the shape {source.shape}, found {out.shape}")
        if np.dtype(source.dtype).kind not in "iub":
            raise TypeError(f"class_map: expected an array of an integer dtype, found {source.dtype}")
        self.source, self.out = source, out
        self.background = to_unsigned_bits(background, np.dtype(source.dtype))
        self.connectivity = connectivity
        self.components = find_components(source, self.tiles, self.background, connectivity, doubt, margin)
        self.owner = np.arange(self.components.count + 1)  # the component that each belongs to, or 0
        self.holes: CrossTileHoles | None = None

    def join_fragments(self, join_doubt: float) -> None:
        if self.components.contacts is not None:
            self._reassign(self.components.contacts.owners_by_doubt(join_doubt))

    def apply_filter(self, object_filter: ObjectFilter) -> None:
        components = self.components
        size, on_border, margin = (
            self._sum_by_object(values)
            for values in (components.size, components.on_border, components.margin)
        )
        kept = object_filter.keeps(size, on_border, margin)
        self._reassign(np.where(kept, np.arange(components.count + 1), 0))

    def fill_holes(self) -> None:
        self.holes = CrossTileHoles(self.source.shape)

    def _reassign(self, owner: NDArray[np.int64]) -> None:
        """Make each component that is an object a part of owner[component], or of the background, 0."""
        self.owner = owner[self.owner]

    def _sum_by_object(self, values: NDArray) -> NDArray:
        """Return (count + 1,) the sum (for bool: or) of values over each object; 0 for parts of others."""
        total = np.zeros_like(values)
        np.add.at(total, self.owner, values)
        total[0] = 0
        return total

    def _number_objects(self) -> tuple[NDArray[np.int32], int]:
        """Return the id of every piece, in raster order of first pixels, and the number of objects."""
        # Components are numbered in that order, so the lowest one of an object has its first pixel.
        lowest = np.full(self.components.count + 1, self.components.count + 1)
        np.minimum.at(lowest, self.owner, np.arange(self.components.count + 1))
        used = np.flatnonzero(lowest[1:] <= self.components.count) + 1
        if len(used) > _MAX_OBJECTS:
            raise ValueError(f"expected at most {_MAX_OBJECTS} objects, found {len(used)}")
        ids = np.zeros(self.components.count + 1, np.int32)
        ids[used[np.argsort(lowest[used], kind="stable")]] = np.arange(1, len(used) + 1)
        return ids[self.owner][self.components.component_of_piece], len(used)

    def write(self) -> int:
        """Write the label image to `out`, and return the number of objects."""
        ids, count = self._number_objects()
        holes = self.holes
        for tile in log_progress(self.tiles, "labels"):
            runs = Runs.from_components(read_tile(self.source, tile), self.background, self.connectivity)
            a, b = self.components.offsets[tile.number : tile.number + 2]
            labels = np.append(np.int32(0), ids[a + 1 : b + 1])[runs.labels]
            runs = Runs(runs.shape, runs.starts, labels, 0)
            self.out[tile.slices] = runs.paint() if holes is None else holes.add_tile(tile, runs)
        if holes is not None:
            for tile, owners in zip(self.tiles, holes.find_owners(), strict=True):
                if owners.any():
                    self.out[tile.slices] = holes.fill_tile(tile, np.asarray(self.out[tile.slices]), owners)
        return count


def _most_frequent_class(class_map: Source, side: int) -> int:
    """Return the class of most pixels, the lowest one on a tie."""
    counts: dict[int, int] = {}
    for tile in split_into_tiles(class_map.shape, side):
        classes, numbers = np.unique(read_tile(class_map, tile), return_counts=True)
        for k, n in zip(classes.tolist(), numbers.tolist(), strict=True):
            counts[k] = counts.get(k, 0) + n
    return max(counts, key=lambda k: (counts[k], -k)) if counts else 0
