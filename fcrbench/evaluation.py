"""Networks against truth: predictions of annotated fields, their scores and speed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fcrbench import metrics
from fcrbench.atomic import write_table
from fcrbench.datasets import Sample
from fcrbench.inference import Predictor
from fcrbench.io import write_labels
from fcrbench.metrics import DatasetScores
from fcrbench.training.engine import Training


def mean_scores(predictor: Predictor, samples: Sequence[Sample]) -> dict[str, float]:
    """Every score as its mean over the fields, empty ones left out."""
    pairs = ((sample.id, sample.labels, predictor(sample.image)) for sample in samples)
    means = metrics.score_dataset(pairs).table.drop(columns="image").mean()
    return {str(key): float(value) for key, value in means.items()}


def predict_and_score(predictor: Predictor, samples: Sequence[Sample], folder: Path) -> DatasetScores:
    """Predict fields, write predictions/*.tif and images.csv under `folder`, return the scores."""
    predictor(samples[0].image)  # the first call pays for memory and compilation
    predictor.reset()
    pairs = []
    for sample in samples:
        labels = predictor(sample.image)
        write_labels(folder / "predictions" / f"{sample.id}.tif", labels)
        pairs.append((sample.id, sample.labels, labels))
    scores = metrics.score_dataset(pairs)
    write_table(folder / "images.csv", scores.table)
    return scores


def summarise(
    scores: DatasetScores,
    predictor: Predictor,
    samples: Sequence[Sample],
    training: Training | None,
    parameters: int,
) -> dict[str, Any]:
    """What summary.json holds: means with intervals, pooled scores, size, speed, training where there was."""
    summary = {
        "split": "val",
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
