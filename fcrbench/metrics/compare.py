"""Is A better than B? The difference over the images that both have scored, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.metrics.aggregate import DatasetScores
from fcrbench.metrics.bootstrap import resampled_sums
from fcrbench.metrics.empty import quotient
from fcrbench.metrics.jackknife import estimate, shares
from fcrbench.metrics.pooled import (
    MEANS,
    check_columns,
    mean_terms,
    means,
    pooled,
    pooled_terms,
    pooled_weights,
)
from fcrbench.metrics.scores import RATIOS

if TYPE_CHECKING:
    import pandas as pd

_TIE = 1e-12  # sums of the same numbers differ by rounding: no one is ahead by that


def compare(
    table_a: DatasetScores | pd.DataFrame,
    table_b: DatasetScores | pd.DataFrame,
    metrics: str | Sequence[str] = RATIOS,
    n_boot: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Differences A - B of the scores of the same images, with 95 % paired intervals.

    Images are taken as drawn, not scores, so what makes an image hard for both cancels out
    (`fcrbench.metrics.jackknife`). The interval holds for other images of the same kind; it says nothing
    about another training run. An interval without 0 is a difference at the 5 % level for that one metric;
    many metrics looked at together need more care.

    Args:
        table_a, table_b: per-image tables, as `score_dataset` returns or a saved CSV holds them; images are
            paired by the column `image`, in any order.
        metrics: a name or names of ratios: dice .. recall, ap_50 .. ap_95, f1_50 .. f1_95.
        n_boot: bootstrap draws of the images, for the shares. seed: the same seed gives the same shares.

    Returns a plain dict:
        "n_images": images in each table;
        "metrics": for each name, over the n images where both have a value (n_left_out have not, as one is
            NaN): "mean_a", "mean_b", their "difference", its "low" and "high" (NaN with n < 2), and
            "share_a" and "share_b", the shares of draws in which A, or B, is ahead;
        "pooled": for each name "a", "b", "difference", "low", "high", "share_a", "share_b" of the figures
            from the counts and pixel sums of all images together.

    Raises ValueError when the tables do not hold the same images, each once, a column is missing, a metric is
    unknown, or n_boot < 1.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in names if name not in MEANS]
    if unknown or not names:
        found = ", ".join(map(repr, unknown)) or "none"
        raise ValueError(f"metrics: expected names of ratios such as 'pq' or 'f1_75', found {found}")
    if n_boot < 1:
        raise ValueError(f"n_boot: expected 1 or more, found {n_boot}")
    a, b = _paired(table_a, table_b)

    values_a, values_b = (table[names].to_numpy(np.float64) for table in (a, b))
    both = np.where(np.isnan(values_a - values_b), np.nan, 0.0)
    mean_a, mean_b = (means(mean_terms(values + both).sum(axis=0)) for values in (values_a, values_b))
    terms = mean_terms(values_a - values_b)
    of_means = _differences(means, terms, terms[:, len(names) :], n_boot, seed)

    at = [MEANS.index(name) for name in names]
    terms_a, terms_b = pooled_terms(a), pooled_terms(b)
    pooled_a, pooled_b = (pooled(terms.sum(axis=0))[at] for terms in (terms_a, terms_b))
    weights = np.sum([shares(pooled_weights(terms)[:, at]) for terms in (terms_a, terms_b)], axis=0)

    def difference(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        of_a, of_b = np.split(sums, 2, axis=-1)
        return pooled(of_a)[..., at] - pooled(of_b)[..., at]

    of_pooled = _differences(difference, np.concatenate([terms_a, terms_b], axis=1), weights, n_boot, seed)
    n = (both == 0).sum(axis=0)
    return {
        "n_images": len(a),
        "metrics": {
            name: {
                "mean_a": float(mean_a[i]),
                "mean_b": float(mean_b[i]),
                **of_means[i],
                "n": int(n[i]),
                "n_left_out": int(len(a) - n[i]),
            }
            for i, name in enumerate(names)
        },
        "pooled": {
            name: {"a": float(pooled_a[i]), "b": float(pooled_b[i]), **of_pooled[i]}
            for i, name in enumerate(names)
        },
    }


def _differences(
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    columns: NDArray[np.float64],
    weights: NDArray[np.float64],
    n_boot: int,
    seed: int,
) -> list[dict[str, float]]:
    found = estimate(figures, columns, weights, least=-1, most=1)
    draws = figures(resampled_sums(columns, n_boot, seed))
    drawn = (~np.isnan(draws)).sum(axis=0)
    ahead, behind = quotient((draws > _TIE).sum(axis=0), drawn), quotient((draws < -_TIE).sum(axis=0), drawn)
    rows = zip(*(x.tolist() for x in (*found, ahead, behind)), strict=True)
    return [dict(zip(("difference", "low", "high", "share_a", "share_b"), row, strict=True)) for row in rows]


def _paired(
    table_a: DatasetScores | pd.DataFrame, table_b: DatasetScores | pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables with their rows in the order of the first."""
    tables = []
    for argument, given in (("table_a", table_a), ("table_b", table_b)):
        table = given.table if isinstance(given, DatasetScores) else given
        try:
            check_columns(table)
        except ValueError as error:
            raise ValueError(str(error).replace("table", argument, 1)) from None
        if "image" not in table.columns:
            raise ValueError(f"{argument}: expected a column named image, found none")
        twice = table["image"][table["image"].duplicated()]
        if len(twice):
            raise ValueError(f"{argument}: expected each image once, found {_named(twice.tolist())} twice")
        tables.append(table.set_index("image"))
    a, b = tables
    for other, only in (("table_b", a.index.difference(b.index)), ("table_a", b.index.difference(a.index))):
        if len(only):
            raise ValueError(
                f"{other}: expected the images of the other table, lacks {_named(only.tolist())}"
            )
    return a, b.loc[a.index]


def _named(images: list) -> str:
    more = f" and {len(images) - 3} more" if len(images) > 3 else ""
    return ", ".join(repr(image) for image in images[:3]) + more
