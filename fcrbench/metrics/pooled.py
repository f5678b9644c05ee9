"""Terms to sum over the images of a table, from which means and pooled values are computed."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.ratios import quotient
from fcrbench.metrics.scores import AP_COLUMNS, COLUMNS, F1_COLUMNS, RATIOS

if TYPE_CHECKING:
    import pandas as pd

RATIO_COLUMNS = RATIOS + AP_COLUMNS + F1_COLUMNS
PIXEL_RATIOS = ("dice", "dice2", "aji", "aji_plus")
_AP = [RATIO_COLUMNS.index(name) for name in AP_COLUMNS]


def check_columns(table: "pd.DataFrame", name: str = "table") -> None:
    """Raise ValueError, naming the table, if a column of `Scores.to_dict()` is missing."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(
            f"{name}: expected the columns of Scores.to_dict(), found none named {', '.join(missing)}"
        )


def mean_terms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2 k) terms of (n, k) values: the values with 0 for NaN, then 1 where there is a value."""
    has_value = ~np.isnan(values)
    return np.concatenate([np.where(has_value, values, 0.0), has_value], axis=1)


def means_from_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (..., k) means that ignore NaN from sums over rows of `mean_terms`; NaN without a value."""
    k = sums.shape[-1] // 2
    return quotient(sums[..., :k], sums[..., k:])


def pooled_terms(table: "pd.DataFrame") -> NDArray[np.float64]:
    """Return (n, 2 k + 1) terms: all numerators of RATIO_COLUMNS, all denominators, the number of objects."""
    objects = (table["n_true"] + table["n_pred"]).to_numpy(np.float64)
    tp = table["tp"].to_numpy(np.float64)
    iou_sum = table["iou_sum"].to_numpy(np.float64)
    zeros = np.zeros(len(table))
    pairs: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "f1": (2 * tp, objects),
        "pq": (2 * iou_sum, objects),
        "sq": (iou_sum, tp),
        "rq": (2 * tp, objects),
        "ap": (zeros, zeros),  # not a quotient of sums but a mean of ten, see `pooled_from_sums`
        "precision": (tp, table["n_pred"]),
        "recall": (tp, table["n_true"]),
    }
    for name in PIXEL_RATIOS:
        pairs[name] = (table[f"{name}_numerator"], table[f"{name}_denominator"])
    for f1_name, ap_name in zip(F1_COLUMNS, AP_COLUMNS, strict=True):
        # Recover TP at this threshold from F1 = 2 TP / (n_true + n_pred). Images without objects add 0.
        f1 = np.where(objects > 0, table[f1_name].to_numpy(np.float64), 0.0)
        matched = np.round(f1 * objects / 2)
        pairs[f1_name] = (2 * matched, objects)
        pairs[ap_name] = (matched, objects - matched)
    columns = [np.asarray(pairs[name][term], np.float64) for term in (0, 1) for name in RATIO_COLUMNS]
    return np.stack([*columns, objects], axis=1)


def pooled_from_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (..., k) pooled RATIO_COLUMNS from sums over rows of `pooled_terms`; NaN without objects."""
    k = len(RATIO_COLUMNS)
    values = quotient(sums[..., :k], sums[..., k : 2 * k])
    values = np.where(np.isnan(values), 0.0, values)  # 0 / 0 although there are objects: nothing is right
    values[..., RATIO_COLUMNS.index("ap")] = values[..., _AP].mean(axis=-1)
    return np.where(sums[..., -1:] > 0, values, np.nan)


def pooled_weights(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, k) weights of images in each pooled value, objects or pixels, from `pooled_terms`."""
    k = len(RATIO_COLUMNS)
    objects, pixels = terms[:, -1], terms[:, k + RATIO_COLUMNS.index("dice")]
    return np.stack([pixels if name in PIXEL_RATIOS else objects for name in RATIO_COLUMNS], axis=1)
