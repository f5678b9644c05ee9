"""The simulated GPU refuses what a real one would and counts the waits of the host; runs work on it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from fcrbench import metrics, postprocess
from fcrbench.config import RunConfig
from fcrbench.errors import FcrbenchError
from fcrbench.jobs import run
from fcrbench.jobs.configure import configure
from fcrbench.testing import cuda
from fcrbench.testing.case import Case
from fcrbench.testing.cuda_tensor import DEVICE, CudaTensor, DeviceFault
from fcrbench.testing.simulated import SimulatedCuda
from fcrbench.training.engine import InterruptedTrainingError

HOST = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def gpu():
    with SimulatedCuda() as simulated:
        yield simulated


# what a GPU refuses


@pytest.mark.parametrize(
    "fault",
    [
        lambda there: there + HOST,
        lambda there: torch.cat([there, HOST]),
        lambda there: HOST[torch.zeros(2, dtype=torch.long, device="cuda")],
        lambda there: there.index_add_(0, torch.tensor([0, 1]), there),
        lambda there: torch.nn.functional.linear(there, HOST),
        lambda there: there.numpy(),
        lambda there: np.asarray(there),
        lambda there: np.add(HOST.numpy(), there),
        lambda there: there.requires_grad_() @ HOST.T,
    ],
)
def test_operands_on_two_devices_and_numpy_are_refused(gpu, fault):
    there = HOST.to("cuda")
    with pytest.raises(DeviceFault, match=r"one device|copy it with \.cpu"):
        fault(there)


def test_what_a_gpu_takes_is_taken(gpu):
    there = HOST.to("cuda:0")
    assert there.device == torch.device("cuda", 0)
    assert there.is_cuda
    for made in (torch.zeros(2, device="cuda"), there.new_ones(2), torch.ones_like(there), there.double()):
        assert isinstance(made, CudaTensor)
    assert isinstance(there + torch.tensor(2.0), CudaTensor)  # a number
    there[:, 0] = 7
    assert there.cpu()[:, 0].tolist() == [7, 7]
    assert HOST[0, 0] == 0  # a copy, not the same memory


def test_gradients_come_back_to_the_host(gpu):
    host = torch.ones(3, requires_grad=True)
    (host.to("cuda") * 2).sum().backward()
    assert host.grad.tolist() == [2, 2, 2]


# what makes the host wait


@pytest.mark.parametrize(
    ("action", "waits"),
    [
        (lambda there: there * 2 + there.mean(), 0),
        (lambda there: torch.where(there > 0, there, 0.0), 0),
        (lambda there: there[torch.zeros(1, dtype=torch.long, device="cuda")], 0),
        (lambda there: HOST.pin_memory().to("cuda", non_blocking=True), 0),
        (lambda there: HOST.to("cuda", non_blocking=True), 1),
        (lambda there: HOST.to("cuda"), 1),
        (lambda there: HOST.to(there), 1),
        (lambda there: torch.tensor([1, 2], device="cuda"), 1),
        (lambda there: there.cpu(), 1),
        (lambda there: there.to("cpu"), 1),
        (lambda there: there.sum().item(), 1),
        (lambda there: float(there.sum()), 1),
        (lambda there: bool((there > 0).all()), 1),
        (lambda there: there.tolist(), 1),
        (lambda there: there[there > 0], 1),
        (lambda there: there[torch.tensor([0])], 1),
        (lambda there: there.nonzero(), 1),
        (lambda there: there.copy_(HOST), 1),
        (lambda there: HOST.clone().copy_(there), 1),
        (lambda there: there.masked_fill_(there > 0, 1.0), 0),
        (lambda there: torch.unique(there), 1),
        (lambda there: torch.bincount(there.long().reshape(-1)), 1),
        (lambda there: torch.equal(there, there), 1),
        (lambda there: [0, 1][there[0, 1].long()], 1),
    ],
)
def test_waits_are_counted(gpu, action, waits):
    there = HOST.to("cuda")
    gpu.waits.clear()
    action(there)
    assert len(gpu.waits) == waits
    assert all(wait.startswith("test_simulated_cuda.py:") for wait in gpu.waits)


@pytest.mark.parametrize(
    ("preset", "waits"),
    [("default", 2), ("paper", 1)],  # the terms of the loss; the costs of the colours
)
def test_fcrnet_waits_no_more_than_it_has_to(preset, waits):
    options = {"filters": (4, 8, 8, 8, 8)}
    cuda.check_simulated_cuda(Case("fcrnet", preset, options, 64, 0, 2, None, 0.1, 0.1, waits, 1))


def test_labels_and_scores_of_tensors_stay_on_the_device(gpu):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((4, 40, 50)).astype(np.float32)
    classes = scores.argmax(axis=0)
    there = torch.from_numpy(scores).to("cuda")
    rules = {"background": 0, "min_size": 3, "fill_holes": True, "join_doubt": 0.02, "min_margin": 1.0}
    gpu.waits.clear()
    labels, n = postprocess.label(there.argmax(dim=0))
    assert isinstance(labels, CudaTensor)
    assert len(gpu.waits) <= 20
    gpu.waits.clear()
    found = postprocess.instances(there, **rules)
    assert len(gpu.waits) <= 79
    expected, count = postprocess.label(classes)
    assert n == count
    np.testing.assert_array_equal(labels.cpu(), expected)
    np.testing.assert_array_equal(found.cpu(), postprocess.instances(scores, **rules))
    kinds = dict.fromkeys(range(1, n + 1), 1)
    by_class, expected = (
        metrics.score_classes(*pair, kinds, kinds)
        for pair in ((labels, found), (labels.cpu().numpy(), found.cpu().numpy()))
    )
    assert by_class == expected
    gpu.waits.clear()
    scored = metrics.score(labels, found)
    assert len(gpu.waits) <= 9
    assert scored == metrics.score(labels.cpu().numpy(), found.cpu().numpy())


# whole runs


class Lines:
    """What a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, what: str) -> None:
        self.lines.append(what)

    def step(self, step: int, total: int, loss: float) -> None: ...

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...


def configured(**values) -> RunConfig:
    return configure(
        {
            "method": "fcrnet",
            "options": {"filters": [4, 4, 4, 4, 4]},
            "dataset": {
                "name": "synthetic",
                "options": {"n_train": 2, "n_val": 1, "size": 64, "n_nuclei": 4},
            },
            "training": {"epochs": 2, "crops_per_image": 2, "crop": 32, "workers": 0, "warmup_steps": 2},
        }
        | values
    )


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "weights" / "last.safetensors")


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for key, value in found.items():
        np.testing.assert_array_equal(value, expected[key])


@pytest.fixture
def on_gpu(gpu, monkeypatch):
    monkeypatch.setattr(run, "make_fabric", lambda *_, **__: gpu.fabric())
    monkeypatch.setattr(run.manifest, "describe_device", str)
    monkeypatch.setattr(run.report, "write_report", lambda *_: None)
    return gpu


def test_a_run_on_a_gpu_stopped_and_gone_on_with(on_gpu, tmp_path):
    whole = run.start(configured(), tmp_path / "whole", Lines())
    with pytest.raises(InterruptedTrainingError):
        run.start(configured(), tmp_path / "halves", Lines(), stop_after=1)
    (half,) = (tmp_path / "halves").iterdir()
    run.resume(half, Lines())
    assert_equal(weights(half), weights(whole))
    assert (half / "images.csv").read_text() == (whole / "images.csv").read_text()
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["device"] == str(DEVICE)
    assert manifest["deterministic"] is False
    assert json.loads((whole / "summary.json").read_text())["throughput"]["device"] == "cuda"


def test_a_deterministic_run_needs_no_operation_that_is_not(on_gpu, tmp_path):
    folder = run.start(configured(deterministic=True), tmp_path, Lines())
    assert json.loads((folder / "manifest.json").read_text())["deterministic"] is True
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_that_is_not_deterministic_is_one_error(on_gpu, tmp_path, monkeypatch):
    from fcrbench.methods.fcrnet import model

    monkeypatch.setattr(model.nn, "MaxPool2d", lambda _: torch.nn.AdaptiveAvgPool2d(16))
    with pytest.raises(
        FcrbenchError, match=r"^deterministic = true, but .*avg_pool2d.*; leave it out, or use"
    ):
        run.start(configured(deterministic=True), tmp_path, Lines())
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_cpu_says_that_it_repeats_anyway(tmp_path):
    said = Lines()
    folder = run.start(configured(deterministic=True, device="cpu"), tmp_path, said)
    assert any("deterministic = true changes nothing here" in line for line in said.lines)
    assert json.loads((folder / "manifest.json").read_text())["deterministic"] is True
    assert "deterministic = true" in (folder / "config.toml").read_text()


def test_workers_that_nobody_asked_for_are_told(on_gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "worker_count", lambda workers, device: 3 if workers == "auto" else workers)
    said = Lines()
    training = {"epochs": 1, "crops_per_image": 1, "crop": 32}
    run.start(configured(training=training), tmp_path, said)
    assert any("3 processes prepare the crops" in line for line in said.lines)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_deterministic_run_repeats_on_a_real_gpu(tmp_path):
    first, second = (
        run.start(configured(deterministic=True, device="cuda"), tmp_path / name, Lines()) for name in "ab"
    )
    assert_equal(weights(first), weights(second))
