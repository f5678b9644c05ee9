"""What a ratio is worth when there is nothing to divide by."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Empty = Literal["nan", "one", "zero"]
_VALUES = {"nan": float("nan"), "one": 1.0, "zero": 0.0}


def empty_value(empty: Empty) -> float:
    """The value of every ratio when both label images are empty; ValueError for an unknown rule."""
    try:
        return _VALUES[empty]
    except (KeyError, TypeError):
        raise ValueError(f'empty: expected "nan", "one" or "zero", found {empty!r}') from None


def ratio(numerator: float, denominator: float) -> float:
    """Quotient, and 0 for 0 / 0: with one side empty, or no pair matched, nothing was right."""
    return float(numerator / denominator) if denominator else 0.0


def quotient(numerators: NDArray, denominators: NDArray) -> NDArray[np.float64]:
    """Elementwise; NaN where the denominator is 0."""
    return np.divide(
        numerators, denominators, out=np.full(np.shape(numerators), np.nan), where=denominators != 0
    )
