"""Adds channels to a trained U-Net without changing its output."""

import torch
from torch import Tensor

from fcrbench.methods.fcrnet.model import UNet


@torch.no_grad()
def grow(trained: UNet, larger: UNet) -> None:
    """Set the weights of `larger`, which are newly drawn, so that it computes the same as `trained`.

    The weights that read new channels from old ones become 0; those that compute new channels stay as drawn.
    So training continues from the output of `trained` (after Net2Net, Chen, Goodfellow & Shlens 2016, where
    new channels are copies of old ones). New channels are normalised with mean 0 and variance 1.
    Raises ValueError if a level has fewer channels than in `trained`.
    """
    few, many = trained.filters, larger.filters
    if len(few) != len(many) or any(a > b for a, b in zip(few, many, strict=True)):
        raise ValueError(f"filters: expected at least {list(few)}, found {list(many)}")
    old, new = trained.state_dict(), larger.state_dict()
    for key, value in new.items():
        parts = key.split(".")
        if value.ndim == 4 and parts[0] == "join" and parts[2] == "0":
            level = len(few) - 2 - int(parts[1])  # its inputs: the skip of this level, then the coarser level
            _copy(old[key][:, : few[level]], value[:, : many[level]])
            _copy(old[key][:, few[level] :], value[:, many[level] :])
        else:
            _copy(old[key], value)
    larger.load_state_dict(new)


def _copy(old: Tensor, new: Tensor) -> None:
    """Copy into the first channels. In a convolution, old outputs get weight 0 for new inputs."""
    if old.ndim == 0:
        new.copy_(old)
        return
    n = len(old)
    if old.ndim == 4:
        new[:n] = 0
        new[:n, : old.shape[1]] = old
    else:
        new[:n] = old
