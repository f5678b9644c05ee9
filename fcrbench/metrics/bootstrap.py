"""Images drawn again with replacement (Efron and Tibshirani 1993, chapter 6)."""

import numpy as np
from numpy.typing import NDArray

_BATCH = 100  # draws made at a time


def resampled_sums(columns: NDArray[np.float64], n_boot: int, seed: int) -> NDArray[np.float64]:
    """(n_boot, k) column sums of (n, k) values over n rows drawn with replacement.

    What is to be compared goes in as columns of one call: then every figure of a draw is of the same images.
    """
    n, k = columns.shape
    sums = np.zeros((n_boot, k))
    if n == 0:
        return sums
    draw = np.random.default_rng(seed)
    for at in range(0, n_boot, _BATCH):
        times = draw.multinomial(n, np.full(n, 1 / n), size=min(_BATCH, n_boot - at))
        sums[at : at + _BATCH] = times.astype(np.float64) @ columns
    return sums
