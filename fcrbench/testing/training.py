"""Checks of a method in the training loop: stopping and resuming, and sharing batches among processes."""

import dataclasses
import signal
import tempfile
from pathlib import Path

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from fcrbench.compute.device import make_fabric
from fcrbench.config import TrainingConfig
from fcrbench.testing.case import Case
from fcrbench.testing.expect import expect
from fcrbench.training.engine import VALIDATION_SCORES, InterruptedTrainingError, Trainer


def check_empty_share(case: Case) -> None:
    """Check that the network accepts an empty batch, which a process gets from a batch that is too small."""
    method = case.create()
    network = case.build_prepared_network(method).train()
    images, _ = case.make_batch(method)
    try:
        output = network(images[:0])
    except Exception as error:
        raise AssertionError(
            f"the network fails on a batch of no image {tuple(images[:0].shape)}, which a process gets if a "
            f"batch has fewer images than there are processes: {type(error).__name__}: {error}"
        ) from error
    found: list[Tensor] = []
    apply_to_collection(output, Tensor, found.append)
    full: list[Tensor] = []
    apply_to_collection(network(images), Tensor, full.append)
    for empty, some in zip(found, full, strict=True):
        expected = (0, *some.shape[1:])
        expect(
            empty.shape == expected,
            f"the output for a batch of no image is {tuple(empty.shape)}; expected {expected}",
        )
    sum(empty.float().sum() for empty in found if empty.requires_grad).backward()  # type: ignore[union-attr]


def check_resume(case: Case) -> None:
    """Check that a training that is stopped within an epoch and resumed ends with identical weights."""
    stride = case.create().stride
    crop = max(16, stride)
    config = dataclasses.replace(
        case.training,
        epochs=1,
        crops_per_image=8,
        batch_size=2,
        crop=-(-crop // stride) * stride,
        precision="32",
        workers=0,
    )
    weights = []
    for stops in ((), (2,)):
        with tempfile.TemporaryDirectory() as folder:
            for stop in (*stops, None):
                trainer = _make_trainer(case, config, Path(folder), stop)
                if trainer.checkpoint.is_file():
                    trainer.restore()
                try:
                    weights.append(trainer.fit().network.state_dict())
                except InterruptedTrainingError:
                    expect(trainer.state.step == stop, f"stopped at step {trainer.state.step}, not {stop}")
    differ = [key for key, value in weights[0].items() if not torch.equal(value, weights[1][key])]
    expect(
        not differ,
        f"{len(differ)} of {len(weights[0])} tensors, {differ[:1]} first, differ between a training of four "
        "steps and one that was stopped after the second: keep everything that changes from step to step in "
        "the network, and draw random numbers from torch's global generator",
    )


def _make_trainer(case: Case, config: TrainingConfig, folder: Path, stop: int | None) -> Trainer:
    """Create a trainer that gets SIGINT, as by Ctrl-C, after step `stop`."""
    method = case.create()

    class StopAtStep:
        def started(self, what: str) -> None: ...

        def step(self, step: int, total: int, loss: float) -> None:
            if step == stop:
                signal.raise_signal(signal.SIGINT)

        def validated(self, epoch: int, scores: dict[str, float]) -> None: ...

    return case.make_trainer(
        method,
        case.build_network(method),
        config,
        fabric=make_fabric("cpu", config.precision),
        directory=folder,
        validate=lambda network: dict.fromkeys(VALIDATION_SCORES, 0.0),
        progress=StopAtStep(),
    )
