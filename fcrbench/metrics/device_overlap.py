"""The overlap table of tensors on an accelerator; only the table is copied to the host.

The code uses operations that every backend of torch supports. It gives the same table for CPU tensors, where
the Numba kernels are faster. torch is imported within functions, so that arrays do without it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.labels import as_labels, is_on_accelerator, is_tensor
from fcrbench.metrics.table import OverlapTable

if TYPE_CHECKING:
    from torch import Tensor


def device_overlap_table(truth: Any, pred: Any) -> OverlapTable:
    """Compute `overlap_table` of tensors on their device.

    Args:
        truth, pred: (H, W) or (D, H, W) torch tensors of any integer dtype. If one of them is on an
            accelerator, the other one (an array or a CPU tensor) is copied there.

    Raises TypeError and ValueError as `overlap_table` does, and ValueError for tensors on two accelerators.
    """
    import torch

    device = next((x.device for x in (truth, pred) if is_on_accelerator(x)), torch.device("cpu"))
    true_labels, pred_labels = _as_labels(truth, "truth", device), _as_labels(pred, "pred", device)
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
    true_ids, true_index, true_area, true_first = _group_values(true_flat[foreground])
    pred_ids, pred_index, pred_area, pred_first = _group_values(pred_flat[foreground])
    keys, _, shared, pair_first = _group_values(true_index * len(pred_ids) + pred_index)
    true_of_pair = keys // max(len(pred_ids), 1)
    pred_of_pair = keys % max(len(pred_ids), 1)

    # All arrays from here on are as small as the table.
    true_objects, true_rank = _objects_in_order(true_ids, true_area, true_first)
    pred_objects, pred_rank = _objects_in_order(pred_ids, pred_area, pred_first)
    pairs = torch.stack([true_of_pair, pred_of_pair, shared, pair_first]).cpu().numpy()
    pairs = pairs[:, np.argsort(pairs[3])]
    rows, columns = true_rank[pairs[0]], pred_rank[pairs[1]]
    are_objects = (rows >= 0) & (columns >= 0)
    return OverlapTable(
        true_objects[0].view(np.uint64),
        pred_objects[0].view(np.uint64),
        true_objects[1],
        pred_objects[1],
        rows[are_objects],
        columns[are_objects],
        pairs[2][are_objects],
    )


def _as_labels(array: Any, name: str, device: Any) -> "Tensor":
    """Return int64 labels on the device; ids from 2**63 on keep their bits."""
    import torch

    if is_on_accelerator(array) and array.device != device:
        raise ValueError(f"truth and pred: expected tensors on one device, found {device} and {array.device}")
    if is_tensor(array):
        labels = array
    else:
        host = as_labels(array, name)
        labels = torch.from_numpy(np.array(host, host.dtype.newbyteorder("="), order="C"))
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"{name}: expected an array of an integer dtype, found {labels.dtype}")
    labels = labels.to(device)
    if labels.dtype == torch.uint64:
        return labels.view(torch.int64)
    labels = labels.to(torch.int64)
    lowest = int(labels.min()) if labels.numel() else 0
    if lowest < 0:
        raise ValueError(f"{name}: expected ids >= 0 (0 is background), found {lowest}")
    return labels


def _group_values(values: "Tensor") -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """Return the distinct values, their index for each input, and their numbers and first positions."""
    import torch

    distinct, index, counts = torch.unique(values, return_inverse=True, return_counts=True)
    positions = torch.arange(len(values), device=values.device)
    first = torch.full_like(counts, len(values)).scatter_reduce_(0, index, positions, "amin")
    return distinct, index, counts, first


def _objects_in_order(
    ids: "Tensor", area: "Tensor", first: "Tensor"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids and areas (2, n) of all objects in order of first pixel, and the position of each given
    id.

    The background is not an object; its position is -1.
    """
    import torch

    columns = torch.stack([ids, area, first]).cpu().numpy()
    order = np.argsort(columns[2])
    order = order[columns[0][order] != 0]
    rank = np.full(columns.shape[1], -1)
    rank[order] = np.arange(len(order))
    return np.ascontiguousarray(columns[:2, order]), rank
