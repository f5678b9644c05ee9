"""From the two probability maps of DCAN to instances."""

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
    """Instances of one image, (H, W) int32, 0 = background; Chen et al., Eq. 6 and their post-processing.

    scores             (2, H, W) float32, probability of object and of contour
    contour_threshold  contours are where their probability is this or more
    smooth             radius of the disk of the majority filter, 0 = none; pixels
    min_core           cores of fewer pixels are none
    grow               whether cores grow, all at the same pace, until the object map is filled
    join_contact       instances with this share of their edge on a larger one join it, see
                       `postprocess.join_fragments`; 0, none do

    Cores are the 4-connected components of object >= 0.5 and contour < contour_threshold after a majority
    vote over the disk, their holes filled. They are the instances, or grow to them; then what is left of the
    object map, objects so small that they are all contour, are instances of their own.
    """
    objects, contours = np.ascontiguousarray(scores, np.float32)
    mask = np.empty(objects.shape, np.uint8)
    kernels.fuse(objects, contours, np.float32(contour_threshold), mask)
    votes = np.empty((2, *mask.shape), np.float32)
    kernels.vote(mask, disk(smooth), votes)
    labels = instances(votes, background=0, min_size=min_core, fill_holes=True)
    if grow:
        inside = objects >= 0.5
        kernels.grow(labels, inside)
        alone, _ = label(inside & (labels == 0), connectivity=2)
        np.add(alone, labels.max(initial=0), out=labels, where=alone > 0)
    return join_fragments(labels, join_contact) if join_contact else labels
