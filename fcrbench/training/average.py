"""The running mean of a network's weights, which is evaluated in place of the last ones."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class RunningMean:
    """mean <- decay x mean + (1 - decay) x network after every step; the first step is taken as it is.

    Buffers are averaged with the parameters, those of integers (a count of batches) copied. torch's
    AveragedModel does the same, but copies its own count of steps to the device each time, which waits for
    all that a GPU still has to do, and averages integers one by one.

    network   the mean, a network of its own
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay, self.steps = copy.deepcopy(network), decay, 0
        for module in self.network.modules():
            if isinstance(
                module, nn.RNNBase
            ):  # a copy has scattered weights, which cuDNN gathers at each call
                module.flatten_parameters()

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network as it is after a step."""
        pairs = list(zip(_tensors(self.network), _tensors(network), strict=True))
        averaged = [self.steps > 0 and mean.is_floating_point() for mean, _ in pairs]
        for whether in (True, False):
            these = [
                pair for pair, is_averaged in zip(pairs, averaged, strict=True) if is_averaged is whether
            ]
            means, new = [mean for mean, _ in these], [value.detach() for _, value in these]
            if means and whether:
                torch._foreach_lerp_(means, new, 1 - self.decay)
            elif means:
                torch._foreach_copy_(means, new)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.steps = state["steps"]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*(p.detach() for p in network.parameters()), *network.buffers()]
