"""From images to a data set: a table, one row an image; means and pooled figures with intervals."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fcrbench.metrics.empty import Empty, empty_value
from fcrbench.metrics.jackknife import estimate
from fcrbench.metrics.pooled import (
    MEANS,
    check_columns,
    mean_terms,
    means,
    pooled,
    pooled_terms,
    pooled_weights,
)
from fcrbench.metrics.progress import Progress, reporting
from fcrbench.metrics.scores import COLUMNS, Scores, score
from fcrbench.work.parallel import ordered_map

if TYPE_CHECKING:
    import pandas as pd

COUNTS = ("tp", "fp", "fn", "n_true", "n_pred", "splits", "merges")
T = TypeVar("T")


@dataclass(frozen=True)
class DatasetScores:
    """Scores of a data set.

    Attributes:
        table: pandas DataFrame, one row an image in the order given: `image`, then `Scores.to_dict()`.
    """

    table: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Means and pooled figures with 95 % intervals; see `summarize`."""
        return summarize(self.table)


def score_dataset(
    pairs: Iterable[tuple[Hashable, ArrayLike, ArrayLike]],
    workers: int = 1,
    empty: Empty = "nan",
    *,
    inclusive: bool = False,
    progress: Progress = False,
) -> DatasetScores:
    """Score many images.

    Args:
        pairs: (image id, truth, pred) of each image; of a generator, no more than `workers` pairs are held.
        workers: threads; the kernels run outside the interpreter's lock.
        empty, inclusive: as in `score`.
        progress: True shows a bar on standard error; a function is called, in the caller's thread, with the
            number of images done and of all images (None where pairs has no length).

    Raises:
        TypeError, ValueError: as `score` does, with the image named; an image id comes twice; workers < 1.
    """
    empty_value(empty)

    def one(truth: ArrayLike, pred: ArrayLike) -> Scores:
        return score(truth, pred, empty=empty, inclusive=inclusive)

    rows = each_image(one, pairs, workers, progress)
    return table_of([(image, scores) for image, scores in rows.items()])


def table_of(rows: Iterable[tuple[Hashable, Scores]]) -> DatasetScores:
    import pandas as pd

    records = [{"image": image, **scores.to_dict()} for image, scores in rows]
    return DatasetScores(pd.DataFrame(records, columns=["image", *COLUMNS]))


def each_image(
    one: Callable[..., T], inputs: Iterable[tuple], workers: int, progress: Progress
) -> dict[Hashable, T]:
    """image id: one(*the rest) of every input, by threads; errors name the image."""
    if workers < 1:
        raise ValueError(f"workers: expected 1 or more, found {workers}")

    def named(given: tuple) -> tuple[Hashable, T]:
        image, *arrays = given
        try:
            return image, one(*arrays)
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {image!r}: {error}") from error

    results: dict[Hashable, T] = {}
    with reporting(progress, len(inputs) if isinstance(inputs, Sized) else None) as report:
        for image, result in ordered_map(named, inputs, workers):
            if image in results:
                raise ValueError(f"pairs: expected each image once, found {image!r} twice")
            results[image] = result
            report(len(results))
    return results


def summarize(table: pd.DataFrame) -> dict[str, Any]:
    """Summary of a per-image table, as `score_dataset` returns or a saved CSV holds it.

    Returns a plain dict:
        "metrics": each ratio (dice .. recall, ap_50 .. f1_95): {"mean", "low", "high", "n"}, the mean over
            the n images where it is not NaN, and its 95 % interval (`fcrbench.metrics.jackknife`): where the
            mean over all images of the same kind is; NaN with fewer than two images;
        "pooled": every ratio from the counts and pixel sums of all images together, and the counts themselves
            (pooled PQ is not the mean of PQ, and the mean of PQ is not mean SQ x mean RQ);
        "pooled_intervals": {"low", "high"} of each pooled ratio, NaN with fewer than two images with objects;
        "n_images", and "n_empty", the number of images with no object in truth or prediction.

    Raises ValueError when a column is missing.
    """
    check_columns(table)
    mean_sums, pooled_sums = mean_terms(table[list(MEANS)].to_numpy(np.float64)), pooled_terms(table)
    counted = mean_sums[:, len(MEANS) :]
    of_means = estimate(means, mean_sums, counted)
    of_pooled = estimate(pooled, pooled_sums, pooled_weights(pooled_sums))
    return {
        "n_images": len(table),
        "n_empty": int(((table["n_true"] == 0) & (table["n_pred"] == 0)).sum()),
        "metrics": {
            name: {
                "mean": float(of_means.value[i]),
                "low": float(of_means.low[i]),
                "high": float(of_means.high[i]),
                "n": int(counted[:, i].sum()),
            }
            for i, name in enumerate(MEANS)
        },
        "pooled": {name: float(of_pooled.value[i]) for i, name in enumerate(MEANS)}
        | {name: int(table[name].sum()) for name in COUNTS},
        "pooled_intervals": {
            name: {"low": float(of_pooled.low[i]), "high": float(of_pooled.high[i])}
            for i, name in enumerate(MEANS)
        },
    }
