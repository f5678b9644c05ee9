"""Speed of new processes: imports, and first calls with kernels from Numba's disk cache."""


def timeraw_import_metrics() -> str:
    return "import fcrbench.metrics"


def timeraw_import_numba() -> str:
    """Import numba, which takes most of the time of `timeraw_import_metrics`."""
    return "import numba"


def timeraw_first_call() -> str:
    return """
    import numpy as np
    from fcrbench import metrics, postprocess
    labels = postprocess.instances(np.zeros((4, 8, 8), np.float32))
    metrics.score(labels, labels)
    """


timeraw_first_call.repeat = 5  # the median ignores the first process, which may compile kernels
