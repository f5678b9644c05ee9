"""Percentile bootstrap over images (Efron and Tibshirani 1993, chapter 13)."""

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


def interval(draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """2.5 and 97.5 percentiles of each column of (n_boot, k); NaN, a draw without a value, is left out."""
    low, high = np.full((2, draws.shape[1]), np.nan)
    some = ~np.isnan(draws).all(axis=0)
    if some.any():
        low[some], high[some] = np.nanpercentile(draws[:, some], [2.5, 97.5], axis=0)
    return low, high


def quotient(numerators: NDArray, denominators: NDArray) -> NDArray[np.float64]:
    """Elementwise; NaN where the denominator is 0."""
    return np.divide(
        numerators, denominators, out=np.full(np.shape(numerators), np.nan), where=denominators != 0
    )


def check_n_boot(n_boot: int) -> None:
    if n_boot < 1:
        raise ValueError(f"n_boot: expected 1 or more, found {n_boot}")
