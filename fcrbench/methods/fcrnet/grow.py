"""A trained U-Net with more channels: the same function, with room to learn more."""

import torch
from torch import Tensor

from fcrbench.methods.fcrnet.model import UNet


@torch.no_grad()
def grow(trained: UNet, larger: UNet) -> None:
    """Give `larger`, which has fresh weights, the function of `trained`.

    What reads a new channel begins at 0, and what the new channel computes stays as it was drawn: the output
    is that of `trained`, and training goes on from there (after Net2Net, Chen, Goodfellow & Shlens 2016,
    whose new channels are copies of old ones). New channels are normalised with mean 0 and variance 1.
    Raises ValueError where a level has fewer channels than in `trained`.
    """
    few, many = trained.filters, larger.filters
    if len(few) != len(many) or any(a > b for a, b in zip(few, many, strict=True)):
        raise ValueError(f"filters: expected at least {list(few)}, found {list(many)}")
    old, new = trained.state_dict(), larger.state_dict()
    for key, value in new.items():
        parts = key.split(".")
        if value.ndim == 4 and parts[0] == "join" and parts[2] == "0":
            level = len(few) - 2 - int(parts[1])  # reads the skip of this level, then what comes from below
            _copy(old[key][:, : few[level]], value[:, : many[level]])
            _copy(old[key][:, few[level] :], value[:, many[level] :])
        else:
            _copy(old[key], value)
    larger.load_state_dict(new)


def _copy(old: Tensor, new: Tensor) -> None:
    """Copy into the first channels; of a convolution, old outputs read nothing of new inputs."""
    if old.ndim == 0:
        new.copy_(old)
        return
    n = len(old)
    if old.ndim == 4:
        new[:n] = 0
        new[:n, : old.shape[1]] = old
    else:
        new[:n] = old
