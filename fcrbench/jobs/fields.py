"""Reads the fields of a data set, good ones and bad ones."""

from collections.abc import Sequence
from functools import partial

from fcrbench.datasets import Dataset, Sample
from fcrbench.work.failures import Failure, Failures, attempt


def read_fields(dataset: Dataset, ids: Sequence[str], failures: Failures) -> list[Sample]:
    """Return the fields that can be read; the others are added to `failures`."""
    samples = []
    for i in ids:
        sample = attempt(partial(dataset.load, i), f"field {i}")
        if isinstance(sample, Failure):
            failures.add(i, sample)
        else:
            samples.append(sample)
    return samples
