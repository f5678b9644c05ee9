"""How torch computes for a while: float32 that is float32, and the same bits each time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

from fcrbench.errors import FcrbenchError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_lock = Lock()
_inside = 0
_restore: Callable[[], None] = lambda: None  # noqa: E731


@contextmanager
def full_float32() -> Iterator[None]:
    """float32 is computed as float32: on NVIDIA GPUs since Ampere torch otherwise rounds the factors of
    convolutions and recurrent layers to TF32, of 10 bits. Afterwards all is as it was; threads may overlap.
    """
    global _inside, _restore
    with _lock:
        if _inside == 0:
            _restore = _set_full_float32()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _restore()


def _set_full_float32() -> Callable[[], None]:
    """Set it, and return what sets it back."""
    cudnn = torch.backends.cudnn
    allowed = _read(lambda: cudnn.allow_tf32)
    matmul = _read(torch.get_float32_matmul_precision)
    # Since 2.9 torch has a setting for each kind of layer, which wins over the others.
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
    except RuntimeError:  # someone has set its parts differently
        return None


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """On a GPU, torch's algorithms that give the same bits each time. Afterwards all is as it was.

    Raises FcrbenchError where a network or a loss needs an operation that has none. The CPU needs nothing.
    """
    if device.type == "cpu":
        yield
        return
    mode = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # it may choose another algorithm each time
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
