"""From the scores of a network to a label image: argmax, components, small objects, holes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import is_on_accelerator, to_numpy
from fcrbench.postprocess._classes import (
    MAX_CLASSES,
    class_map,
    doubt_map,
    flat_planes,
    margin_map,
    most_frequent,
)
from fcrbench.postprocess._places import placed
from fcrbench.postprocess._runs import check_out, label_components, refuse_out
from fcrbench.postprocess.host import HostObjects
from fcrbench.postprocess.rules import InstanceRules, apply_rules, with_changes


def instances(
    scores: ArrayLike,
    rules: InstanceRules | None = None,
    *,
    out: NDArray[np.int32] | None = None,
    **changes: Any,
) -> NDArray[np.int32]:
    """Label image of a colour-map network: the class of the largest score per pixel, then its components.

    Args:
        scores: (K, H, W) float16, float32 or float64, of tensors also bfloat16, one plane per class; logits,
            probabilities or any other monotone scale. On equal scores the lowest class wins. Infinite scores
            are allowed.
        rules: the background, the connectivity and what becomes of the components; see `InstanceRules`.
            None stands for its defaults.
        out: a C-contiguous (H, W) int32 array that the labels are written to.
        **changes: attributes of the rules by name, as in `instances(scores, background=0, min_size=10)`.

    Returns:
        (H, W) int32, `out` or a new array; 0 is background, ids 1..n in raster order of first pixel.

    Raises:
        TypeError: scores are not floating, or a rule has another name.
        ValueError: scores are not (K, H, W) with 1 <= K <= 256, or hold a NaN; a rule is out of range;
            the background is not one of the classes; `out` has another shape, dtype or layout.

    A torch tensor on an accelerator gives a tensor there, computed there; `out` is for arrays only.
    """
    rules = with_changes(rules, changes)
    if is_on_accelerator(scores):
        from fcrbench.postprocess import device

        refuse_out(out)
        tensor: Any = scores
        on_its_device: Any = device.instances(tensor, rules)
        return on_its_device
    planes = _as_scores(scores)
    n_classes = planes.shape[0]
    rules.check_background(n_classes)
    check_out(out, planes.shape[1:])
    if planes.size == 0:
        return np.zeros(planes.shape[1:], np.int32) if out is None else out

    flat = flat_planes(planes)
    classes = class_map(flat, planes.shape[1:])
    background = most_frequent(classes, n_classes) if rules.background == "mode" else int(rules.background)
    if not rules.changes_components:
        return label_components(classes, background, rules.connectivity, out)[0]
    objects = HostObjects(classes, flat, background, rules.connectivity)
    apply_rules(rules, objects)
    return objects.labels(out)


def doubt(scores: ArrayLike, background: int) -> NDArray[np.uint8]:
    """How undecided every pixel is between two colours, what `join_doubt` of `instances` sums along borders.

    Args:
        scores: (K, H, W) logits as for `instances`.
        background: the class that is background.

    Returns:
        (H, W) uint8: 255 times the probability (softmax) of the second most likely class besides the
        background.

    Raises:
        TypeError, ValueError: as `instances`.

    A torch tensor on an accelerator is copied to the host and gives a tensor where it is.
    """
    planes = _as_scores_beside(background, scores)
    return placed(doubt_map(flat_planes(planes), planes.shape[1:], background), scores)


def margin(scores: ArrayLike, background: int) -> NDArray[np.uint8]:
    """By how much the class of every pixel beats the background, what `min_margin` of `instances` averages.

    Args:
        scores: (K, H, W) as for `instances`.
        background: the class that is background.

    Returns:
        (H, W) uint8: 16 times the largest score less that of the background, at most 255.

    Raises:
        TypeError, ValueError: as `instances`.

    A torch tensor on an accelerator is copied to the host and gives a tensor where it is.
    """
    planes = _as_scores_beside(background, scores)
    flat = flat_planes(planes)
    return placed(margin_map(flat, class_map(flat, planes.shape[1:]), background), scores)


def _as_scores_beside(background: int, scores: ArrayLike) -> NDArray:
    planes = _as_scores(scores)
    if not 0 <= background < len(planes):
        raise ValueError(f"background: expected a class 0..{len(planes) - 1}, found {background!r}")
    if np.isnan(planes).any():
        raise ValueError("scores: expected numbers, found NaN")
    return planes


def _as_scores(scores: ArrayLike) -> NDArray:
    planes = to_numpy(scores, "scores")
    if planes.dtype.kind != "f":
        raise TypeError(f"scores: expected a floating dtype, found {planes.dtype}")
    if planes.ndim != 3 or not 1 <= planes.shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"scores: expected shape (K, H, W) with 1 <= K <= {MAX_CLASSES}, found {planes.shape}"
        )
    return planes
