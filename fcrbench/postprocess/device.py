"""Label images of tensors on an accelerator: `label` and `instances` in torch.

Rules and ids are the same as for arrays, and the result stays on the device. The runs of equal pixels in the
rows are the nodes of a graph. Its components are found by hooking larger roots to smaller ones and jumping to
the root (after Shiloach and Vishkin 1982), in a few passes over all runs at once.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor

from fcrbench.kernels.contacts import MAX_DOUBT
from fcrbench.kernels.margins import UNITS_PER_SCORE
from fcrbench.postprocess._classes import MAX_CLASSES
from fcrbench.postprocess.rules import (
    InstanceRules,
    ObjectFilter,
    apply_rules,
    check_connectivity,
    updated_rules,
)


def label(class_map: Tensor, background: int | None = 0, connectivity: int = 1) -> tuple[Tensor, int]:
    """Do `postprocess.label` for an integer tensor (H, W) or (D, H, W) on its device.

    Returns int32 labels on the device, and the number of objects.

    Raises TypeError and ValueError as `postprocess.label` does.
    """
    if class_map.is_floating_point() or class_map.is_complex():
        raise TypeError(f"class_map: expected an array of an integer dtype, found {class_map.dtype}")
    if class_map.ndim not in (2, 3):
        raise ValueError(
            "class_map: expected a 2-D array (H, W) or a 3-D array (D, H, W), found shape "
            f"{tuple(class_map.shape)}"
        )
    check_connectivity(connectivity, class_map.ndim)
    if background is not None and not _can_hold(class_map.dtype, background):
        background = None
    if class_map.dtype == torch.uint64:  # equality needs the bits only
        class_map = class_map.view(torch.int64)
        background = background - 2**64 if background is not None and background >= 2**63 else background
    labels, n = _label_components(class_map.to(torch.int64), background, connectivity)
    return labels.to(torch.int32), n


def instances(scores: Tensor, rules: InstanceRules | None = None, **changes: Any) -> Tensor:
    """Do `postprocess.instances` for a floating tensor (K, H, W); returns (H, W) int32 labels on its device.

    Raises TypeError and ValueError as `postprocess.instances` does.
    """
    rules = updated_rules(rules, changes)
    if not scores.is_floating_point():
        raise TypeError(f"scores: expected a floating dtype, found {scores.dtype}")
    if scores.ndim != 3 or not 1 <= scores.shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"scores: expected shape (K, H, W) with 1 <= K <= {MAX_CLASSES}, found {tuple(scores.shape)}"
        )
    rules.check_background(len(scores))
    if scores.numel() == 0:
        return torch.zeros(scores.shape[1:], dtype=torch.int32, device=scores.device)
    objects = DeviceObjects(scores.detach(), rules)
    apply_rules(rules, objects)
    return objects.labels.to(torch.int32)


class DeviceObjects:
    """The connected components of the class map of scores on a device; see `rules.Objects`.

    Attributes:
        labels: (H, W) int64, ids 1..count in raster order of first pixel.
    """

    def __init__(self, scores: Tensor, rules: InstanceRules) -> None:
        self.scores = scores
        self.best, classes = scores.max(dim=0)  # the first class on a tie; NaN counts as the largest
        if bool(self.best.isnan().any()):
            n_nan = int(self.best.isnan().sum())
            raise ValueError(f"scores: expected numbers, found NaN in {n_nan} of {self.best.numel()} pixels")
        if rules.background == "mode":
            self.background = int(torch.bincount(classes.reshape(-1), minlength=len(scores)).argmax())
        else:
            self.background = int(rules.background)
        self.labels, self.count = _label_components(classes, self.background, rules.connectivity)

    def join_fragments(self, join_doubt: float) -> None:
        doubt = _doubt_map(self.scores, self.background)
        self.labels, self.count = _join_fragments(self.labels, self.count, doubt, join_doubt)

    def apply_filter(self, object_filter: ObjectFilter) -> None:
        lead = self.best.double() - self.scores[self.background].double()
        self.labels = _filter_objects(self.labels, self.count, object_filter, lead)

    def fill_holes(self) -> None:
        self.labels = _fill_holes(self.labels)


def class_planes(scores: Tensor, background: Literal["mode"] | int) -> Tensor:
    """Return class, `postprocess.doubt` and `postprocess.margin` of every pixel, (3, H, W) uint8 on the
    device.

    scores  (K, H, W) floating; NaN is not looked for

    The class is the lowest one on a tie. Doubt and margin are 0 with the background "mode".
    """
    if len(scores) > MAX_CLASSES:
        raise ValueError(f"scores: expected at most {MAX_CLASSES} classes, found {len(scores)}")
    best, classes = scores.max(dim=0)
    if background == "mode":
        return torch.stack([classes, *2 * [torch.zeros_like(classes)]]).to(torch.uint8)
    lead = best.double() - scores[background].double()
    return torch.stack([classes, _doubt_map(scores, background), _margin_map(lead)]).to(torch.uint8)


def _can_hold(dtype: torch.dtype, value: int) -> bool:
    low, high = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
    return low <= value <= high


def _label_components(values: Tensor, background: int | None, connectivity: int) -> tuple[Tensor, int]:
    """Return int64 labels, 1..n in raster order of first pixel and 0 for background, and n."""
    if values.numel() == 0:
        return torch.zeros_like(values), 0
    starts = torch.ones_like(values, dtype=torch.bool)
    starts[..., 1:] = values[..., 1:] != values[..., :-1]
    run = (starts.reshape(-1).cumsum(0) - 1).reshape(values.shape)  # the run of each pixel
    value_of_run = values[starts]
    is_object = (
        torch.ones_like(value_of_run, dtype=torch.bool) if background is None else value_of_run != background
    )

    edges = []
    for here, there, over_corners in _neighbour_rows(values.ndim, connectivity):
        (v, w), (s, t), (r, q) = ((x[here], x[there]) for x in (values, starts, run))
        # One edge for each two runs that touch, at the pixel where the later one starts.
        edges.append(_select_edges(r, q, (v == w) & (s | t)))
        if over_corners:
            # Runs that touch over a corner only both start at the corner.
            corner = s[..., 1:] & t[..., 1:]
            edges.append(_select_edges(r[..., :-1], q[..., 1:], (v[..., :-1] == w[..., 1:]) & corner))
            edges.append(_select_edges(r[..., 1:], q[..., :-1], (v[..., 1:] == w[..., :-1]) & corner))
    pairs = torch.cat(edges, dim=1)
    root = _find_roots(len(value_of_run), pairs[:, is_object[pairs[0]]])

    first = is_object & (root == torch.arange(len(root), device=root.device))
    ids = first.cumsum(0)
    ids = torch.where(is_object, ids[root], 0)
    return ids[run], int(first.sum())


def _neighbour_rows(n_dim: int, connectivity: int) -> Iterator[tuple[tuple, tuple, bool]]:
    """Yield slices of rows, of the later rows beside them, and whether these touch over corners, too."""
    after, before, same = slice(1, None), slice(None, -1), slice(None)
    for step in product((-1, 0, 1), repeat=n_dim - 1):
        axes = sum(map(abs, step))
        if step > (0,) * len(step) and axes <= connectivity:
            here = tuple({-1: after, 0: same, 1: before}[d] for d in step)
            there = tuple({-1: before, 0: same, 1: after}[d] for d in step)
            yield here, there, axes < connectivity


def _select_edges(one: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    return torch.stack([one[mask], other[mask]])


def _find_roots(n: int, pairs: Tensor) -> Tensor:
    """Return (n,) the smallest node of each node's component, in a graph with edges (2, m)."""
    root = torch.arange(n, device=pairs.device)
    while True:
        ends = root[pairs]
        low, high = ends.amin(0), ends.amax(0)
        apart = low != high
        if not bool(apart.any()):
            return root
        pairs, low, high = pairs[:, apart], low[apart], high[apart]
        root.scatter_reduce_(0, high, low, "amin")  # sets roots to smaller nodes only, so no cycle
        while True:
            shorter = root[root]
            if torch.equal(shorter, root):
                break
            root = shorter


def _doubt_map(scores: Tensor, background: int) -> Tensor:
    """Return (H, W) int64, the values of `kernels.contacts.compute_doubts`."""
    others = torch.cat([scores[:background], scores[background + 1 :]])
    if len(others) < 2:
        return torch.zeros(scores.shape[1:], dtype=torch.int64, device=scores.device)
    second = others.double().topk(2, dim=0).values[1]
    largest = scores.double().amax(dim=0)
    share_if_infinite = torch.where(second == largest, 1 / (scores == torch.inf).sum(dim=0), 0.0)
    softmax = (second - largest).exp() / (scores.double() - largest).exp().sum(dim=0)
    share = torch.where(largest == torch.inf, share_if_infinite, softmax)
    return torch.where(second == -torch.inf, 0.0, MAX_DOUBT * share + 0.5).to(torch.int64)


def _join_fragments(labels: Tensor, n: int, doubt: Tensor, join_doubt: float) -> tuple[Tensor, int]:
    """Join pieces to larger objects; return int64 labels 1..m in raster order, and m. See `InstanceRules`."""
    one = torch.cat([labels[:-1].reshape(-1), labels[:, :-1].reshape(-1)])
    other = torch.cat([labels[1:].reshape(-1), labels[:, 1:].reshape(-1)])
    side_doubt = torch.cat([(doubt[:-1] + doubt[1:]).reshape(-1), (doubt[:, :-1] + doubt[:, 1:]).reshape(-1)])
    apart = one != other
    one, other = torch.cat([one[apart], other[apart]]), torch.cat([other[apart], one[apart]])
    edge = torch.bincount(one, minlength=n + 1)
    # Pairs are in the order of their ids.
    pairs, index, sides = torch.unique(one * (n + 1) + other, return_inverse=True, return_counts=True)
    strength = torch.zeros_like(pairs).scatter_add_(0, index, side_doubt[apart].repeat(2))
    one, other = pairs // (n + 1), pairs % (n + 1)
    size = torch.bincount(labels.reshape(-1), minlength=n + 1)
    larger = (size[other] > size[one]) | ((size[other] == size[one]) & (other < one))
    mean = strength.double() / (2 * MAX_DOUBT * sides)
    needed = join_doubt * size[one].double().log() * size[other].double().log() / 4
    is_piece = mean * (sides.double() / edge[one]).sqrt().sqrt() >= needed
    at = (one > 0) & (other > 0) & larger & is_piece
    one, other, strength = one[at], other[at], strength[at]
    most = torch.zeros_like(size).scatter_reduce_(0, one, strength, "amax")
    at = strength == most[one]
    owner = torch.arange(n + 1, device=labels.device)
    owner.scatter_reduce_(0, one[at], other[at], "amin", include_self=False)
    while not torch.equal(owner[owner], owner):
        owner = owner[owner]
    labels = owner[labels]
    first = torch.full((n + 1,), labels.numel(), device=labels.device)
    first.scatter_reduce_(0, labels.reshape(-1), torch.arange(labels.numel(), device=labels.device), "amin")
    first[0] = -1
    m = int((first < labels.numel()).sum()) - 1
    new_id = torch.empty_like(owner)
    new_id[first.argsort()] = torch.arange(n + 1, device=labels.device)
    return new_id[labels], m


def _margin_map(lead: Tensor) -> Tensor:
    """Return (H, W) int64, the values of `kernels.margins.compute_margins`.

    lead: the largest score minus the score of the background.
    """
    margins = UNITS_PER_SCORE * lead.clamp(max=255 / UNITS_PER_SCORE) + 0.5
    return torch.where(lead > 0, margins, 0.0).to(torch.int64)


def _filter_objects(labels: Tensor, n: int, object_filter: ObjectFilter, lead: Tensor) -> Tensor:
    """Return the labels of the objects that the filter keeps, renumbered; lead: as in `_margin_map`."""
    sizes = torch.bincount(labels.reshape(-1), minlength=n + 1)
    on_border = torch.zeros_like(sizes, dtype=torch.bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        on_border[side] = True
    margins = torch.zeros_like(sizes).scatter_add_(0, labels.reshape(-1), _margin_map(lead).reshape(-1))
    kept = object_filter.keeps(sizes, on_border, margins)
    kept[0] = False
    return torch.where(kept, kept.cumsum(0), 0)[labels]


def _fill_holes(labels: Tensor) -> Tensor:
    """Fill 4-connected background regions that touch exactly one object and not the border of the image."""
    regions, n = _label_components((labels == 0).to(torch.int64), 0, 1)
    low = torch.full((n + 1,), torch.iinfo(torch.int64).max, device=labels.device)
    high = torch.zeros_like(low)
    for a, b in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
        for region, beside in ((regions[a], labels[b]), (regions[:, a], labels[:, b])):
            at = (region > 0) & (beside > 0)
            low.scatter_reduce_(0, region[at], beside[at], "amin")
            high.scatter_reduce_(0, region[at], beside[at], "amax")
    for side in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        high[side] = 0
    owner = torch.where(low == high, high, 0)
    return torch.where(regions > 0, owner[regions], labels)
