"""From the two probability maps of DCAN to instances."""

import numpy as np

from fcrbench.postprocess import instances
from fcrbench_baselines.dcan import kernels
from fcrbench_baselines.dcan.targets import disk


def fuse(scores: np.ndarray, *, smooth: int, min_size: int, grow: int) -> np.ndarray:
    """Instances of one image, (H, W) int32, 0 = background; Chen et al., Eq. 6 and their post-processing.

    scores    (2, H, W) float32, probability of object and of contour
    smooth    radius of the disk of the majority filter, 0 = none; pixels
    min_size  components of fewer pixels are dropped, before they grow
    grow      steps by which components grow over pixels with an object probability of 0.5 or more

    The mask is object >= 0.5 and contour < 0.5. Its 4-connected components, after a majority vote over the
    disk and with their holes filled, are the instances.
    """
    objects, contours = np.ascontiguousarray(scores, np.float32)
    mask = np.empty(objects.shape, np.uint8)
    kernels.fuse(objects, contours, mask)
    votes = np.empty((2, *mask.shape), np.float32)
    kernels.vote(mask, disk(smooth), votes)
    labels = instances(votes, background=0, min_size=min_size, fill_holes=True)
    if grow:
        kernels.grow(labels, objects, grow)
    return labels
