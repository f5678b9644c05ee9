"""Split and merged objects."""

from fcrbench.metrics.overlap import OverlapTable


def splits_merges(table: OverlapTable) -> tuple[int, int]:
    """Number of split truth objects and of merging predictions (after Caicedo et al. 2019).

    A merge is a predicted object that covers more than half of the area of each of two or more truth objects.
    A split is a truth object inside which lies more than half of the area of each of two or more predicted
    objects. Swapping truth and prediction swaps the two. An object may take part in both; false positives and
    missed objects count in neither.
    """
    return table.sums.splits, table.sums.merges
