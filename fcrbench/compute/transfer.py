"""From the host's memory to where a network computes."""

import numpy as np
import torch
from torch import Tensor


def send(array: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """An array, or a tensor on the host, as a tensor on `device`; on the CPU it is the same memory.

    To a GPU through pinned memory: the copy takes its place among what the GPU has to do, and the host goes
    on. Copied from ordinary memory, as by `.to(device)`, the host waits until all before it is done.
    """
    tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
