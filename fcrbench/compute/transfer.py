"""Copies arrays and tensors from the host to the device of a network."""

import numpy as np
import torch
from torch import Tensor


def to_device(array: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """Return an array, or a tensor on the host, as a tensor on `device`. On the CPU, memory is shared.

    Data for a GPU is copied from pinned memory. Such a copy is queued behind the work of the GPU, and the
    host continues; a copy from ordinary memory, as by `.to(device)`, would make the host wait for that work.
    """
    tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
