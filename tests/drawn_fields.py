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


def three_discs():
    """An image of three bright discs, (40, 50) uint16, and its labels."""
    y, x = np.mgrid[:40, :50]
    labels = np.zeros((40, 50), np.uint16)
    for k, (cy, cx) in enumerate([(10, 12), (12, 36), (29, 20)], 1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= 36] = k
    image = np.where(labels > 0, 3000, 400) + np.random.default_rng(0).integers(0, 40, labels.shape)
    return image.astype(np.uint16), labels


def threshold(picture):
    low, high = float(picture.min()), float(picture.max())
    return ndimage.label(picture > (low + high) / 2)[0].astype(np.int32)
