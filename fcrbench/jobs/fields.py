"""Creates the data set of a job and reads its fields, good ones and bad ones."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fcrbench import datasets, weights
from fcrbench.datasets import Dataset, Sample
from fcrbench.datasets.pairs import PairedDataset
from fcrbench.io.choice import complete
from fcrbench.label_checks import FIXES
from fcrbench.methods.fill_values import describe_fill, replace_fill
from fcrbench.work.failures import Failure, Failures, attempt

log = logging.getLogger(__name__)


def create_dataset(
    name: str,
    root: str | os.PathLike[str] | None,
    options: Mapping[str, Any],
    given_weights: str | os.PathLike[str] = "",
) -> Dataset:
    """Create a data set. Where it leaves channel or plane open, those of the weights are read."""
    dataset = datasets.create(name, root, **options)
    if given_weights:
        remembered = weights.read_header(weights.resolve(given_weights)).choice
        dataset.choice = complete(dataset.choice, remembered)
    return dataset


def files_of(dataset: Dataset) -> list[Path]:
    """Return the files of the fields, as far as the data set names them."""
    if not isinstance(dataset, PairedDataset):
        return []
    return [path for pair in dataset.pairs.values() for path in (pair.image, pair.mask)]


def read_fields(dataset: Dataset, ids: Sequence[str], failures: Failures) -> list[Sample]:
    """Return the fields that can be read; the others are added to `failures`.

    Fill values in images are replaced, and a warning says so.
    """
    samples = []
    for i in ids:
        sample = attempt(partial(_load, dataset, i), f"field {i}")
        if isinstance(sample, Failure):
            failures.add(i, sample)
        else:
            samples.append(sample)
    return samples


def _load(dataset: Dataset, sample_id: str) -> Sample:
    sample = dataset.load(sample_id)
    for note in describe_fill(sample.image):
        log.warning("field %s: %s", sample_id, note)
    return replace(sample, image=replace_fill(sample.image))


def warn_about_labels(dataset: Dataset) -> None:
    """Say once what the labels of the fields that were read look like, if not like label images."""
    fix = FIXES["mask"]
    if hasattr(dataset.options, "label_mask"):
        fix = "--set dataset.options.label_mask=true, or finetune --label-mask, labels its components"
    for message in dataset.findings.messages({"mask": fix}):
        log.warning("%s", message)
