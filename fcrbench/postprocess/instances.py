"""From the scores of a network to a label image: argmax, components, small objects, holes."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.kernels import argmax as argmax_kernel
from fcrbench.kernels._arrays import writable
from fcrbench.labels import on_device
from fcrbench.postprocess._runs import (
    Runs,
    check_connectivity,
    check_contact,
    check_min_size,
    check_out,
    label_components,
    refuse_out,
)

MAX_CLASSES = 256


def instances(
    scores: ArrayLike,
    background: Literal["mode"] | int = "mode",
    connectivity: int = 1,
    min_size: int = 0,
    fill_holes: bool = False,
    join_contact: float = 0.0,
    *,
    out: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Label image of a colour-map network: the largest score's class per pixel, then connected components.

    Args:
        scores: (K, H, W) float16, float32 or float64, one plane a class; logits, probabilities or any other
            monotone scale. On equal scores the lowest class wins. Infinite scores are allowed.
        background: the class that is background; "mode": the class of most pixels, the lowest one on a tie
            (the rule of the FCRNet authors; right only while background is the largest class).
        connectivity: 1, 4-connected; 2, 8-connected.
        min_size: objects of fewer pixels become background.
        fill_holes: afterwards give every hole to the object around it, see `postprocess.fill_holes`.
        join_contact: before all else give objects with this share of their edge on a larger one to that one,
            see `postprocess.join_fragments`; 0, join none.
        out: a C-contiguous (H, W) int32 array to write the labels to.

    Returns:
        (H, W) int32, out or a new array; 0 is background, ids 1..n in raster order of first pixel.

    Raises:
        TypeError: scores are not floating.
        ValueError: scores are not (K, H, W) with 1 <= K <= 256, or hold a NaN; background is no class;
            connectivity is neither 1 nor 2; min_size is negative;
            join_contact is not within 0..1; out has another shape, dtype or layout.

    A torch tensor on an accelerator gives a tensor there, computed there; `out` is for arrays only.
    """
    if on_device(scores):
        from fcrbench.postprocess import device

        refuse_out(out)
        tensor: Any = scores
        on_its_device: Any = device.instances(
            tensor, background, connectivity, min_size, fill_holes, join_contact
        )
        return on_its_device
    planes = np.asarray(scores)
    if planes.dtype.kind != "f":
        raise TypeError(f"scores: expected a floating dtype, found {planes.dtype}")
    if planes.ndim != 3 or not 1 <= planes.shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"scores: expected shape (K, H, W) with 1 <= K <= {MAX_CLASSES}, found {planes.shape}"
        )
    n_classes = planes.shape[0]
    if background != "mode" and not (
        isinstance(background, int | np.integer) and 0 <= background < n_classes
    ):
        raise ValueError(f'background: expected "mode" or a class 0..{n_classes - 1}, found {background!r}')
    check_connectivity(connectivity)
    check_min_size(min_size)
    if join_contact:
        check_contact(join_contact, "join_contact")
    check_out(out, planes.shape[1:])
    if planes.size == 0:
        return np.zeros(planes.shape[1:], np.int32) if out is None else out

    classes = _class_map(planes)
    if background == "mode":
        background = _most_frequent(classes, n_classes)
    if min_size <= 1 and not fill_holes and not join_contact:
        return label_components(classes, int(background), connectivity, out)[0]
    runs = Runs.of_components(classes, int(background), connectivity)
    if join_contact:
        runs.join_fragments(join_contact)
    if min_size > 1:
        runs.drop_small(min_size)
    if fill_holes:
        runs.fill_holes()
    return runs.paint(out)


def _class_map(planes: NDArray) -> NDArray[np.uint8]:
    # Two compiled versions: float16 holds nothing that float32 cannot, anything wider goes to float64.
    dtype = np.float32 if planes.dtype.itemsize <= 4 else np.float64
    flat = writable(np.ascontiguousarray(planes, dtype).reshape(len(planes), -1))
    classes = np.empty(planes.shape[1:], np.uint8)
    if not argmax_kernel.argmax_planes(flat, classes.reshape(-1)):
        n_nan = int(np.isnan(planes).any(axis=0).sum())
        raise ValueError(f"scores: expected numbers, found NaN in {n_nan} of {classes.size} pixels")
    return classes


def _most_frequent(classes: NDArray[np.uint8], n_classes: int) -> int:
    """The class of most pixels, the lowest one on a tie."""
    counts = np.empty(n_classes, np.int64)
    argmax_kernel.count_classes(classes.reshape(-1), counts)
    return int(counts.argmax())
