"""The overlap table of tensors on an accelerator: only the table comes to the host.

Written with operations that every backend of torch has; on CPU tensors it gives the same, though the Numba
kernels are faster there. torch is imported by whoever made the tensors, or not at all.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.labels import as_labels, is_tensor, on_device
from fcrbench.metrics.table import OverlapTable

if TYPE_CHECKING:
    from torch import Tensor


def device_overlap_table(truth: Any, pred: Any) -> OverlapTable:
    """`overlap_table` of tensors, computed where they are.

    Args:
        truth, pred: (H, W) or (D, H, W) torch tensors of any integer dtype; if one is on an accelerator, the
            other (an array or a CPU tensor) is copied there.

    Raises TypeError and ValueError as `overlap_table`; two accelerators: ValueError.
    """
    import torch

    place = next((x.device for x in (truth, pred) if on_device(x)), torch.device("cpu"))
    true_labels, pred_labels = _as_labels(truth, "truth", place), _as_labels(pred, "pred", place)
    if true_labels.shape != pred_labels.shape:
        raise ValueError(
            f"truth and pred: expected equal shapes, found {tuple(true_labels.shape)} and "
            f"{tuple(pred_labels.shape)}"
        )
    if true_labels.ndim not in (2, 3):
        raise ValueError(
            f"truth and pred: expected 2-D or 3-D arrays, found shape {tuple(true_labels.shape)}"
        )

    true_flat, pred_flat = true_labels.reshape(-1), pred_labels.reshape(-1)
    foreground = torch.nonzero(true_flat | pred_flat)[:, 0]
    true_ids, true_index, true_area, true_first = _groups(true_flat[foreground])
    pred_ids, pred_index, pred_area, pred_first = _groups(pred_flat[foreground])
    keys, _, shared, pair_first = _groups(true_index * len(pred_ids) + pred_index)
    true_of_pair = keys // max(len(pred_ids), 1)
    pred_of_pair = keys % max(len(pred_ids), 1)

    # From here on everything is as small as the table.
    host_true, true_rank = _objects(true_ids, true_area, true_first)
    host_pred, pred_rank = _objects(pred_ids, pred_area, pred_first)
    pairs = torch.stack([true_of_pair, pred_of_pair, shared, pair_first]).cpu().numpy()
    pairs = pairs[:, np.argsort(pairs[3])]
    rows, columns = true_rank[pairs[0]], pred_rank[pairs[1]]
    objects = (rows >= 0) & (columns >= 0)
    return OverlapTable(
        host_true[0].view(np.uint64),
        host_pred[0].view(np.uint64),
        host_true[1],
        host_pred[1],
        rows[objects],
        columns[objects],
        pairs[2][objects],
    )


def _as_labels(array: Any, name: str, place: Any) -> "Tensor":
    """int64 labels at `place`; ids from 2**63 keep their bits."""
    import torch

    if on_device(array) and array.device != place:
        raise ValueError(f"truth and pred: expected tensors on one device, found {place} and {array.device}")
    if is_tensor(array):
        labels = array
    else:
        host = as_labels(array, name)
        labels = torch.from_numpy(np.array(host, host.dtype.newbyteorder("="), order="C"))
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    labels = labels.to(place)
    if labels.dtype == torch.uint64:
        return labels.view(torch.int64)
    labels = labels.to(torch.int64)
    lowest = int(labels.min()) if labels.numel() else 0
    if lowest < 0:
        raise ValueError(f"{name}: expected ids >= 0 (0 is background), found {lowest}")
    return labels


def _groups(values: "Tensor") -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """Distinct values; for each input which of them it is; how often, and where first, each occurs."""
    import torch

    distinct, index, counts = torch.unique(values, return_inverse=True, return_counts=True)
    positions = torch.arange(len(values), device=values.device)
    first = torch.full_like(counts, len(values)).scatter_reduce_(0, index, positions, "amin")
    return distinct, index, counts, first


def _objects(ids: "Tensor", area: "Tensor", first: "Tensor") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2, n) ids and areas without the background, in order of first pixel; and the place there of each of
    the ids given, -1 for the background.
    """
    import torch

    columns = torch.stack([ids, area, first]).cpu().numpy()
    order = np.argsort(columns[2])
    order = order[columns[0][order] != 0]
    rank = np.full(columns.shape[1], -1)
    rank[order] = np.arange(len(order))
    return np.ascontiguousarray(columns[:2, order]), rank
