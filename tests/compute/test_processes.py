"""Several processes compute the gradients of the whole batch, as one process does; errors end all of them."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from failing import fail
from torch import nn

from fcrbench.compute import processes
from fcrbench.compute.device import make_fabric
from fcrbench.compute.processes import launch
from fcrbench.config import RunConfig, TrainingConfig
from fcrbench.errors import DataError, FcrbenchError, UsageError
from fcrbench.jobs import run
from fcrbench.training.batchnorm import SyncedBatchNorm, convert_sync_batchnorm
from fcrbench.training.group import ProcessGroup

# Shares of two processes: 2 + 2, 1 + 2, 0 + 1 images.
BATCHES = [[3, 0, 5, 1], [2, 4, 6], [7]]


class Network(nn.Module):
    """Two outputs of a batch, with the two kinds of batch normalisation that differ."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3, momentum=None, affine=False))

    def forward(self, images):
        features = self.first(images)
        return {"scores": self.second(features), "nothing": features[:, :0], "other": (features.sum((2, 3)),)}


def train():
    """Three steps in double precision with a loss that is no mean of those of the images."""
    torch.manual_seed(0)
    images = torch.randn(8, 1, 9, 9, dtype=torch.float64)
    labels = np.arange(8, dtype=np.int32)[:, None] % 3
    fabric = make_fabric("cpu", "32", distributed=True)
    group = ProcessGroup(fabric)
    network = Network().double()
    if group.world_size > 1:
        convert_sync_batchnorm(network)
    module, optimiser = fabric.setup(network, torch.optim.SGD(network.parameters(), lr=0.1))
    losses = []
    for batch in BATCHES:
        shard = group.shard(batch)
        output, whole = group.gather(module(images[shard]), labels[shard], len(batch))
        weight = torch.from_numpy(whole)[:, :, None, None]
        assert whole[:, 0].tolist() == [i % 3 for i in batch]
        assert output["nothing"].shape[:2] == (len(batch), 0)
        loss = (weight * output["scores"]).sigmoid().sum() / (1 + weight.sum())
        loss = loss + output["other"][0].square().sum().sqrt()
        optimiser.zero_grad()
        fabric.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    module.eval()
    state = {key: value.numpy() for key, value in network.state_dict().items()}
    state["evaluated"] = network(images)["scores"].detach().numpy()
    anyone = (group.any_process(group.rank == group.world_size - 1), group.any_process(False))
    torch.manual_seed(0)
    group.use_separate_rng(1, 2)
    drawn = torch.rand(1)
    everywhere, _ = group.gather(drawn, np.zeros((1, 1), np.int32), group.world_size)
    return losses, state, anyone, everywhere.tolist()


def test_two_processes_are_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    losses, state, anyone, drawn = launch(train, processes=2)
    expected, one, _, alone = train()
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    assert state.keys() == one.keys()
    for key, value in one.items():
        np.testing.assert_allclose(state[key], value, rtol=1e-10, atol=1e-12, err_msg=key)
    assert anyone == (True, False)
    assert drawn[0] == alone[0]
    assert drawn[1] != drawn[0]


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("error", DataError, r"^b\.png is no image$"),
        ("kill", FcrbenchError, r"^process 1 of 2 was ended by SIGKILL, .* --resume"),
    ],
)
def test_one_that_fails_ends_all(how, error, words, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    with pytest.raises(error, match=f"(?s){words}"):
        launch(fail, how, processes=2)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_processes_of_torchrun_start_none(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "1")
    assert processes.rank() == 0  # alone, whatever else the environment says
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert processes.rank() == 1
    with pytest.raises(UsageError, match="torchrun has already started them"):
        launch(train, processes=2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="--device cuda:0 is a single device"):
        make_fabric("cuda:0", "32", distributed=True)
    with pytest.raises(FcrbenchError, match=r"2 processes for 1 CUDA device\(s\)"):
        make_fabric("cuda", "32", distributed=True)


def test_more_processes_than_crops_in_a_batch_are_refused(monkeypatch):
    fabric = SimpleNamespace(world_size=4)
    monkeypatch.setattr(run, "make_fabric", lambda *given, distributed: fabric)
    assert run.create_fabric(RunConfig(training=TrainingConfig(batch_size=4))) is fabric
    with pytest.raises(UsageError, match=r"training\.batch_size is 3; expected at least 4"):
        run.create_fabric(RunConfig(training=TrainingConfig(batch_size=3)))


def test_batch_normalisation_keeps_its_names_weights_and_evaluation():
    network = Network()
    before = network.state_dict()
    images = torch.randn(2, 1, 9, 9)
    plain = network(images)["scores"]
    synced = convert_sync_batchnorm(network)
    assert synced is network
    assert [type(module) for module in network.modules()].count(SyncedBatchNorm) == 2
    assert all(value.data_ptr() == before[key].data_ptr() for key, value in network.state_dict().items())
    assert torch.equal(network(images)["scores"], plain)  # one process: as it was
    assert isinstance(convert_sync_batchnorm(nn.BatchNorm1d(3)), SyncedBatchNorm)


def test_an_output_that_is_not_by_image_is_refused():
    group = ProcessGroup(make_fabric("cpu", "32"))
    group.world_size = 2
    with pytest.raises(ValueError, match=r"shape \(3, 4\) for 2 images"):
        group.gather(torch.zeros(3, 4), np.zeros((3, 1), np.int32)[:2], 4)
