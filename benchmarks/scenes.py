"""A real field of the embedded sample, and synthetic scenes with nuclei of similar size, shape and density.

They are the same for every commit.
"""

import numpy as np
from numpy.typing import NDArray

FIELD = (520, 696)  # about 100 nuclei at the default spacing
LARGE = (2048, 2048)
HUGE = (10_000, 10_000)


def real_labels() -> NDArray[np.int32]:
    """Return (520, 696), the nuclei of the first validation field."""
    from fcrbench.datasets.sample import SampleDataset

    sample = SampleDataset()
    return sample.load(sample.splits["val"][0]).labels


def nuclei(shape: tuple[int, int], spacing: int = 60, seed: int = 0) -> NDArray[np.int32]:
    """Draw ellipses of random size and direction on a jittered grid; many touch or overlap."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    reach = spacing // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    count = 0
    for top in range(0, shape[0], spacing):
        for left in range(0, shape[1], spacing):
            count += 1
            cy, cx = (int(v) for v in np.add((top, left), rng.integers(0, spacing, 2)))
            angle, (a, b) = rng.uniform(0, np.pi), rng.uniform(0.2, 0.48, 2) * spacing
            u, v = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
            rows, cols = np.nonzero((u / a) ** 2 + (v / b) ** 2 <= 1)
            rows, cols = rows + cy - reach, cols + cx - reach
            inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
            labels[rows[inside], cols[inside]] = count
    return labels


def prediction(truth: NDArray[np.int32], seed: int = 1) -> NDArray[np.int32]:
    """Return the truth moved by two pixels, with some objects lost, joined or cut, and a few added."""
    rng = np.random.default_rng(seed)
    count = int(truth.max())
    change = rng.random(count + 1)
    new_id = np.arange(count + 1, dtype=np.int32)
    new_id[change < 0.05] = 0
    joined = (change > 0.95) & (new_id > 1)
    new_id[joined] -= 1
    pred = new_id[np.roll(truth, (1, 2), (0, 1))]
    cut = (change > 0.4) & (change < 0.45)
    right = np.indices(truth.shape)[1] % 60 < 30
    pred[cut[pred] & right] += count
    for _ in range(count // 50):
        y, x = (int(rng.integers(0, max(side - 12, 1))) for side in truth.shape)
        patch = pred[y : y + 12, x : x + 12]
        patch[patch == 0] = 2 * count + 1 + y
    return pred


def color_map(labels: NDArray[np.int32], n_classes: int = 4, seed: int = 2) -> NDArray[np.uint8]:
    """Give each object a random colour 1 .. n_classes - 1; background is 0."""
    colors = np.random.default_rng(seed).integers(1, n_classes, int(labels.max()) + 1).astype(np.uint8)
    colors[0] = 0
    return colors[labels]


def scores(
    classes: NDArray[np.uint8], n_classes: int = 4, noise: float = 0.2, seed: int = 3
) -> NDArray[np.float32]:
    """Return (n_classes, H, W), 1 for the class of a pixel plus noise; 1 pixel in 2,000 is wrong."""
    one_hot = (classes == np.arange(n_classes, dtype=np.uint8)[:, None, None]).astype(np.float32)
    return one_hot + np.random.default_rng(seed).normal(0, noise, one_hot.shape).astype(np.float32)
