"""The bootstrap: sums over images that are drawn with replacement (Efron and Tibshirani 1993, chapter 6)."""

import numpy as np
from numpy.typing import NDArray

_BATCH_SIZE = 100  # draws per batch; bounds the memory


def resampled_sums(columns: NDArray[np.float64], n_boot: int, seed: int) -> NDArray[np.float64]:
    """Return the (n_boot, k) column sums of (n, k) values over n rows drawn with replacement.

    Pass values that are to be compared as columns of one call, so that each draw uses the same images for
    all.
    """
    n, k = columns.shape
    sums = np.zeros((n_boot, k))
    if n == 0:
        return sums
    rng = np.random.default_rng(seed)
    for start in range(0, n_boot, _BATCH_SIZE):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(_BATCH_SIZE, n_boot - start))
        sums[start : start + _BATCH_SIZE] = counts.astype(np.float64) @ columns
    return sums
