"""The running mean of the weights equals that of torch to the bit, except for what need not be averaged."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fcrbench.training.average import RunningMean


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.gru = nn.BatchNorm2d(3), nn.GRU(3, 4, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.gru(self.norm(x).flatten(2).transpose(1, 2))[0]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network().train()


def test_it_is_that_of_torch(network):
    mean, expected = (
        RunningMean(network, 0.9),
        AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True),
    )
    for _ in range(4):
        network(torch.randn(2, 3, 4, 4))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        mean.update(network)
        expected.update_parameters(network)
    for (key, value), (_, other) in zip(
        mean.network.state_dict().items(), expected.module.state_dict().items(), strict=True
    ):
        if value.is_floating_point():
            assert torch.equal(value, other), key
    assert mean.network.norm.num_batches_tracked == network.norm.num_batches_tracked == 4


def test_it_goes_on_where_it_was_saved(network):
    mean = RunningMean(network, 0.5)
    mean.update(network)
    again = RunningMean(Network(), 0.5)
    again.load_state_dict(copy.deepcopy(mean.state_dict()))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for each in (mean, again):
        each.update(network)
    for key, value in mean.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key])


def test_the_weights_of_recurrent_layers_are_gathered(network, monkeypatch):
    gathered = []
    monkeypatch.setattr(nn.GRU, "flatten_parameters", lambda self: gathered.append(self))
    mean = RunningMean(network, 0.9)
    assert mean.network.gru in gathered
