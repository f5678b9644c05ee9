"""95 % intervals of the statistics of a data set, by leaving out each image in turn.

The images are regarded as a random sample of all images of their kind. The standard error is that of the
jackknife (Tukey 1958; Efron and Tibshirani 1993, chapter 11), which for a mean is the usual one. It is
multiplied by a quantile of Student's t, as there may be few images. In a pooled statistic, large images weigh
more, so the degrees of freedom are those of a variance estimated with unequal weights (Satterthwaite 1946).
Scores usually have a tail towards low values, which a few images barely show. The end of the interval on the
side of the tail is therefore moved outwards by the skewness term of the Edgeworth expansion of t (Hall 1992);
the other end stays. docs/metrics.md has the measured coverage.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fcrbench.metrics.ratios import quotient

_BATCH_SIZE = 4096  # images per batch; bounds the memory
_UPPER_QUANTILE = 0.975


class Estimate(NamedTuple):
    """Statistics and the ends of their 95 % intervals, each (k,); ends are NaN for fewer than 2 images."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def estimate_intervals(
    statistics: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    lower: float = 0.0,
    upper: float | NDArray[np.float64] = 1.0,
) -> Estimate:
    """Return statistics of all images together, with 95 % intervals.

    Args:
        statistics: function that computes k statistics (..., k) from sums over images (..., c).
        columns: (n, c) values to sum, one row per image.
        weights: (n, k) how much each image counts in each statistic, on any scale; 0 means not at all.
        lower, upper: the range of the statistics, to which intervals are clipped; `upper` may be an array.
    """
    sums = columns.sum(axis=0)
    value = statistics(sums)
    count = (weights > 0).sum(axis=0)
    power_sums = np.zeros((3, *value.shape))  # of the change from leaving out each image
    for start in range(0, len(columns), _BATCH_SIZE):
        change = statistics(sums - columns[start : start + _BATCH_SIZE]) - value
        power_sums += [(change**power).sum(axis=0) for power in (1, 2, 3)]
    first, second, third = quotient(power_sums, np.broadcast_to(count, power_sums.shape))
    variance = np.maximum(second - first**2, 0)
    # Leaving out an image changes the statistic against the image's own deviation, hence the minus sign.
    skewness = -np.nan_to_num(quotient(third - 3 * first * second + 2 * first**3, variance**1.5))
    error = np.sqrt(np.maximum(count - 1, 0) * variance)
    t = stdtrit(_degrees_of_freedom(weights), _UPPER_QUANTILE)
    tail = quotient(skewness * (2 * t**2 + 1), 6 * np.sqrt(count))
    has_interval = count >= 2
    low = np.where(has_interval, value - error * (t - np.minimum(tail, 0)), np.nan)
    high = np.where(has_interval, value + error * (t + np.maximum(tail, 0)), np.nan)
    return Estimate(value, np.maximum(low, lower), np.minimum(high, upper))


def _degrees_of_freedom(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (k,) degrees of freedom: n - 1 for n images of equal weight, fewer otherwise; at least 1."""
    relative = weights / np.maximum(weights.max(axis=0, initial=0), np.finfo(np.float64).tiny)
    effective_n = quotient((relative**2).sum(axis=0) ** 2, (relative**4).sum(axis=0))
    return np.maximum(np.nan_to_num(effective_n) - 1, 1)


def normalize_weights(weights: NDArray) -> NDArray[np.float64]:
    """Scale the weights (n, k) of images to a sum of 1 in each column; columns of zeros stay zeros."""
    return np.nan_to_num(quotient(weights, np.broadcast_to(weights.sum(axis=0), weights.shape)))
