"""The device and the precision of a network, as a Fabric."""

import logging
import os
from datetime import timedelta
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from fcrbench.compute.processes import is_distributed
from fcrbench.errors import FcrbenchError, UsageError

TIMEOUT = timedelta(days=1)  # how long processes wait for each other, such as during validation


def make_fabric(device: str, precision: str, *, distributed: bool = False) -> Fabric:
    """Create a Fabric on "auto", "cpu", "cuda" or "cuda:N". Raises FcrbenchError if CUDA is not available.

    distributed   join the processes that `processes.launch` or torchrun started together with this one
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
        precision = "bf16" if _has_native_bfloat16(kind) else "32"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it logs the precision each time
    fabric_precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16" else "32-true"
    if distributed and is_distributed():
        if number:
            raise UsageError(f"--device {device} is a single device; with several processes use cpu or cuda")
        return _join(kind, fabric_precision)
    return Fabric(
        accelerator=kind,
        devices=[int(number)] if number else 1,
        # Name the environment: Lightning would take variables of SLURM or MPI as an order to form a cluster.
        plugins=[LightningEnvironment()],
        precision=fabric_precision,
    )


def _join(kind: str, precision: Literal["bf16-mixed", "32-true"]) -> Fabric:
    """Create a Fabric with one device for each of several processes. Waits until all processes are there."""
    local_size, world_size = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    if kind == "cuda" and local_size > torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise FcrbenchError(f"{local_size} processes for {found} CUDA device(s): each needs its own")
    fabric = Fabric(
        accelerator=kind,
        devices=local_size,
        num_nodes=world_size // local_size,
        strategy=DDPStrategy(timeout=TIMEOUT),
        plugins=[TorchElasticEnvironment()],
        precision=precision,
    )
    fabric.launch()
    return fabric


def channels_last(network: nn.Module) -> nn.Module:
    """Return the network with its weights in the memory format in which convolutions are fastest."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _has_native_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
