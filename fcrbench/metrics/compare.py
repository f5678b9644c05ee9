"""Is A better than B? The paired bootstrap of a difference over the images that both have scored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.metrics.aggregate import DatasetScores
from fcrbench.metrics.bootstrap import check_n_boot, interval, quotient, resampled_sums
from fcrbench.metrics.pooled import MEANS, check_columns, mean_terms, means, pooled, pooled_terms
from fcrbench.metrics.scores import RATIOS

if TYPE_CHECKING:
    import pandas as pd

_TIE = 1e-12  # sums of the same numbers differ by rounding: no one is ahead by that


def compare(
    table_a: "DatasetScores | pd.DataFrame",
    table_b: "DatasetScores | pd.DataFrame",
    metrics: str | Sequence[str] = RATIOS,
    n_boot: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Differences A - B of the scores of the same images, with 95 % paired bootstrap intervals.

    Images are drawn, not scores: a draw takes both methods' scores of the same images, so what makes an image
    hard for both cancels out. The interval holds for other images of the same kind; it says nothing about
    another training run. An interval without 0 is a difference at the 5 % level for that one metric; many
    metrics looked at together need more care.

    Args:
        table_a, table_b: per-image tables, as `score_dataset` returns or a saved CSV holds them; images are
            paired by the column `image`, in any order.
        metrics: a name or names of ratios: dice .. recall, ap_50 .. ap_95, f1_50 .. f1_95.
        n_boot: draws. seed: the same seed gives the same figures.

    Returns a plain dict:
        "n_images": images in each table;
        "metrics": for each name, over the n images where both have a value (n_left_out have not, as one is
            NaN): "mean_a", "mean_b", their "difference", its "low" and "high", and "share_a" and "share_b",
            the shares of draws in which A, or B, is ahead;
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
    check_n_boot(n_boot)
    a, b = _paired(table_a, table_b)

    k = len(names)
    values_a, values_b = (table[names].to_numpy(np.float64) for table in (a, b))
    both = np.where(np.isnan(values_a - values_b), np.nan, 0.0)
    paired = [mean_terms(values_a + both), mean_terms(values_b + both)]
    columns = np.concatenate([*paired, pooled_terms(a), pooled_terms(b)], axis=1)
    at = [MEANS.index(name) for name in names]

    def figures(sums: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Means of A and B, pooled figures of A and B."""
        pooled_a, pooled_b = np.split(sums[..., 4 * k :], 2, axis=-1)
        return (
            means(sums[..., : 2 * k]),
            means(sums[..., 2 * k : 4 * k]),
            pooled(pooled_a)[..., at],
            pooled(pooled_b)[..., at],
        )

    mean_a, mean_b, pooled_a, pooled_b = figures(columns.sum(axis=0))
    drawn_a, drawn_b, drawn_pooled_a, drawn_pooled_b = figures(resampled_sums(columns, n_boot, seed))
    of_means = _differences(mean_a - mean_b, drawn_a - drawn_b)
    of_pooled = _differences(pooled_a - pooled_b, drawn_pooled_a - drawn_pooled_b)
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


def _differences(value: NDArray[np.float64], draws: NDArray[np.float64]) -> list[dict[str, float]]:
    low, high = interval(draws)
    drawn = (~np.isnan(draws)).sum(axis=0)
    ahead, behind = quotient((draws > _TIE).sum(axis=0), drawn), quotient((draws < -_TIE).sum(axis=0), drawn)
    rows = zip(*(x.tolist() for x in (value, low, high, ahead, behind)), strict=True)
    return [dict(zip(("difference", "low", "high", "share_a", "share_b"), row, strict=True)) for row in rows]


def _paired(
    table_a: "DatasetScores | pd.DataFrame", table_b: "DatasetScores | pd.DataFrame"
) -> "tuple[pd.DataFrame, pd.DataFrame]":
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
