"""What is asked of a method in the loop that trains it: to be stopped, and to be shared by processes."""

import dataclasses
import signal
import tempfile
from pathlib import Path

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from fcrbench.compute.device import make_fabric
from fcrbench.config import TrainingConfig
from fcrbench.datasets import Sample
from fcrbench.testing.case import Case
from fcrbench.testing.expect import expect
from fcrbench.training.engine import VALIDATION_SCORES, InterruptedTrainingError, Trainer


def check_empty_share(case: Case) -> None:
    """A batch of no image passes the network: several processes may share a batch that is smaller."""
    method = case.create()
    network = case.network(method).train()
    images, _ = case.batch(method)
    try:
        output = network(images[:0])
    except Exception as error:
        raise AssertionError(
            f"the network fails on a batch of no image {tuple(images[:0].shape)}, the share of a process "
            f"where there are fewer images than processes: {type(error).__name__}: {error}"
        ) from error
    found: list[Tensor] = []
    apply_to_collection(output, Tensor, found.append)
    full: list[Tensor] = []
    apply_to_collection(network(images), Tensor, full.append)
    for none, some in zip(found, full, strict=True):
        expected = (0, *some.shape[1:])
        expect(
            none.shape == expected,
            f"the output for a batch of no image is {tuple(none.shape)}; expected {expected}",
        )
    sum(none.float().sum() for none in found if none.requires_grad).backward()  # type: ignore[union-attr]


def check_resume(case: Case) -> None:
    """Training that is stopped within an epoch and gone on with ends with the same weights, to the bit."""
    image, labels = case.field
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
                trainer = _trainer(case, config, Sample("field", image, labels), Path(folder), stop)
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
        "steps and one that was stopped after the second: what changes from step to step must be in the "
        "network, or drawn from torch's global generator",
    )


def _trainer(case: Case, config: TrainingConfig, sample: Sample, folder: Path, stop: int | None) -> Trainer:
    """One that is asked to stop after step `stop`, as by Ctrl-C."""
    method = case.create()

    class Stop:
        def started(self, what: str) -> None: ...

        def step(self, step: int, total: int, loss: float) -> None:
            if step == stop:
                signal.raise_signal(signal.SIGINT)

        def validated(self, epoch: int, scores: dict[str, float]) -> None: ...

    return Trainer(
        case.spec.name,
        method,
        case.fresh(method),
        [sample],
        config,
        fabric=make_fabric("cpu", config.precision),
        seed=case.seed,
        directory=folder,
        validate=lambda network: dict.fromkeys(VALIDATION_SCORES, 0.0),
        progress=Stop(),
    )
