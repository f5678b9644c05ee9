"""Measures how the scores of a method change on degraded images."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcrbench import metrics
from fcrbench.datasets.base import Sample
from fcrbench.evaluation.corruptions import Corruption
from fcrbench.metrics.aggregate import score_known_labels
from fcrbench.work.failures import Failure, Failures, attempt

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("ap", "f1")


@dataclass(frozen=True)
class Point:
    """One level of one corruption: the scores of every field, and one field to show.

    metrics       for "ap" and "f1" (at IoU 0.5): {"mean", "low", "high"}, with the 95 % interval over images
    differences   these scores minus those of the unchanged images: {"difference", "low", "high"}, paired
    shown         the degraded field to show, and `labels`, its prediction
    """

    corruption: Corruption
    level: float
    table: "pd.DataFrame"
    metrics: dict[str, dict[str, float]]
    differences: dict[str, dict[str, float]]
    shown: Sample
    labels: NDArray[np.int32]


def measure(
    predict: Callable[[np.ndarray], np.ndarray],
    samples: Sequence[Sample],
    chosen: Sequence[Corruption],
    *,
    seed: int = 0,
    failures: Failures | None = None,
    progress: Callable[[Point], None] = lambda point: None,
) -> list[Point]:
    """Score `predict`, a function from an image to its labels, at every level of the chosen corruptions.

    seed      seed of the noise. The noise also depends on the field and the level, but not on the order of
              the fields
    failures  receives the fields that cannot be predicted. A field that fails unchanged is left out. A field
              that fails at a level is left out there, on both sides of the difference. A level without any
              field is left out

    The shown field is the median one by AP on the unchanged images.
    """
    failures = Failures() if failures is None else failures

    def segment(name: str, change: Callable[[], Sample]) -> tuple[Sample, NDArray[np.int32]] | None:
        def work() -> tuple[Sample, NDArray[np.int32]]:
            sample = change()
            return sample, predict(sample.image)

        found = attempt(work, f"field {name}")
        if isinstance(found, Failure):
            failures.add(name, found)
            return None
        return found

    kept = {}
    for sample in samples:
        if found := segment(sample.id, partial(replace, sample)):
            kept[sample.id] = found[1]
    samples = [sample for sample in samples if sample.id in kept]
    if not samples:
        return []
    pairs = [(sample.id, sample.labels, kept[sample.id]) for sample in samples]
    clean = score_known_labels(pairs).table
    order = clean.dropna(subset=["ap"]).sort_values("ap", kind="stable")["image"].tolist()
    show = order[(len(order) - 1) // 2] if order else samples[0].id
    points = []
    for corruption in chosen:
        for level in corruption.levels:
            table, unchanged = clean, clean
            shown = next(sample for sample in samples if sample.id == show)
            labels = kept[show]
            if level != corruption.neutral:
                rows: list[tuple[str, np.ndarray, np.ndarray]] = []
                for sample in samples:
                    key = zlib.crc32(f"{corruption.name} {level} {sample.id}".encode())
                    change = partial(corruption.apply, sample, level, np.random.default_rng([seed, key]))
                    result = segment(f"{sample.id} at {corruption.name} {level:g}", change)
                    if result is None:
                        continue
                    changed, found_labels = result
                    if sample.id == show or not rows:
                        shown, labels = changed, found_labels
                    rows.append((sample.id, changed.labels, found_labels))
                if not rows:
                    continue
                table = score_known_labels(rows).table
                unchanged = clean[clean["image"].isin(table["image"])]
            points.append(_make_point(corruption, level, table, unchanged, shown, labels))
            progress(points[-1])
    return points


def _make_point(
    corruption: Corruption,
    level: float,
    table: "pd.DataFrame",
    clean: "pd.DataFrame",
    shown: Sample,
    labels: NDArray[np.int32],
) -> Point:
    summary: dict[str, Any] = metrics.summarize(table)["metrics"]
    paired: dict[str, Any] = metrics.compare(table, clean, METRICS)["metrics"]
    return Point(
        corruption,
        level,
        table,
        {name: {key: summary[name][key] for key in ("mean", "low", "high")} for name in METRICS},
        {name: {key: paired[name][key] for key in ("difference", "low", "high")} for name in METRICS},
        shown,
        labels,
    )
