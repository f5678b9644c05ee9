"""95 % intervals of the figures of a data set, by leaving out each image in turn.

The images are taken as drawn at random from all images of their kind. The standard error is that of the
jackknife (Tukey 1958; Efron and Tibshirani 1993, chapter 11), for a mean the usual one; its quantile is that
of Student's t, as images are few. In a pooled figure images count by their size: the degrees of freedom are
those of a variance estimated with unequal weights (Satterthwaite 1946). Scores mostly have a tail on one
side, low ones, of which few images show little: the end on that side is moved out by the term of skewness in
the Edgeworth expansion of t (Hall 1992), the other end stays. docs/metrics.md has the measured coverage.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from fcrbench.metrics.empty import quotient

_BATCH = 4096  # images left out at a time, so that memory does not grow with their number
_UPPER = 0.975


class Estimate(NamedTuple):
    """Figures (k,) and the ends of their 95 % intervals (k,); NaN ends where fewer than two images count."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def estimate(
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    least: float = 0.0,
    most: float | NDArray[np.float64] = 1.0,
) -> Estimate:
    """Figures of all images together, with 95 % intervals.

    Args:
        figures: k figures (..., k) from sums over images (..., c).
        columns: (n, c) what is summed, a row an image.
        weights: (n, k) how much an image counts in each figure, to any scale; 0 = not at all.
        least, most: the range of the figures, or of each; intervals do not reach beyond.
    """
    sums = columns.sum(axis=0)
    value = figures(sums)
    count = (weights > 0).sum(axis=0)
    power_sums = np.zeros((3, *value.shape))  # of what leaving out an image changes
    for at in range(0, len(columns), _BATCH):
        change = figures(sums - columns[at : at + _BATCH]) - value
        power_sums += [(change**power).sum(axis=0) for power in (1, 2, 3)]
    first, second, third = quotient(power_sums, np.broadcast_to(count, power_sums.shape))
    variance = np.maximum(second - first**2, 0)
    # An image changes the figure by its deviation, the other way round.
    skewness = -np.nan_to_num(quotient(third - 3 * first * second + 2 * first**3, variance**1.5))
    error = np.sqrt(np.maximum(count - 1, 0) * variance)
    t = stdtrit(_degrees_of_freedom(weights), _UPPER)
    tail = quotient(skewness * (2 * t**2 + 1), 6 * np.sqrt(count))
    some = count >= 2
    low = np.where(some, value - error * (t - np.minimum(tail, 0)), np.nan)
    high = np.where(some, value + error * (t + np.maximum(tail, 0)), np.nan)
    return Estimate(value, np.maximum(low, least), np.minimum(high, most))


def _degrees_of_freedom(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) n - 1 for n images of equal weight, fewer where some weigh more than others; at least 1."""
    shares = weights / np.maximum(weights.max(axis=0, initial=0), np.finfo(np.float64).tiny)
    equal = quotient((shares**2).sum(axis=0) ** 2, (shares**4).sum(axis=0))
    return np.maximum(np.nan_to_num(equal) - 1, 1)


def shares(weights: NDArray) -> NDArray[np.float64]:
    """(n, k) weights of images that sum to 1 in each column; 0 in a column of nothing."""
    return np.nan_to_num(quotient(weights, np.broadcast_to(weights.sum(axis=0), weights.shape)))
