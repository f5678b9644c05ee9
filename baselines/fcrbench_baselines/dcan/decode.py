"""Converts the two probability maps of DCAN to instances."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess import instances, join_fragments, label
from fcrbench_baselines.dcan import kernels
from fcrbench_baselines.dcan.targets import disk


def fuse(
    scores: NDArray[np.float32],
    *,
    contour_threshold: float = 0.5,
    smooth: int = 0,
    min_core: int = 0,
    grow: bool = True,
    join_contact: float = 0.0,
) -> NDArray[np.int32]:
    """Fuse the maps of one image into instances, (H, W) int32, 0 = background (Chen et al., Eq. 6).

    scores             (2, H, W) float32, probability of object and of contour
    contour_threshold  a pixel is a contour if its probability is at least this
    smooth             radius of the disk of the majority filter, 0 = none; pixels
    min_core           smaller cores are dropped; pixels
    grow               whether cores grow, all at the same pace, until they fill the object map
    join_contact       an instance joins a larger one if this fraction of its edge touches it, see
                       `postprocess.join_fragments`; 0 joins none

    Cores are the 4-connected components of object >= 0.5 and contour < contour_threshold after a majority
    vote over the disk; their holes are filled. Without `grow` they are the instances. With it, the rest of
    the object map, objects so small that they are all contour, becomes instances too.
    """
    objects, contours = np.ascontiguousarray(scores, np.float32)
    mask = np.empty(objects.shape, np.uint8)
    kernels.mark_cores(objects, contours, np.float32(contour_threshold), mask)
    votes = np.empty((2, *mask.shape), np.float32)
    kernels.count_votes(mask, disk(smooth), votes)
    labels = instances(votes, background=0, min_size=min_core, fill_holes=True)
    if grow:
        inside = objects >= 0.5
        kernels.grow_labels(labels, inside)
        rest, _ = label(inside & (labels == 0), connectivity=2)
        np.add(rest, labels.max(initial=0), out=labels, where=rest > 0)
    return join_fragments(labels, join_contact) if join_contact else labels
