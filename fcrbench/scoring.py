"""Folders of label images against each other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fcrbench import metrics
from fcrbench.atomic import write_table
from fcrbench.errors import DataError
from fcrbench.io import find_images, read_labels
from fcrbench.metrics import DatasetScores


def score_folders(truth: Path, pred: Path, output: Path | None = None, workers: int = 1) -> DatasetScores:
    """Score the label images of `pred` against those of the same stem in `truth`.

    output   per-image CSV, written when every image is scored
    Raises DataError when a truth has no prediction, or shapes differ. Predictions without truth are
    left alone: a folder of predictions may hold more than is annotated.
    """
    truths, preds = find_images(truth), find_images(pred)
    if not truths:
        raise DataError(f"no label image in {truth}")
    missing = [stem for stem in truths if stem not in preds]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(f"{pred} has no label image for {truths[missing[0]].name}{more}")

    def pairs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for stem, path in truths.items():
            labels, predicted = read_labels(path), read_labels(preds[stem])
            if labels.shape != predicted.shape:
                raise DataError(
                    f"{preds[stem]} has shape {predicted.shape}, its truth {path} has {labels.shape}"
                )
            yield stem, labels, predicted

    scores = metrics.score_dataset(pairs(), workers=workers)
    if output is not None:
        write_table(output, scores.table)
    return scores
