"""Scores a network on annotated fields and measures its speed."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fcrbench.datasets import Sample
from fcrbench.errors import DataError
from fcrbench.inference import Predictor
from fcrbench.io import write_labels
from fcrbench.metrics import DatasetScores
from fcrbench.metrics.aggregate import score_known_labels
from fcrbench.training.engine import TrainingResult
from fcrbench.work.atomic import write_table
from fcrbench.work.failures import Failure, Failures, attempt

log = logging.getLogger(__name__)


def mean_scores(predictor: Predictor, samples: Sequence[Sample]) -> dict[str, float]:
    """Return the mean of every score over the fields. Fields on which a score is undefined are left out.

    A field that cannot be segmented is named in the log and counts as a field without instances. Raises
    DataError if no field can be segmented.
    """
    pairs = []
    failures = []
    for sample in samples:
        labels = attempt(partial(predictor, sample.image), f"field {sample.id}")
        if isinstance(labels, Failure):
            failures.append(labels.reason)
            labels = np.zeros(sample.labels.shape, np.int32)
        pairs.append((sample.id, sample.labels, labels))
    if failures and len(failures) == len(pairs):
        raise DataError(failures[0])
    for reason in failures:
        log.warning("this field counts as empty in the validation: %s", reason)
    means = score_known_labels(pairs).table.drop(columns="image").mean()
    return {str(key): float(value) for key, value in means.items()}


def predict_and_score(
    predictor: Predictor, samples: Sequence[Sample], folder: Path, failures: Failures
) -> DatasetScores:
    """Segment fields, write predictions/*.tif and images.csv under `folder`, and return the scores.

    failures  receives the fields that cannot be segmented; DataError is raised if none can
    """
    first = f"field {samples[0].id}"
    attempt(partial(predictor, samples[0].image), first)  # the first call is slow and must not be timed
    predictor.reset()

    def predict(sample: Sample) -> np.ndarray:
        labels = predictor(sample.image)
        write_labels(folder / "predictions" / f"{sample.id}.tif", labels)
        return labels

    pairs = []
    for sample in samples:
        labels = attempt(partial(predict, sample), f"field {sample.id}")
        if isinstance(labels, Failure):
            failures.add(sample.id, labels)
        else:
            failures.passed()
            pairs.append((sample.id, sample.labels, labels))
    if not pairs:
        failures.finish(len(samples), "segmented")
    scores = score_known_labels(pairs)
    write_table(folder / "images.csv", scores.table)
    return scores


def summarise(
    scores: DatasetScores,
    predictor: Predictor,
    samples: Sequence[Sample],
    training: TrainingResult | None,
    parameters: int,
) -> dict[str, Any]:
    """Return the content of summary.json: means with intervals, pooled scores, size, speed and training."""
    summary = {
        "split": "val",
        "n_failed": len(samples) - len(scores.table),
        **scores.summary(),
        "parameters": parameters,
        "throughput": {
            "network_images_per_second": predictor.images / predictor.seconds["network"],
            "postprocess_images_per_second": predictor.images / predictor.seconds["postprocess"],
            "image_shape": list(samples[0].image.shape),
            "device": predictor.fabric.device.type,
            "threads": torch.get_num_threads(),
        },
    }
    if training is not None:
        summary["training"] = {
            "seconds": training.seconds,
            "steps": training.steps,
            "crops": training.crops,
        }
    return summary
