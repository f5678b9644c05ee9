"""Where and how precisely a network computes."""

import logging

import torch
from lightning_fabric import Fabric
from torch import nn

from fcrbench.errors import FcrbenchError, UsageError


def make_fabric(device: str, precision: str) -> Fabric:
    """Fabric on "auto", "cpu", "cuda" or "cuda:N". Raises UsageError when CUDA is asked for and absent."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()):
        raise UsageError(f"--device {device}: expected auto, cpu, cuda or cuda:N")
    if kind == "cuda" and not torch.cuda.is_available():
        raise FcrbenchError(f"--device {device}: no CUDA device found; use --device cpu or auto")
    if number and int(number) >= torch.cuda.device_count():
        raise FcrbenchError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA device(s)")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16" if _computes_bfloat16(kind) else "32"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision each time
    return Fabric(
        accelerator=kind,
        devices=[int(number)] if number else 1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its weights in the memory order that convolutions are fastest in."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _computes_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
