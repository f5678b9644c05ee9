"""Is A better than B? The paired difference of scores over the same images, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench.metrics.aggregate import DatasetScores
from fcrbench.metrics.bootstrap import resampled_sums
from fcrbench.metrics.jackknife import estimate_intervals, normalize_weights
from fcrbench.metrics.pooled import (
    RATIO_COLUMNS,
    check_columns,
    mean_terms,
    means_from_sums,
    pooled_from_sums,
    pooled_terms,
    pooled_weights,
)
from fcrbench.metrics.ratios import quotient
from fcrbench.metrics.scores import RATIOS
from fcrbench.text import name_key

if TYPE_CHECKING:
    import pandas as pd

_TIE = 1e-12  # sums of the same numbers may differ by rounding; smaller differences are ties


def compare(
    table_a: DatasetScores | pd.DataFrame,
    table_b: DatasetScores | pd.DataFrame,
    metrics: str | Sequence[str] = RATIOS,
    n_boot: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the differences A - B of the scores of the same images, with 95 % paired intervals.

    The images are regarded as the random sample, not the scores, so that what makes an image hard for both
    methods cancels out (`fcrbench.metrics.jackknife`). The interval holds for other images of the same kind;
    it says nothing about another training run. An interval that excludes 0 means a difference at the 5 %
    level for that one metric. If you look at many metrics, some such differences are due to chance.

    Args:
        table_a, table_b: per-image tables, as `score_dataset` or `read_table` returns them.
            Images are paired by the column `image`, in any order.
        metrics: one name or several names of ratios: dice .. recall, ap_50 .. ap_95, f1_50 .. f1_95.
        n_boot: number of bootstrap draws of the images, from which "share_a" and "share_b" are computed.
        seed: seed of the draws; the same seed gives the same shares.

    Returns a plain dict:
        "n_images": the number of images in each table.
        "metrics": for each name a dict over the "n" images where both tables have a value; the other
            "n_left_out" images are left out. It has "mean_a", "mean_b", their "difference", the ends "low"
            and "high" of its interval (NaN for n < 2), and "share_a" and "share_b", the shares of draws in
            which A or B is ahead.
        "pooled": for each name a dict with "a", "b", "difference", "low", "high", "share_a" and "share_b" of
            the values computed from the counts and pixel sums of all images together.

    Raises ValueError if the tables do not hold the same images, each once, if a column is missing, if a
    metric is unknown, or if n_boot < 1.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in names if name not in RATIO_COLUMNS]
    if unknown or not names:
        found = ", ".join(map(repr, unknown)) or "none"
        raise ValueError(f"metrics: expected names of ratios such as 'pq' or 'f1_75', found {found}")
    if n_boot < 1:
        raise ValueError(f"n_boot: expected 1 or more, found {n_boot}")
    a, b = _pair_tables(table_a, table_b)

    values_a, values_b = (table[names].to_numpy(np.float64) for table in (a, b))
    nan_unless_both = np.where(np.isnan(values_a - values_b), np.nan, 0.0)
    mean_a, mean_b = (
        means_from_sums(mean_terms(values + nan_unless_both).sum(axis=0)) for values in (values_a, values_b)
    )
    terms = mean_terms(values_a - values_b)
    mean_rows = _differences(means_from_sums, terms, terms[:, len(names) :], n_boot, seed)

    columns = [RATIO_COLUMNS.index(name) for name in names]
    terms_a, terms_b = pooled_terms(a), pooled_terms(b)
    pooled_a, pooled_b = (pooled_from_sums(terms.sum(axis=0))[columns] for terms in (terms_a, terms_b))
    weights = np.sum(
        [normalize_weights(pooled_weights(terms)[:, columns]) for terms in (terms_a, terms_b)], axis=0
    )

    def pooled_difference(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        sums_a, sums_b = np.split(sums, 2, axis=-1)
        return pooled_from_sums(sums_a)[..., columns] - pooled_from_sums(sums_b)[..., columns]

    pooled_rows = _differences(
        pooled_difference, np.concatenate([terms_a, terms_b], axis=1), weights, n_boot, seed
    )
    n = (nan_unless_both == 0).sum(axis=0)
    return {
        "n_images": len(a),
        "metrics": {
            name: {
                "mean_a": float(mean_a[i]),
                "mean_b": float(mean_b[i]),
                **mean_rows[i],
                "n": int(n[i]),
                "n_left_out": int(len(a) - n[i]),
            }
            for i, name in enumerate(names)
        },
        "pooled": {
            name: {"a": float(pooled_a[i]), "b": float(pooled_b[i]), **pooled_rows[i]}
            for i, name in enumerate(names)
        },
    }


def _differences(
    statistics: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    terms: NDArray[np.float64],
    weights: NDArray[np.float64],
    n_boot: int,
    seed: int,
) -> list[dict[str, float]]:
    """Return differences, intervals and shares of draws for statistics of sums of terms over images."""
    found = estimate_intervals(statistics, terms, weights, lower=-1, upper=1)
    draws = statistics(resampled_sums(terms, n_boot, seed))
    n_draws = (~np.isnan(draws)).sum(axis=0)
    share_a = quotient((draws > _TIE).sum(axis=0), n_draws)
    share_b = quotient((draws < -_TIE).sum(axis=0), n_draws)
    rows = zip(*(x.tolist() for x in (*found, share_a, share_b)), strict=True)
    return [dict(zip(("difference", "low", "high", "share_a", "share_b"), row, strict=True)) for row in rows]


def _pair_tables(
    table_a: DatasetScores | pd.DataFrame, table_b: DatasetScores | pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables, indexed by image, with their rows in the order of the first one."""
    tables = []
    for argument, given in (("table_a", table_a), ("table_b", table_b)):
        table = given.table if isinstance(given, DatasetScores) else given
        check_columns(table, argument)
        if "image" not in table.columns:
            raise ValueError(f"{argument}: expected a column named image, found none")
        duplicates = table["image"][table["image"].duplicated()]
        if len(duplicates):
            raise ValueError(
                f"{argument}: expected each image once, found {_list_images(duplicates.tolist())} twice"
            )
        if table["image"].isna().any():
            raise ValueError(
                f"{argument}: expected a name for each image, found a missing value; `metrics.read_table` "
                "reads names such as NA as they are"
            )
        tables.append(table.set_index("image"))
    a, b = _with_comparable_names(*tables)
    for lacking, only in (("table_b", a.index.difference(b.index)), ("table_a", b.index.difference(a.index))):
        if len(only):
            raise ValueError(
                f"{lacking}: expected the images of the other table, lacks {_list_images(only.tolist())}"
            )
    return a, b.loc[a.index]


def _with_comparable_names(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pair names such as "0001" with the numbers that pandas makes of them when it reads a CSV file."""
    import pandas as pd

    numeric = [pd.api.types.is_numeric_dtype(table.index) for table in (a, b)]
    if numeric[0] == numeric[1]:
        return a, _with_names_of(a, b)
    text, numbers = (b, a) if numeric[0] else (a, b)
    names: pd.Series[Any] = pd.Series(list(text.index), dtype=object)
    values = pd.Index(pd.to_numeric(names, errors="coerce"))
    if values.hasnans or values.has_duplicates or set(values) != set(numbers.index):
        return a, b  # the caller says which names differ
    numbers = numbers.set_axis(text.index[values.get_indexer(numbers.index)])
    return (numbers, text) if numeric[0] else (text, numbers)


def _with_names_of(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Give the images of `b` the names that `a` has for them, where accents are encoded in another way."""
    if set(a.index) == set(b.index):
        return b
    keys_a, keys_b = ([name_key(name) if isinstance(name, str) else name for name in t.index] for t in (a, b))
    names = dict(zip(keys_a, a.index, strict=True))
    if len(names) < len(keys_a) or len(set(keys_b)) < len(keys_b):
        return b
    return b.set_axis([names.get(key, name) for key, name in zip(keys_b, b.index, strict=True)], axis=0)


def _list_images(images: list) -> str:
    more = f" and {len(images) - 3} more" if len(images) > 3 else ""
    return ", ".join(repr(image) for image in images[:3]) + more
