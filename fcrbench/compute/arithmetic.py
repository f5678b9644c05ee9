"""Context managers for torch's arithmetic: full float32 precision, and deterministic algorithms."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

from fcrbench.errors import FcrbenchError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_lock = Lock()
_depth = 0
_restore: Callable[[], None] = lambda: None  # noqa: E731


@contextmanager
def full_float32() -> Iterator[None]:
    """Compute float32 with its full precision, then restore the settings. Contexts of threads may overlap.

    By default, torch rounds the factors of convolutions and recurrent layers to TF32, with 10 bits, on NVIDIA
    GPUs since Ampere.
    """
    global _depth, _restore
    with _lock:
        if _depth == 0:
            _restore = _set_full_float32()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _restore()


def _set_full_float32() -> Callable[[], None]:
    """Change the settings, and return a function that restores them."""
    cudnn = torch.backends.cudnn
    allowed = _read(lambda: cudnn.allow_tf32)
    matmul = _read(torch.get_float32_matmul_precision)
    # Since version 2.9, torch has a setting for each kind of layer, which overrides the older ones.
    layers = [getattr(cudnn, name) for name in ("conv", "rnn") if hasattr(cudnn, name)]
    layers += [of.matmul for of in (torch.backends.cuda, torch.backends.mkldnn) if layers]
    before = [layer.fp32_precision for layer in layers]
    cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    for layer in layers:
        layer.fp32_precision = "ieee"

    def restore() -> None:
        if allowed is not None:
            cudnn.allow_tf32 = allowed
        if matmul is not None:
            torch.set_float32_matmul_precision(matmul)
        for layer, precision in zip(layers, before, strict=True):
            layer.fp32_precision = precision

    return restore


def _read(setting: Callable[[], Any]) -> Any:
    try:
        return setting()
    except RuntimeError:  # parts of the setting differ, so there is no single value
        return None


@contextmanager
def deterministic_algorithms(device: torch.device) -> Iterator[None]:
    """On a GPU, use algorithms of torch that repeat results to the bit, then restore the settings.

    Raises FcrbenchError if a network or a loss needs an operation that has no such algorithm. On the CPU all
    algorithms repeat their results, and nothing is changed.
    """
    if device.type == "cpu":
        yield
        return
    mode = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS requires it
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # benchmarking may choose another algorithm each time
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise FcrbenchError(
            f"deterministic = true, but {str(error).splitlines()[0].partition(', but you set')[0]}; "
            "leave it out, or use --device cpu"
        ) from error
    finally:
        torch.use_deterministic_algorithms(mode[0], warn_only=mode[1])
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)
