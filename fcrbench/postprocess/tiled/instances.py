"""Label images of class maps larger than memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess._runs import Runs
from fcrbench.postprocess.labelling import bits_of
from fcrbench.postprocess.rules import (
    InstanceRules,
    ObjectFilter,
    apply_rules,
    check_connectivity,
    with_changes,
)
from fcrbench.postprocess.tiled.components import find_components, read_tile
from fcrbench.postprocess.tiled.holes import SeamHoles
from fcrbench.tiles import TILE, Source, Target, tiles
from fcrbench.work.progress import log_progress

_MOST = np.iinfo(np.int32).max


def label(
    class_map: Source, out: Target, background: int | None = 0, connectivity: int = 1, *, tile: int = TILE
) -> int:
    """`postprocess.label` of an image (H, W) that is read, and written to `out`, by tiles.

    The same ids, whatever the tiles. The image is read twice. Memory: some tiles, two rows of the image, and
    about 50 bytes for every component of a tile.

    Args:
        class_map: (H, W), any integer dtype, read by slices.
        out: (H, W), int32 or wider, written by slices.
        tile: side of the tiles in pixels; best a multiple of the chunks of both.

    Returns the number of objects. Raises TypeError and ValueError as `postprocess.label`, and ValueError when
    out has another shape or there are 2**31 objects or more.
    """
    return TiledObjects(class_map, out, tile, background, connectivity).write()


def instances_of_classes(
    class_map: Source,
    out: Target,
    rules: InstanceRules | None = None,
    *,
    doubt: Source | None = None,
    margin: Source | None = None,
    tile: int = TILE,
    **changes: Any,
) -> int:
    """`postprocess.instances`, from the class of each pixel on, of an image read and written by tiles.

    The ids are the same, whatever the tiles: sizes, contacts and holes are those of whole objects. See
    `label` for memory and the other arguments. With holes to fill, `out` is also read.

    Args:
        rules, changes: see `postprocess.instances`.
        doubt, margin: (H, W) uint8, for `join_doubt` and `min_margin`: what `postprocess.doubt` and
            `postprocess.margin` give.
    """
    rules = with_changes(rules, changes)
    doubt = _checked(doubt, "doubt", class_map, "join_doubt") if rules.join_doubt else None
    margin = _checked(margin, "margin", class_map, "min_margin") if rules.min_margin else None
    background = _most_frequent(class_map, tile) if rules.background == "mode" else int(rules.background)
    objects = TiledObjects(class_map, out, tile, background, rules.connectivity, doubt, margin)
    apply_rules(rules, objects)
    return objects.write()


def _checked(plane: Source | None, name: str, class_map: Source, rule: str) -> Source:
    if plane is None or plane.shape != class_map.shape or plane.dtype != np.uint8:
        found = "none" if plane is None else f"{plane.dtype} {plane.shape}"
        raise ValueError(f"{name}: expected uint8 {class_map.shape} for {rule}, found {found}")
    return plane


class TiledObjects:
    """The connected components of a class map read by tiles; see `rules.Objects`.

    Each component knows the component that it belongs to by now, or 0 for background. Labels are written
    once, at the end.
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
        self.grid = tiles(source.shape, side)
        if out.shape != source.shape:
            raise ValueError(f"out: expected the shape {source.shape}, found {out.shape}")
        if np.dtype(source.dtype).kind not in "iub":
            raise TypeError(f"class_map: expected an array of an integer dtype, found {source.dtype}")
        self.source, self.out = source, out
        self.background = bits_of(background, np.dtype(source.dtype))
        self.connectivity = connectivity
        self.found = find_components(source, self.grid, self.background, connectivity, doubt, margin)
        self.owner = np.arange(self.found.count + 1)  # of each component; a component or 0
        self.holes: SeamHoles | None = None

    def join_fragments(self, join_doubt: float) -> None:
        if self.found.contacts is not None:
            self._give(self.found.contacts.pieces_by_doubt(join_doubt))

    def drop(self, kept: ObjectFilter) -> None:
        found = self.found
        sums = (self._of_objects(each) for each in (found.size, found.on_border, found.margin))
        self._give(np.where(kept.keeps(*sums), np.arange(found.count + 1), 0))

    def fill_holes(self) -> None:
        self.holes = SeamHoles(self.source.shape)

    def _give(self, owner: NDArray[np.int64]) -> None:
        """Give each component that is an object to another one or, 0, to the background."""
        self.owner = owner[self.owner]

    def _of_objects(self, values: NDArray) -> NDArray:
        """(count + 1,) sum (bool: or) of `values` of what belongs to each component now, 0 if given away."""
        total = np.zeros_like(values)
        np.add.at(total, self.owner, values)
        total[0] = 0
        return total

    def _ids(self) -> tuple[NDArray[np.int32], int]:
        """The id of every piece, and the number of objects: in raster order of their first pixels."""
        # Components are in that order already, so an object begins with its lowest component.
        lowest = np.full(self.found.count + 1, self.found.count + 1)
        np.minimum.at(lowest, self.owner, np.arange(self.found.count + 1))
        used = np.flatnonzero(lowest[1:] <= self.found.count) + 1
        if len(used) > _MOST:
            raise ValueError(f"expected at most {_MOST} objects, found {len(used)}")
        ids = np.zeros(self.found.count + 1, np.int32)
        ids[used[np.argsort(lowest[used], kind="stable")]] = np.arange(1, len(used) + 1)
        return ids[self.owner][self.found.number], len(used)

    def write(self) -> int:
        """Write the label image to `out`; returns the number of objects."""
        ids, count = self._ids()
        holes = self.holes
        for tile in log_progress(self.grid, "labels"):
            runs = Runs.of_components(read_tile(self.source, tile), self.background, self.connectivity)
            a, b = self.found.offsets[tile.number : tile.number + 2]
            mapped = np.append(np.int32(0), ids[a + 1 : b + 1])[runs.labels]
            runs = Runs(runs.shape, runs.starts, mapped, 0)
            self.out[tile.where] = runs.paint() if holes is None else holes.fill(tile, runs)
        if holes is not None:
            for tile, owners in zip(self.grid, holes.owners(), strict=True):
                if owners.any():
                    self.out[tile.where] = holes.finish(tile, np.asarray(self.out[tile.where]), owners)
        return count


def _most_frequent(class_map: Source, side: int) -> int:
    """The class of most pixels, the lowest one on a tie."""
    counts: dict[int, int] = {}
    for tile in tiles(class_map.shape, side):
        classes, times = np.unique(read_tile(class_map, tile), return_counts=True)
        for k, n in zip(classes.tolist(), times.tolist(), strict=True):
            counts[k] = counts.get(k, 0) + n
    return max(counts, key=lambda k: (counts[k], -k)) if counts else 0
