"""Where and how precisely a network computes."""

import logging
import os
from datetime import timedelta
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from fcrbench.compute.processes import started_together
from fcrbench.errors import FcrbenchError, UsageError

LONGEST_WAIT = timedelta(days=1)  # of a process for another, such as the one that validates


def make_fabric(device: str, precision: str, *, together: bool = False) -> Fabric:
    """Fabric on "auto", "cpu", "cuda" or "cuda:N". Raises FcrbenchError when CUDA is asked for and absent.

    together   join the processes that this one was started with, by `processes.launch` or torchrun
    """
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
    computes: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16" else "32-true"
    if together and started_together():
        if number:
            raise UsageError(f"--device {device} is one device; several processes take cpu or cuda")
        return _join(kind, computes)
    return Fabric(accelerator=kind, devices=[int(number)] if number else 1, precision=computes)


def _join(kind: str, precision: Literal["bf16-mixed", "32-true"]) -> Fabric:
    """Fabric of one of several processes, with a device for each; returns when all have come."""
    here, all_of_them = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    if kind == "cuda" and here > torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise FcrbenchError(f"{here} processes for {found} CUDA device(s): each needs its own")
    fabric = Fabric(
        accelerator=kind,
        devices=here,
        num_nodes=all_of_them // here,
        strategy=DDPStrategy(timeout=LONGEST_WAIT),
        plugins=[TorchElasticEnvironment()],
        precision=precision,
    )
    fabric.launch()
    return fabric


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its weights in the memory order that convolutions are fastest in."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _computes_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
