"""Scores of a data set: a table with one row per image, and means and pooled values with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fcrbench.errors import LabelWarning
from fcrbench.label_checks import Finding, Findings, looks_like
from fcrbench.metrics.jackknife import estimate_intervals
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.pooled import (
    RATIO_COLUMNS,
    check_columns,
    mean_terms,
    means_from_sums,
    pooled_from_sums,
    pooled_terms,
    pooled_weights,
)
from fcrbench.metrics.progress import Progress, progress_reporter
from fcrbench.metrics.ratios import Empty, empty_value
from fcrbench.metrics.scores import COLUMNS, Scores, scores_from_table
from fcrbench.text import to_unicode
from fcrbench.work.parallel import ordered_map

if TYPE_CHECKING:
    import pandas as pd

COUNTS = ("tp", "fp", "fn", "n_true", "n_pred", "splits", "merges")
T = TypeVar("T")


@dataclass(frozen=True)
class DatasetScores:
    """Scores of a data set.

    Attributes:
        table: pandas DataFrame with one row per image, in the given order. The columns are `image`, then
            those of `Scores.to_dict()`.
    """

    table: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Return means and pooled values with 95 % intervals; see `summarize`."""
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
        pairs: (image id, truth, pred) for each image. If this is a generator, at most `workers` pairs are
            kept in memory.
        workers: number of threads. The kernels release the interpreter's lock, so threads run in parallel.
        empty, inclusive: as in `score`.
        progress: True shows a progress bar on standard error. A function is called in the caller's thread
            with the number of images done and the number of all images (None if `pairs` has no length).

    Raises:
        TypeError: as `score` does; the message names the image.
        ValueError: as `score` does; an image id occurs twice; workers < 1.

    Warns as `score` does, once for all images, with the number of images that look like no label images.
    """
    empty_value(empty)
    findings = Findings()

    def score_image(truth: ArrayLike, pred: ArrayLike) -> tuple[Scores, dict[str, Finding | None]]:
        scores = scores_from_table(overlap_table(truth, pred), empty=empty, inclusive=inclusive)
        return scores, {"truth": looks_like(truth), "pred": looks_like(pred)}

    rows = score_each_image(score_image, pairs, workers, progress)
    for image, (_, found) in rows.items():
        findings.add(str(image), found)
    for message in findings.messages():
        warnings.warn(message, LabelWarning, stacklevel=2)
    return to_dataset_scores((image, scores) for image, (scores, _) in rows.items())


def score_known_labels(pairs: Iterable[tuple[Hashable, ArrayLike, ArrayLike]]) -> DatasetScores:
    """Score images that are known to be label images, because they were checked or made by this package."""

    def score_image(truth: ArrayLike, pred: ArrayLike) -> Scores:
        return scores_from_table(overlap_table(truth, pred))

    return to_dataset_scores(score_each_image(score_image, pairs, 1, False).items())


def to_dataset_scores(rows: Iterable[tuple[Hashable, Scores]]) -> DatasetScores:
    """Put (image id, scores) rows into one table."""
    import pandas as pd

    records = [{"image": as_text(image), **scores.to_dict()} for image, scores in rows]
    return DatasetScores(pd.DataFrame(records, columns=["image", *COLUMNS]))


def as_text(image: Hashable) -> Hashable:
    """Return the id of an image as a table can hold it: bytes of a file name that are no text are escaped."""
    return to_unicode(image) if isinstance(image, str) else image


def score_each_image(
    score_image: Callable[..., T], inputs: Iterable[tuple], workers: int, progress: Progress
) -> dict[Hashable, T]:
    """Call `score_image` on the arrays of every input in threads, and return its results by image id.

    Each input is (image id, *arrays). Error messages name the image.
    """
    if workers < 1:
        raise ValueError(f"workers: expected 1 or more, found {workers}")

    def score_input(item: tuple) -> tuple[Hashable, T]:
        image, *arrays = item
        try:
            return image, score_image(*arrays)
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {image!r}: {error}") from error

    results: dict[Hashable, T] = {}
    with progress_reporter(progress, len(inputs) if isinstance(inputs, Sized) else None) as report:
        for image, result in ordered_map(score_input, inputs, workers):
            if image in results:
                raise ValueError(f"pairs: expected each image once, found {image!r} twice")
            results[image] = result
            report(len(results))
    return results


def summarize(table: pd.DataFrame) -> dict[str, Any]:
    """Summarize a per-image table, as `score_dataset` returns it or a saved CSV file holds it.

    Returns a plain dict:
        "metrics": for each ratio (dice .. recall, ap_50 .. f1_95) a dict {"mean", "low", "high", "n"}. The
            mean is over the n images where the ratio is not NaN. "low" and "high" are the ends of its 95 %
            interval (`fcrbench.metrics.jackknife`), an estimate of the mean over all images of the same kind.
            They are NaN for fewer than two images.
        "pooled": every ratio computed from the counts and pixel sums of all images together, and the counts
            themselves. Pooled PQ is not the mean of PQ, and the mean of PQ is not mean SQ x mean RQ.
        "pooled_intervals": {"low", "high"} of each pooled ratio; NaN for fewer than two images with objects.
        "n_images": the number of images.
        "n_empty": the number of images without an object in truth and prediction.

    Raises ValueError if a column is missing.
    """
    check_columns(table)
    terms_of_means = mean_terms(table[list(RATIO_COLUMNS)].to_numpy(np.float64))
    terms_of_pooled = pooled_terms(table)
    has_value = terms_of_means[:, len(RATIO_COLUMNS) :]
    means = estimate_intervals(means_from_sums, terms_of_means, has_value)
    pooled = estimate_intervals(pooled_from_sums, terms_of_pooled, pooled_weights(terms_of_pooled))
    return {
        "n_images": len(table),
        "n_empty": int(((table["n_true"] == 0) & (table["n_pred"] == 0)).sum()),
        "metrics": {
            name: {
                "mean": float(means.value[i]),
                "low": float(means.low[i]),
                "high": float(means.high[i]),
                "n": int(has_value[:, i].sum()),
            }
            for i, name in enumerate(RATIO_COLUMNS)
        },
        "pooled": {name: float(pooled.value[i]) for i, name in enumerate(RATIO_COLUMNS)}
        | {name: int(table[name].sum()) for name in COUNTS},
        "pooled_intervals": {
            name: {"low": float(pooled.low[i]), "high": float(pooled.high[i])}
            for i, name in enumerate(RATIO_COLUMNS)
        },
    }
