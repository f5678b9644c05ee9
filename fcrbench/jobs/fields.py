"""Reads the fields of a data set, good ones and bad ones."""

import logging
from collections.abc import Sequence
from functools import partial

from fcrbench.datasets import Dataset, Sample
from fcrbench.label_checks import FIXES
from fcrbench.work.failures import Failure, Failures, attempt

log = logging.getLogger(__name__)


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


def warn_about_labels(dataset: Dataset) -> None:
    """Say once what the labels of the fields that were read look like, if not like label images."""
    fix = FIXES["mask"]
    if hasattr(dataset.options, "label_mask"):
        fix = "--set dataset.options.label_mask=true, or finetune --label-mask, labels its components"
    for message in dataset.findings.messages({"mask": fix}):
        log.warning("%s", message)
