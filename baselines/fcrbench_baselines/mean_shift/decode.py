"""Clusters an embedding into instances by mean shift, in the whole image or by component."""

import numpy as np
from numpy.typing import NDArray

from fcrbench.postprocess import join_fragments, label
from fcrbench_baselines.mean_shift import kernels

SAMPLE = 2000  # number of pixels from which the axes of largest variance are estimated


def cluster(
    embedding: NDArray[np.float32],
    foreground: NDArray[np.bool_],
    bandwidth: float = 0.5,
    *,
    by_component: bool = False,
    join_contact: float = 0.0,
) -> NDArray[np.int32]:
    """Find the instances of one image by flat-kernel mean shift over the embedding of its foreground.

    The first free pixel in raster order is the seed of a cluster. The centre moves to the mean of all free
    pixels within the bandwidth until it no longer changes. The pixels that are then within the bandwidth form
    the cluster and are no longer free. This is repeated until no pixel is free (De Brabandere et al., 2017,
    section 2.3, where the seed is a random pixel).

    Args:
        embedding: (E, H, W) float32.
        foreground: (H, W) bool.
        bandwidth: largest distance of a pixel to the centre of its cluster, delta_v in the paper.
        by_component: cluster each 4-connected component of the foreground separately, and split clusters into
            connected instances. Distant objects may then have the same embedding.
        join_contact: an instance joins a larger one if this fraction of its edge touches it, see
            `fcrbench.postprocess.join_fragments`; 0 joins none. Pixels on the rim of an object are far from
            its mean and often form separate clusters.

    Returns:
        (H, W) int32 labels 1..n, 0 = background.

    Raises:
        ValueError: shapes do not match, the bandwidth is not positive, join_contact is not within 0..1, or a
            foreground pixel is not finite.
    """
    if embedding.ndim != 3 or foreground.shape != embedding.shape[1:]:
        raise ValueError(
            "expected embedding (E, H, W) and foreground (H, W), "
            f"found {embedding.shape} and {foreground.shape}"
        )
    if not bandwidth > 0:
        raise ValueError(f"bandwidth: expected a positive number, found {bandwidth}")
    groups, n_groups = label(foreground) if by_component else (foreground.astype(np.int32), 1)
    pixels, starts = kernels.group_pixels(groups.reshape(-1), n_groups)
    planes = np.ascontiguousarray(embedding, np.float32).reshape(len(embedding), -1)
    # Allocated by NumPy, which uses large pages: in Numba, page faults would cost more than the copying.
    rows = np.zeros((len(pixels), -(-len(planes) // kernels.LANES) * kernels.LANES), np.float32)
    kernels.gather_rows(planes, pixels, rows)
    if not np.isfinite(rows.sum()):
        raise ValueError("embedding: expected finite numbers in the foreground, found NaN or infinity")

    order = np.arange(len(pixels))
    axes = np.zeros((rows.shape[1], kernels.AXES), np.float32)
    keys = np.zeros((len(pixels), kernels.AXES), np.float32)
    if not by_component:  # a component has only a few hundred pixels, so no lookup is needed
        axes = _main_axes(rows)
        keys = rows @ axes
        order = np.argsort(keys[:, 0], kind="stable")
        keys = keys[order]
    clusters = np.zeros(len(pixels), np.int32)
    kernels.mean_shift(rows, keys, order, axes, starts, bandwidth, clusters)
    out = np.zeros(foreground.shape, np.int32)
    out.reshape(-1)[pixels] = clusters
    if by_component:
        out, _ = label(out)
    return join_fragments(out, join_contact) if join_contact else out


def _main_axes(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return orthonormal columns (E, AXES) along which the variance of a sample of the rows is largest."""
    sample = rows[:: max(1, len(rows) // SAMPLE)].astype(np.float64)
    if len(sample) < 2:
        return np.zeros((rows.shape[1], kernels.AXES), np.float32)
    axes: NDArray[np.float64] = np.linalg.eigh(np.cov(sample.T))[1][:, -kernels.AXES :]
    return np.ascontiguousarray(axes[:, ::-1], np.float32)
