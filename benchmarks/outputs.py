"""Simulated outputs of the networks of all methods, made from the truth of a field with noise."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import scenes

Output = NDArray[np.float32]
NOISE = 0.1


def blurred_image(labels: NDArray[np.int32]) -> Output:
    """Return (1, H, W), an image of blurred bright nuclei, for methods without a network."""
    return _add_noise(ndimage.gaussian_filter((labels > 0) * 1.0, 1)[None], 0.05)


def color_scores(labels: NDArray[np.int32]) -> Output:
    """Return (4, H, W), the scores of FCRNet."""
    return scenes.scores(scenes.color_map(labels))


def objects_and_contours(labels: NDArray[np.int32]) -> Output:
    """Return (2, H, W), the probabilities of objects and contours of DCAN."""
    contour = (ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)) & (labels > 0)
    return np.clip(_add_noise(np.stack([labels > 0, contour]), NOISE), 0, 1)


def discriminative_embedding(labels: NDArray[np.int32], dimensions: int = 32) -> Output:
    """Return (2 + 32, H, W), foreground logits and an embedding with a low Discriminative Loss."""
    means = np.random.default_rng(0).normal(0, 2.5, (labels.max() + 1, dimensions))
    foreground = np.where(labels > 0, 1.0, -1.0)
    return np.concatenate(
        [np.stack([-foreground, foreground]).astype(np.float32), _add_noise(_planes(means, labels), 0.05)]
    )


def harmonic_embedding(labels: NDArray[np.int32], guides: int = 12) -> Output:
    """Return (12 + 1, H, W), mean guide values and the foreground logit of Harmonic Embedding."""
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
    return np.concatenate([_add_noise(_planes(means, labels), NOISE), foreground])


SIMULATED_OUTPUTS: dict[str, Callable[[NDArray[np.int32]], Output]] = {
    "fcrnet": color_scores,
    "classical": blurred_image,
    "dcan": objects_and_contours,
    "discriminative": discriminative_embedding,
    "harmonic": harmonic_embedding,
}


def _planes(means: NDArray, labels: NDArray[np.int32]) -> NDArray:
    """Return planes (E, H, W) with the values (objects, E) of each object."""
    return np.moveaxis(means[labels], -1, 0)


def _add_noise(planes: NDArray, deviation: float) -> Output:
    return (planes + np.random.default_rng(1).normal(0, deviation, planes.shape)).astype(np.float32)
