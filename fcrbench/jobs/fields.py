"""Reads the fields of a data set, good ones and bad ones."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fcrbench.datasets import Dataset, Sample
from fcrbench.methods.fill_values import describe_fill, replace_fill
from fcrbench.work.failures import Failure, Failures, attempt

log = logging.getLogger(__name__)


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
