"""The running mean of a network's weights, which is evaluated instead of the current weights."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class RunningMean:
    """mean <- decay x mean + (1 - decay) x network after every step; the first step copies the network.

    Buffers are averaged like parameters; integer buffers (a count of batches) are copied. torch's
    AveragedModel does the same, but copies its count of steps to the device each time, which makes the host
    wait for the GPU, and averages integers one by one.

    network   the mean, a separate network
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay, self.steps = copy.deepcopy(network), decay, 0
        for module in self.network.modules():
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()  # cuDNN would gather the scattered weights of a copy at each call

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Update the mean with the network after a step."""
        averaged: tuple[list[Tensor], list[Tensor]] = ([], [])
        copied: tuple[list[Tensor], list[Tensor]] = ([], [])
        for mean, value in zip(_tensors(self.network), _tensors(network), strict=True):
            means, values = averaged if self.steps and mean.is_floating_point() else copied
            means.append(mean)
            values.append(value)
        if averaged[0]:
            torch._foreach_lerp_(*averaged, 1 - self.decay)
        if copied[0]:
            torch._foreach_copy_(*copied)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.steps = state["steps"]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*(p.detach() for p in network.parameters()), *network.buffers()]
