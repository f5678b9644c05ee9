"""Dice of the foreground, and the ensemble Dice of objects."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.ratios import Empty, empty_value, ratio
from fcrbench.metrics.table import OverlapTable


def dice(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """Dice coefficient of the two foregrounds: 2 |fg(T) & fg(P)| / (|fg(T)| + |fg(P)|).

    It does not depend on how the foreground is divided into objects.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        empty: the value if neither image has an object; see `score`.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*dice_terms(table))


def dice2(truth: ArrayLike, pred: ArrayLike, *, empty: Empty = "nan") -> float:
    """Ensemble Dice, "Dice2" (Vu et al. 2019): sum 2 |T & P| / sum (|T| + |P|) over all pairs that overlap.

    An object without any overlap does not count: one perfect object and one false positive give 1. A small
    overlap with a neighbour adds both areas in full, so good results have a Dice2 far below their PQ.

    Args:
        truth, pred: label images as in `overlap_table`, which names the errors raised.
        empty: the value if neither image has an object; see `score`.
    """
    value = empty_value(empty)
    table = overlap_table(truth, pred)
    return value if table.both_empty else ratio(*dice2_terms(table))


def dice_terms(table: OverlapTable) -> tuple[int, int]:
    """Return numerator and denominator of Dice, in pixels."""
    return 2 * table.sums.shared, table.sums.areas


def dice2_terms(table: OverlapTable) -> tuple[int, int]:
    """Return numerator and denominator of Dice2, in pixels."""
    return 2 * table.sums.shared, table.sums.pair_areas
