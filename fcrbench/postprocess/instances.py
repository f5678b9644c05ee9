"""From the scores of a network to a label image: argmax, components, small objects, holes."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.labels import on_device, on_host
from fcrbench.postprocess._classes import (
    MAX_CLASSES,
    class_map,
    doubt_map,
    flat_planes,
    margin_map,
    most_frequent,
)
from fcrbench.postprocess._kept import Least
from fcrbench.postprocess._places import placed
from fcrbench.postprocess._runs import (
    Runs,
    check_background_named,
    check_connectivity,
    check_join,
    check_out,
    label_components,
    refuse_out,
)


def instances(
    scores: ArrayLike,
    background: Literal["mode"] | int = "mode",
    connectivity: int = 1,
    min_size: int = 0,
    fill_holes: bool = False,
    join_doubt: float = 0.0,
    border_size: int = 0,
    min_margin: float = 0.0,
    sure_size: int = 100,
    *,
    out: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Label image of a colour-map network: the largest score's class per pixel, then connected components.

    Args:
        scores: (K, H, W) float16, float32 or float64, of tensors also bfloat16, one plane a class; logits,
            probabilities or any other monotone scale. On equal scores the lowest class wins. Infinite scores
            are allowed.
        background: the class that is background; "mode": the class of most pixels, the lowest one on a tie
            (the rule of the FCRNet authors; right only while background is the largest class).
        connectivity: 1, 4-connected; 2, 8-connected.
        min_size: objects of fewer pixels become background.
        fill_holes: afterwards give every hole to the object around it, see `postprocess.fill_holes`.
        join_doubt: before all else give objects that are pieces of a larger one to that one, those for which
            doubt * share^(1/4) >= join_doubt * ln(sqrt(size)) * ln(sqrt(larger)); 0, join none. `share` is
            the part of the object's edge that lies on the larger one (see `postprocess.join_fragments`),
            `doubt` the mean probability, by the softmax of the scores, of the second most likely class
            besides the background over the pixels on both sides of it: up to 0.5 where a colour fades into
            another within a nucleus, near 0 where two nuclei meet. `size` and `larger` are the pixels of the
            two: the more both have, the more they are objects of their own. Of several larger ones the one
            with the largest sum of doubt, then the one that comes first. Scores then are logits, and the
            background is a class.
        border_size: objects that touch the border of the image become background if they have fewer pixels.
        min_margin: objects of fewer pixels than sure_size become background where the score of a pixel's
            class less that of the background, see `postprocess.margin`, is less in the mean over their
            pixels; 0, none do. In logits 2.2 is a colour nine times as likely as the background. With a small
            `min_size`, small objects that the network is sure of stay, and larger ones that it is not sure of
            go. The background is a class.
        sure_size: see min_margin; in pixels.
        out: a C-contiguous (H, W) int32 array to write the labels to.

    Returns:
        (H, W) int32, out or a new array; 0 is background, ids 1..n in raster order of first pixel.

    Raises:
        TypeError: scores are not floating.
        ValueError: scores are not (K, H, W) with 1 <= K <= 256, or hold a NaN; background is no class;
            connectivity is neither 1 nor 2; a size, join_doubt or min_margin is negative, or one of these two
            given with the background "mode"; out has another shape, dtype or layout.

    A torch tensor on an accelerator gives a tensor there, computed there; `out` is for arrays only.
    """
    if on_device(scores):
        from fcrbench.postprocess import device

        refuse_out(out)
        tensor: Any = scores
        on_its_device: Any = device.instances(
            tensor,
            background,
            connectivity,
            min_size,
            fill_holes,
            join_doubt,
            border_size,
            min_margin,
            sure_size,
        )
        return on_its_device
    planes = _as_scores(scores)
    n_classes = planes.shape[0]
    if background != "mode" and not (
        isinstance(background, int | np.integer) and 0 <= background < n_classes
    ):
        raise ValueError(f'background: expected "mode" or a class 0..{n_classes - 1}, found {background!r}')
    check_connectivity(connectivity)
    least = Least(min_size, border_size, min_margin, sure_size)
    check_join(join_doubt)
    check_background_named(background, join_doubt=join_doubt, min_margin=min_margin)
    check_out(out, planes.shape[1:])
    if planes.size == 0:
        return np.zeros(planes.shape[1:], np.int32) if out is None else out

    flat = flat_planes(planes)
    classes = class_map(flat, planes.shape[1:])
    if background == "mode":
        background = most_frequent(classes, n_classes)
    if not (least.asks or fill_holes or join_doubt):
        return label_components(classes, int(background), connectivity, out)[0]
    runs = Runs.of_components(classes, int(background), connectivity)
    if join_doubt:
        runs.give(runs.contacts(runs.doubt(flat, int(background))).pieces_by_doubt(join_doubt))
    if least.asks:
        margins = runs.margins(flat, classes, int(background)) if min_margin else None
        runs.drop(least.met(runs.sizes(), runs.on_border(), margins))
    if fill_holes:
        runs.fill_holes()
    return runs.paint(out)


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
    planes = on_host(scores, "scores")
    if planes.dtype.kind != "f":
        raise TypeError(f"scores: expected a floating dtype, found {planes.dtype}")
    if planes.ndim != 3 or not 1 <= planes.shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"scores: expected shape (K, H, W) with 1 <= K <= {MAX_CLASSES}, found {planes.shape}"
        )
    return planes
