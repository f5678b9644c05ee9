"""The overlap table of two label images, built in one pass over the pixels."""

from __future__ import annotations

from collections.abc import Iterator

from numpy.typing import ArrayLike, NDArray

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.overlap import SLAB
from fcrbench.labels import PairTable, as_labels, check_ids, is_on_accelerator
from fcrbench.metrics.device_overlap import device_overlap_table
from fcrbench.metrics.table import OverlapTable


def overlap_table(truth: ArrayLike, pred: ArrayLike) -> OverlapTable:
    """Build the overlap table of two label images of equal shape.

    Memory grows with the number of overlapping pairs, not with the product of the numbers of objects.

    Args:
        truth, pred: (H, W) or (D, H, W), any integer dtype; 0 is background, ids are 1 .. 2**64 - 1.

    Raises:
        TypeError: an array is not of an integer dtype.
        ValueError: shapes differ, or are neither 2-D nor 3-D, or an id is negative.

    torch tensors on an accelerator are compared there; only the table is copied to the host.
    """
    if is_on_accelerator(truth) or is_on_accelerator(pred):
        return device_overlap_table(truth, pred)
    true_labels, pred_labels = as_labels(truth, "truth"), as_labels(pred, "pred")
    if true_labels.shape != pred_labels.shape:
        raise ValueError(
            f"truth and pred: expected equal shapes, found {true_labels.shape} and {pred_labels.shape}"
        )
    if true_labels.ndim not in (2, 3):
        raise ValueError(f"truth and pred: expected 2-D or 3-D arrays, found shape {true_labels.shape}")

    pairs = PairTable()
    for true_flat, pred_flat in _flat_pieces(true_labels, pred_labels):
        pairs.add(true_flat, pred_flat)
    objects = pairs.tabulate()
    check_ids(objects.ids[0], true_labels.dtype, "truth")
    check_ids(objects.ids[1], pred_labels.dtype, "pred")
    return OverlapTable(*objects.ids, *objects.areas, *objects.overlaps)


def _flat_pieces(truth: NDArray, pred: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield flat unsigned pieces of both arrays in the same order, copying only what is not contiguous."""
    if truth.size == 0:
        return
    if truth.flags.f_contiguous and pred.flags.f_contiguous:
        truth, pred = truth.T, pred.T
    piece_length = len(truth)
    if not (truth.flags.c_contiguous and pred.flags.c_contiguous):
        piece_length = max(1, SLAB * piece_length // truth.size)
    for low in range(0, len(truth), piece_length):
        yield flat_unsigned(truth[low : low + piece_length]), flat_unsigned(pred[low : low + piece_length])
