"""Per-image tables as sums: what means and pooled figures are quotients of."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.empty import quotient
from fcrbench.metrics.scores import AP_COLUMNS, COLUMNS, F1_COLUMNS, RATIOS

if TYPE_CHECKING:
    import pandas as pd

MEANS = RATIOS + AP_COLUMNS + F1_COLUMNS
PIXEL_RATIOS = ("dice", "dice2", "aji", "aji_plus")
_AP = [MEANS.index(name) for name in AP_COLUMNS]


def check_columns(table: "pd.DataFrame") -> None:
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(
            f"table: expected the columns of Scores.to_dict(), found none named {', '.join(missing)}"
        )


def mean_terms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2 k) columns of (n, k) values: the values with 0 for NaN, then 1 where there is one."""
    there = ~np.isnan(values)
    return np.concatenate([np.where(there, values, 0.0), there], axis=1)


def means(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., k) means without NaN from sums over rows of `mean_terms`; NaN where there is no value."""
    k = sums.shape[-1] // 2
    return quotient(sums[..., :k], sums[..., k:])


def pooled_terms(table: "pd.DataFrame") -> NDArray[np.float64]:
    """(n, 2 k + 1) columns: numerator of each of MEANS, denominator of each, and the number of objects."""
    objects = (table["n_true"] + table["n_pred"]).to_numpy(np.float64)
    tp = table["tp"].to_numpy(np.float64)
    iou_sum = table["iou_sum"].to_numpy(np.float64)
    nothing = np.zeros(len(table))
    pairs: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "f1": (2 * tp, objects),
        "pq": (2 * iou_sum, objects),
        "sq": (iou_sum, tp),
        "rq": (2 * tp, objects),
        "ap": (nothing, nothing),  # no quotient of sums but a mean of ten: see `pooled`
        "precision": (tp, table["n_pred"]),
        "recall": (tp, table["n_true"]),
    }
    for name in PIXEL_RATIOS:
        pairs[name] = (table[f"{name}_numerator"], table[f"{name}_denominator"])
    for f1_name, ap_name in zip(F1_COLUMNS, AP_COLUMNS, strict=True):
        # TP at this threshold, back from F1 = 2 TP / (n_true + n_pred); images without objects add none.
        f1 = np.where(objects > 0, table[f1_name].to_numpy(np.float64), 0.0)
        matched = np.round(f1 * objects / 2)
        pairs[f1_name] = (2 * matched, objects)
        pairs[ap_name] = (matched, objects - matched)
    columns = [np.asarray(pairs[name][term], np.float64) for term in (0, 1) for name in MEANS]
    return np.stack([*columns, objects], axis=1)


def pooled(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., k) pooled value of each of MEANS from sums over rows of `pooled_terms`; NaN without objects."""
    k = len(MEANS)
    values = quotient(sums[..., :k], sums[..., k : 2 * k])
    values = np.where(np.isnan(values), 0.0, values)  # 0 / 0 with objects around: nothing was right
    values[..., MEANS.index("ap")] = values[..., _AP].mean(axis=-1)
    return np.where(sums[..., -1:] > 0, values, np.nan)


def pooled_weights(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k) how much an image counts in each pooled value, from `pooled_terms`: by its objects or pixels."""
    k = len(MEANS)
    objects, pixels = terms[:, -1], terms[:, k + MEANS.index("dice")]
    return np.stack([pixels if name in PIXEL_RATIOS else objects for name in MEANS], axis=1)
