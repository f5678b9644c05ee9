"""Drawn fields of square nuclei, and a method that finds them."""

import numpy as np
from scipy import ndimage

from fcrbench.datasets import Sample


def blocks(n=4):
    """Fields of bright squares on black with a little noise, and a method that takes what is above half."""
    fields = []
    for k in range(n):
        labels = np.zeros((48, 40), np.int32)
        for i in range(4):
            labels[4 + 11 * i : 11 + 11 * i, 5 + k : 14 + k] = i + 1
        picture = np.where(labels > 0, 2000, 100) + np.random.default_rng(k).integers(0, 50, labels.shape)
        fields.append(Sample(f"field{k}", picture.astype(np.uint16), labels))
    return fields


def threshold(picture):
    low, high = float(picture.min()), float(picture.max())
    return ndimage.label(picture > (low + high) / 2)[0].astype(np.int32)
