"""Pairs of real truth and prediction that are the same on every machine.

They are computed from integers without random numbers, so that values recorded from other programs stay
comparable.
"""

from __future__ import annotations

import numpy as np

from fcrbench import datasets, postprocess

NAMES = [f"{kind}{k}" for kind in ("damaged", "threshold") for k in range(3)]


def real_pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction, int32 with ids 1..n, of an embedded validation field.

    damaged: the prediction is the truth moved by (2, 1) pixels, with some nuclei lost, joined or cut, and one
        small object added.
    threshold: the prediction is the 8-connected components of the pixels brighter than the mean.
    """
    sample = datasets.create("sample")
    field = sample.load(sample.splits["val"][int(name[-1])])
    truth = postprocess.remove_small(field.labels, 1)
    if name.startswith("damaged"):
        return truth, damaged(truth)
    bright = field.image > field.image.sum(dtype=np.int64) // field.image.size
    return truth, postprocess.remove_small(postprocess.label(bright, connectivity=2)[0], 10)


def damaged(truth: np.ndarray) -> np.ndarray:
    pred = np.roll(truth, (2, 1), (0, 1))
    for k in range(1, int(truth.max()) + 1):
        where = pred == k
        if k % 9 == 0:
            pred[where] = 0
        elif k % 7 == 1:
            pred[where] = k + 1
        elif k % 5 == 3:
            rows, columns = np.nonzero(where)
            right = columns > columns.sum() // len(columns)
            pred[rows[right], columns[right]] = truth.max() + k
    pred[:9, :9] = 3 * truth.max()
    return postprocess.remove_small(pred, 1)


def size_classes(labels: np.ndarray) -> dict[int, int]:
    """Return class 1, 2 or 3 of each object by area, so that a well-found nucleus usually keeps it."""
    areas = np.bincount(labels.ravel())
    return {k: min(1 + int(areas[k]) // 500, 3) for k in range(1, len(areas))}
