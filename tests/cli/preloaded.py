"""What a command imports and compiles at its start, done once in the process that it is forked from."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch reads it

import numpy as np
import torch  # noqa: F401

import fcrbench.jobs.run
import fcrbench.jobs.table
import fcrbench.report.figures
import fcrbench.report.robustness  # noqa: F401
from fcrbench import metrics, postprocess

# The kernels that nearly all commands use; Numba takes a second to read them from its cache.
_labels = postprocess.instances(np.eye(3, dtype=np.float32)[None], background=0)
metrics.score(_labels, _labels)
