"""Annotated fields as the training takes them: resized where asked for, small objects left out."""

from collections.abc import Callable, Iterable

import numpy as np

from fcrbench.config import TrainingConfig
from fcrbench.datasets.base import Sample
from fcrbench.datasets.relabel import consecutive
from fcrbench.training.augment import resize


def training_fields(
    samples: Iterable[Sample], config: TrainingConfig, normalize: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images, (H, W) float32, and their labels, (H, W) integers with 0 = background, one of each a field.

    config      `resize` and `min_object` of it, see TrainingConfig; the samples themselves stay as they are
    normalize   see Method; of an image that has its size already, as interpolation takes some of its noise
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
