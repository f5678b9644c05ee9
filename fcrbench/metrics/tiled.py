"""Metrics of two label images larger than memory."""

from __future__ import annotations

import numpy as np

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.labels import PairTable, as_labels, check_ids
from fcrbench.metrics.ratios import Empty
from fcrbench.metrics.scores import Scores, scores_from_table
from fcrbench.metrics.table import OverlapTable
from fcrbench.tiles import TILE_SIZE, Source, split_into_tiles
from fcrbench.work.progress import log_progress


def overlap_table(truth: Source, pred: Source, *, tile: int = TILE_SIZE) -> OverlapTable:
    """Build `metrics.overlap_table` of two images (H, W) that are read tile by tile.

    The objects are in another order than in the table of the whole images. Memory: two tiles and the table,
    about 100 bytes for every pair of objects that overlap. Raises TypeError and ValueError as
    `metrics.overlap_table` does, and ValueError for images that are not 2-D.
    """
    if truth.shape != pred.shape:
        raise ValueError(f"truth and pred: expected equal shapes, found {truth.shape} and {pred.shape}")
    pairs = PairTable()
    for part in log_progress(split_into_tiles(truth.shape, tile), "scores"):
        true_labels = as_labels(truth[part.slices], "truth")
        pred_labels = as_labels(pred[part.slices], "pred")
        pairs.add(flat_unsigned(true_labels), flat_unsigned(pred_labels))
    objects = pairs.tabulate()
    check_ids(objects.ids[0], np.dtype(truth.dtype), "truth")
    check_ids(objects.ids[1], np.dtype(pred.dtype), "pred")
    return OverlapTable(*objects.ids, *objects.areas, *objects.overlaps)


def score(
    truth: Source, pred: Source, *, empty: Empty = "nan", inclusive: bool = False, tile: int = TILE_SIZE
) -> Scores:
    """Compute `metrics.score` of two images (H, W) that are read tile by tile; the values are the same."""
    return scores_from_table(overlap_table(truth, pred, tile=tile), empty=empty, inclusive=inclusive)
