"""From the scores of a network to a label image: argmax, connected components, rules for objects."""

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
    most_frequent_class,
)
from fcrbench.postprocess._devices import to_device_of
from fcrbench.postprocess._runs import check_out, label_components, refuse_out
from fcrbench.postprocess.host import HostObjects
from fcrbench.postprocess.rules import InstanceRules, apply_rules, updated_rules


def instances(
    scores: ArrayLike,
    rules: InstanceRules | None = None,
    *,
    out: NDArray[np.int32] | None = None,
    **changes: Any,
) -> NDArray[np.int32]:
    """Turn the scores of a network that predicts a colour map into a label image.

    The class of a pixel is the one with the largest score. Instances are the connected components of each
    class other than the background, after the rules are applied.

    Args:
        scores: (K, H, W) float16, float32 or float64, for tensors also bfloat16, with one plane per class.
            They may be logits, probabilities or on any other monotone scale. The lowest class wins on a tie.
            Infinite scores are allowed.
        rules: the background, the connectivity and the rules for components; see `InstanceRules`. None stands
            for the default rules.
        out: a C-contiguous (H, W) int32 array to write the labels to.
        **changes: attributes of the rules to change, as in `instances(scores, background=0, min_size=10)`.

    Returns:
        (H, W) int32, `out` or a new array; 0 is background, ids 1..n in raster order of first pixel.

    Raises:
        TypeError: scores are not floating, or a keyword is not the name of a rule.
        ValueError: scores are not (K, H, W) with 1 <= K <= 256, or contain NaN; a rule is out of range; the
            background is not one of the classes; `out` has another shape, dtype or layout.

    For a torch tensor on an accelerator, the result is computed there and is a tensor there; `out` is for
    arrays only.
    """
    rules = updated_rules(rules, changes)
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
    background = (
        most_frequent_class(classes, n_classes) if rules.background == "mode" else int(rules.background)
    )
    if not rules.changes_components:
        return label_components(classes, background, rules.connectivity, out)[0]
    objects = HostObjects(classes, flat, background, rules.connectivity)
    apply_rules(rules, objects)
    return objects.labels(out)


def doubt(scores: ArrayLike, background: int) -> NDArray[np.uint8]:
    """Compute how undecided every pixel is between two colours, which `join_doubt` of `instances` uses.

    Args:
        scores: (K, H, W) logits as for `instances`.
        background: the class that is background.

    Returns:
        (H, W) uint8: 255 times the probability (softmax) of the second most likely class besides the
        background.

    Raises:
        TypeError, ValueError: as `instances` does.

    A torch tensor on an accelerator is copied to the host, and the result is a tensor on its device.
    """
    planes = _check_scores(background, scores)
    return to_device_of(doubt_map(flat_planes(planes), planes.shape[1:], background), scores)


def margin(scores: ArrayLike, background: int) -> NDArray[np.uint8]:
    """Compute the lead of every pixel's class over the background, which `min_margin` of `instances` uses.

    Args:
        scores: (K, H, W) as for `instances`.
        background: the class that is background.

    Returns:
        (H, W) uint8: 16 times the difference of the largest score and that of the background, at most 255.

    Raises:
        TypeError, ValueError: as `instances` does.

    A torch tensor on an accelerator is copied to the host, and the result is a tensor on its device.
    """
    planes = _check_scores(background, scores)
    flat = flat_planes(planes)
    return to_device_of(margin_map(flat, class_map(flat, planes.shape[1:]), background), scores)


def _check_scores(background: int, scores: ArrayLike) -> NDArray:
    """Return the scores as an array. Raises ValueError if the background is not one of the classes."""
    planes = _as_scores(scores)
    if not 0 <= background < len(planes):
        raise ValueError(f"background: expected a class 0..{len(planes) - 1}, found {background!r}")
    if np.isnan(planes).any():
        raise ValueError("scores: expected numbers, found NaN")
    return planes


def _as_scores(scores: ArrayLike) -> NDArray:
    """Return the scores as a floating array (K, H, W). Raises TypeError or ValueError if they are not."""
    planes = to_numpy(scores, "scores")
    if planes.dtype.kind != "f":
        raise TypeError(f"scores: expected a floating dtype, found {planes.dtype}")
    if planes.ndim != 3 or not 1 <= planes.shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"scores: expected shape (K, H, W) with 1 <= K <= {MAX_CLASSES}, found {planes.shape}"
        )
    return planes
