"""Predictors that stay loaded between calls of the same process."""

import os
import threading
from functools import lru_cache
from pathlib import Path

from fcrbench.inference.predictor import Predictor, load_predictor
from fcrbench.weights import resolve

_KEPT = 2  # predictors
_loading = threading.Lock()


def shared_predictor(
    weights: str | os.PathLike[str], device: str = "auto", tile: int | None = None
) -> Predictor:
    """Return the predictor that all threads share; arguments as in `load_predictor`.

    It is loaded again when the file of the weights has changed.
    """
    path = resolve(weights).resolve()
    with _loading:  # so that two threads do not load the same weights
        status = path.stat()
        return _load_once(path, status.st_mtime_ns, status.st_size, device, tile)


@lru_cache(maxsize=_KEPT)
def _load_once(path: Path, modified: int, size: int, device: str, tile: int | None) -> Predictor:
    return load_predictor(path, device, tile=tile)
