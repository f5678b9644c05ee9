"""Data sets: `available()` lists them, `create(name, root, **options)` builds one."""

from fcrbench.datasets.base import Dataset, Sample
from fcrbench.datasets.registry import DatasetSpec, available, create

__all__ = ["Dataset", "DatasetSpec", "Sample", "available", "create"]
