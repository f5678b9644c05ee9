"""Data sets: `available()` lists them, `create(name, root, **options)` builds one."""

from fcrbench.datasets.base import Dataset, DatasetSpec, Sample
from fcrbench.datasets.registry import available, create
from fcrbench.datasets.splitting import seeded_split

__all__ = ["Dataset", "DatasetSpec", "Sample", "available", "create", "seeded_split"]


def __dir__() -> list[str]:
    return __all__
