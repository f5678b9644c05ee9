"""From two label images to their overlap table, in one pass over the pixels."""

from __future__ import annotations

from collections.abc import Iterator

from numpy.typing import ArrayLike, NDArray

from fcrbench.kernels._arrays import flat_unsigned
from fcrbench.kernels.overlap import SLAB
from fcrbench.labels import PairTable, as_labels, check_ids, on_device
from fcrbench.metrics.device import device_overlap_table
from fcrbench.metrics.table import OverlapTable


def overlap_table(truth: ArrayLike, pred: ArrayLike) -> OverlapTable:
    """Table of two label images of equal shape; memory grows with the number of overlapping pairs, not with n
    x m.

    Args:
        truth, pred: (H, W) or (D, H, W), any integer dtype; 0 is background, ids 1 .. 2**64 - 1.

    Raises:
        TypeError: an array is not of an integer dtype.
        ValueError: shapes differ, or are neither 2-D nor 3-D, or an id is negative.

    torch tensors on an accelerator are compared there; only the table comes to the host.
    """
    if on_device(truth) or on_device(pred):
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
    split = pairs.split()
    check_ids(split.ids[0], true_labels.dtype, "truth")
    check_ids(split.ids[1], pred_labels.dtype, "pred")
    return OverlapTable(*split.ids, *split.areas, *split.overlaps)


def _flat_pieces(truth: NDArray, pred: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Flat unsigned pieces of both arrays in the same order; only what is not contiguous is copied."""
    if truth.size == 0:
        return
    if truth.flags.f_contiguous and pred.flags.f_contiguous:
        truth, pred = truth.T, pred.T
    lines = len(truth)
    if not (truth.flags.c_contiguous and pred.flags.c_contiguous):
        lines = max(1, SLAB * lines // truth.size)
    for low in range(0, len(truth), lines):
        yield flat_unsigned(truth[low : low + lines]), flat_unsigned(pred[low : low + lines])
