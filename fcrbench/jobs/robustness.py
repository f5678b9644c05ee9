"""Measures the scores of a network on degraded images: `fcrbench robustness`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fcrbench import weights
from fcrbench.errors import UsageError
from fcrbench.evaluation.corruptions import choose_corruptions
from fcrbench.evaluation.robustness import Point, measure
from fcrbench.inference import load_predictor
from fcrbench.jobs import manifest
from fcrbench.jobs.fields import create_dataset, files_of, read_fields, warn_about_labels
from fcrbench.report import robustness as page
from fcrbench.work.atomic import check_folder
from fcrbench.work.failures import Failures
from fcrbench.work.outputs import check_output_folder, check_outputs

_FILES = ("robustness.html", "robustness.csv", "images.csv", "failed.csv", "failed.log")


def measure_robustness(
    weights_name: str,
    dataset: str,
    root: str | os.PathLike[str] | None,
    output: Path,
    *,
    options: Mapping[str, Any],
    corruptions: str = "all",
    images: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Point], None] = lambda point: None,
    conclude: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Measure the scores of weights on the validation fields of a data set and write the curves to `output`.

    Args:
        weights_name: the weights: "default", a run directory or a file.
        options: the options of the data set.
        corruptions: names separated by commas, or "all".
        images: the number of fields to use; None uses all.
        seed: the seed of the noise.
        progress: called with each point of a curve.
        conclude: called with each sentence for the user at the end.

    Raises UsageError for a name that does not exist or a data set without validation fields. Raises DataError
    at the end if fields could not be read or segmented; failed.csv in `output` lists them.
    """
    if images is not None and images < 1:
        raise UsageError(f"--images {images}: expected 1 or more")
    check_output_folder(output)
    data = create_dataset(dataset, root, options, weights_name)
    check_outputs([output / name for name in _FILES], [weights.resolve(weights_name), *files_of(data)])
    ids = data.splits.get("val", ())[:images]
    if not ids:
        raise UsageError(f"data set {dataset} has no field in its 'val' split")
    failures = Failures(output / "failed.csv")
    samples = read_fields(data, ids, failures)
    if not samples:
        failures.finish(len(ids), "read", partly=False)
    warn_about_labels(data)
    chosen = choose_corruptions(corruptions, samples[0].image.dtype)
    path = weights.resolve(weights_name)
    predictor = load_predictor(weights_name, device)
    check_folder(output)
    points = measure(predictor, samples, chosen, seed=seed, failures=failures, progress=progress)
    levels = sum(level != corruption.neutral for corruption in chosen for level in corruption.levels)
    total = len(ids) + levels * len(samples)
    if not points:
        failures.finish(total, "segmented", partly=False)
    method = weights.read_header(path).method
    facts = {
        "title": f"Robustness of {method} on {dataset}",
        "weights": weights_name,
        "method": method,
        "sha256": weights.sha256(path),
        "split": "val",
        "n_images": len(samples),
        "seed": seed,
        "manifest": manifest.describe_environment(),
    }
    page.write(points, data, facts, output)
    if sentence := page.describe_eight_bits(points):
        conclude(sentence)
    conclude(f"page: {output / 'robustness.html'}")
    failures.finish(total, "segmented")
