"""Ratios, and their values where the denominator is 0."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Empty = Literal["nan", "one", "zero"]
_VALUES = {"nan": float("nan"), "one": 1.0, "zero": 0.0}


def empty_value(empty: Empty) -> float:
    """Return the value of all ratios if both images are empty. Raises ValueError for an unknown rule."""
    try:
        return _VALUES[empty]
    except (KeyError, TypeError):
        raise ValueError(f'empty: expected "nan", "one" or "zero", found {empty!r}') from None


def ratio(numerator: float, denominator: float) -> float:
    """Return the quotient, and 0 for 0 / 0: if one image is empty or no pair matches, nothing is right."""
    return float(numerator / denominator) if denominator else 0.0


def quotient(numerators: NDArray, denominators: NDArray) -> NDArray[np.float64]:
    """Divide elementwise; the result is NaN where the denominator is 0."""
    return np.divide(
        numerators, denominators, out=np.full(np.shape(numerators), np.nan), where=denominators != 0
    )
