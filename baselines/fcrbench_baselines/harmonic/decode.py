"""From embeddings to instances: mean shift inside the foreground (Section 3.3 of the paper)."""

import numpy as np

from fcrbench import postprocess
from fcrbench_baselines.grouping import group_pixels
from fcrbench_baselines.harmonic import kernels


def cluster(embedding: np.ndarray, foreground: np.ndarray, bandwidth: float, min_size: int = 1) -> np.ndarray:
    """Mean shift (flat kernel) of the embeddings in each 4-connected component of the foreground.

    embedding    (N, H, W) float32
    foreground   (H, W) bool
    bandwidth    radius of the window, in units of the guide functions
    min_size     a mode whose window holds fewer pixels is no cluster, unless there is none larger
    Returns (H, W) int32, 0 = background, one id a cluster.

    Seeds are the pixels of a component in raster order, save those within `bandwidth` of a mode that was
    found before; at most kernels.MAX_SEEDS of them. Modes within `bandwidth` of an earlier one are the same
    cluster, represented by that of more pixels. Then each pixel goes to the nearest mode.

    Clusters are sought in each component and not in the whole image because guide functions repeat: in a
    field that is larger than the crops they were fitted to, two nuclei far apart may share their values.

    Raises ValueError when the shapes do not fit.
    """
    if embedding.ndim != 3 or foreground.shape != embedding.shape[1:]:
        raise ValueError(
            f"embedding: expected (N, H, W) with the foreground's (H, W) = {foreground.shape}, "
            f"found {embedding.shape}"
        )
    components, count = postprocess.label(foreground.astype(np.uint8))
    pixels, first = group_pixels(components.reshape(-1), count)
    flat = np.ascontiguousarray(embedding, np.float32).reshape(len(embedding), -1)
    clusters = np.zeros(components.size, np.int32)
    kernels.cluster(flat, pixels, first, float(bandwidth), min_size, clusters)
    return clusters.reshape(foreground.shape)


def instances(scores: np.ndarray, bandwidth: float, min_size: int, fill_holes: bool) -> np.ndarray:
    """Instances (H, W) int32 from scores (N + 1, H, W): N of embedding, then foreground where positive.

    The connected components of each cluster of at least `min_size` pixels.
    """
    clusters = cluster(scores[:-1], scores[-1] > 0, bandwidth, min_size)
    labels = postprocess.remove_small(postprocess.label(clusters)[0], min_size)
    return postprocess.fill_holes(labels) if fill_holes else labels
