"""Score, train and compare nucleus instance segmentation methods.

Nothing heavy is imported here: `import fcrbench.metrics` costs numpy, scipy and numba only.
"""

__version__ = "0.1.0"
