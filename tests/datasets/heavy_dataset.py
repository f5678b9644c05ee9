"""A description whose module imports what listing data sets should not wait for."""

import matplotlib  # noqa: F401
from broken_datasets import SOUND as SPEC  # noqa: F401
