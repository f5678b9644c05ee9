"""Prepares annotated fields for training: resizes them and removes small objects if configured."""

from collections.abc import Callable, Iterable

import numpy as np

from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.datasets.relabel import consecutive
from fcrbench.training.augment import resize


def training_fields(
    samples: Iterable[Sample], config: TrainingConfig, normalize: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return an image (H, W) float32 and labels (H, W), integers with 0 = background, for each field.

    samples     are not changed
    config      `resize` and `min_object` are used, see TrainingConfig
    normalize   see Method; applied after resizing, because interpolation reduces the noise of an image
    """
    images, labels = [], []
    for sample in samples:
        image, truth = sample.image, sample.labels
        if config.resize:
            image, truth = resize(image.astype(np.float32), truth, config.resize)
        if config.min_object:
            truth = consecutive(truth, config.min_object)
        images.append(normalize(image))
        labels.append(truth)
    return images, labels
