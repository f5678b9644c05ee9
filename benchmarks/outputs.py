"""What the networks of the methods might say of a field, made from its truth with noise; none is run."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import scenes

Output = NDArray[np.float32]
NOISE = 0.1


def image(labels: NDArray[np.int32]) -> Output:
    """(1, H, W): blurred bright nuclei, for methods without a network."""
    return _noisy(ndimage.gaussian_filter((labels > 0) * 1.0, 1)[None], 0.05)


def colors(labels: NDArray[np.int32]) -> Output:
    """(4, H, W): FCRNet."""
    return scenes.scores(scenes.color_map(labels))


def objects_and_contours(labels: NDArray[np.int32]) -> Output:
    """(2, H, W): probabilities of DCAN."""
    contour = (ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)) & (labels > 0)
    return np.clip(_noisy(np.stack([labels > 0, contour]), NOISE), 0, 1)


def far_means(labels: NDArray[np.int32], dimensions: int = 32) -> Output:
    """(2 + 32, H, W): foreground logits, and an embedding that the Discriminative Loss is content with."""
    means = np.random.default_rng(0).normal(0, 2.5, (labels.max() + 1, dimensions))
    foreground = np.where(labels > 0, 1.0, -1.0)
    return np.concatenate(
        [np.stack([-foreground, foreground]).astype(np.float32), _noisy(_planes(means, labels), 0.05)]
    )


def mean_guides(labels: NDArray[np.int32], guides: int = 12) -> Output:
    """(12 + 1, H, W): mean guide values of each object, and the foreground logit, for Harmonic Embedding."""
    rng = np.random.default_rng(0)
    y, x = np.indices(labels.shape)
    ids = np.arange(labels.max() + 1)
    means = np.stack(
        [
            ndimage.mean(np.sin(a * x + b * y + c), labels, ids)
            for a, b, c in rng.uniform(0.02, 0.2, (guides, 3))
        ],
        axis=1,
    )
    foreground = np.where(labels > 0, 1.0, -1.0)[None].astype(np.float32)
    return np.concatenate([_noisy(_planes(means, labels), NOISE), foreground])


OF: dict[str, Callable[[NDArray[np.int32]], Output]] = {
    "fcrnet": colors,
    "classical": image,
    "dcan": objects_and_contours,
    "discriminative": far_means,
    "harmonic": mean_guides,
}


def _planes(means: NDArray, labels: NDArray[np.int32]) -> NDArray:
    """(E, H, W) of (objects, E)."""
    return np.moveaxis(means[labels], -1, 0)


def _noisy(planes: NDArray, deviation: float) -> Output:
    return (planes + np.random.default_rng(1).normal(0, deviation, planes.shape)).astype(np.float32)
