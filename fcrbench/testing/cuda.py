"""Checks of a method on a simulated or a real GPU: a short training and the segmentation of an image."""

import copy
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric
from torch import nn

from fcrbench.compute.device import make_fabric
from fcrbench.config import TrainingConfig
from fcrbench.datasets import Sample
from fcrbench.evaluation.evaluate import mean_scores
from fcrbench.inference import Predictor
from fcrbench.methods import Method
from fcrbench.testing.case import Case
from fcrbench.testing.expect import expect, expect_labels
from fcrbench.testing.simulated import SimulatedCuda
from fcrbench.training.engine import Trainer

STEPS = 2  # waits are counted in the last step, as the first may initialise something


@dataclass
class TrainingTrace:
    """Records the losses of a short training, and where the host waited for the device.

    waits        the waits since the last event; emptied after each step and image
    losses       the loss of each step
    step_waits   the waits of each step, including the loading of its batch
    image_waits  the waits during the segmentation of an image
    """

    waits: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    step_waits: list[list[str]] = field(default_factory=list)
    image_waits: list[str] = field(default_factory=list)

    def started(self, what: str) -> None: ...

    def step(self, step: int, total: int, loss: float) -> None:
        self.losses.append(loss)
        self.step_waits.append(self._take_waits())

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...

    def segment(self, predictor: Predictor, image: np.ndarray) -> None:
        self.waits.clear()
        labels = predictor(image)
        self.image_waits = self._take_waits()
        expect_labels(labels, image.shape, "an image on a GPU")

    def _take_waits(self) -> list[str]:
        waits = list(self.waits)
        self.waits.clear()
        return waits


def check_simulated_cuda(case: Case) -> None:
    """Check a short training and a prediction on a simulated GPU, in float32 and bfloat16.

    All tensors must be on one device, and the host must not wait for it more often than the case allows.
    """
    on_cpu = TrainingTrace()
    train_briefly(case, case.create(), make_fabric("cpu", "32"), on_cpu)
    for bf16 in (False, True):
        with SimulatedCuda() as simulated:
            trace = TrainingTrace(simulated.waits)
            train_briefly(case, case.create(), simulated.fabric(bf16=bf16), trace)
        if case.is_trained:
            _expect_at_most(trace.step_waits[-1], case.step_waits, "a step of training")
        _expect_at_most(trace.image_waits, case.image_waits, "the segmentation of an image")
        expect(
            bf16 or np.allclose(trace.losses, on_cpu.losses, rtol=1e-4),
            f"the losses of {STEPS} steps are {trace.losses} on a simulated GPU and {on_cpu.losses} on the "
            "CPU: code that runs on GPUs only computes something else",
        )


def check_cuda(case: Case) -> None:
    """Check on a real GPU that losses are finite and that float32 scores are close to those of the CPU."""
    method = case.create()
    trace = TrainingTrace()
    network = train_briefly(case, method, make_fabric("cuda:0", "32"), trace)
    expect(bool(np.isfinite(trace.losses).all()), f"the losses of {STEPS} steps are {trace.losses}")
    found = Predictor(method, network, make_fabric("cuda:0", "32")).scores(case.field[0])
    own = Predictor(method, copy.deepcopy(network).cpu(), make_fabric("cpu", "32")).scores(case.field[0])
    difference = np.sqrt(np.square(found - own).mean()) / max(np.sqrt(np.square(own).mean()), 1e-6)
    expect(
        bool(difference <= 1e-3),
        f"the scores of GPU and CPU differ by {difference:.2g} (root mean square of the difference, relative "
        "to that of the scores); expected at most 0.001",
    )


def train_briefly(case: Case, method: Method, fabric: Fabric, trace: TrainingTrace) -> nn.Module:
    """Train for STEPS steps on the image, segment and score it; return the network."""
    image, labels = case.field
    sample = Sample("image", image, labels)
    config = TrainingConfig(epochs=1, crops_per_image=2 * STEPS, batch_size=2, crop=len(image), workers=0)

    def validate(network: nn.Module) -> dict[str, float]:
        predictor = Predictor(method, network, fabric)
        trace.segment(predictor, image)
        return mean_scores(predictor, [sample])

    network = case.build_network(method)
    if not case.is_trained:
        validate(network.to(fabric.device))
        return network
    with tempfile.TemporaryDirectory() as folder:
        trainer = case.make_trainer(
            method,
            network,
            config,
            fabric=fabric,
            directory=Path(folder),
            validate=validate,
            progress=trace,
            trainer_class=_TrainerWithoutFiles,
        )
        return trainer.fit().network


class _TrainerWithoutFiles(Trainer):
    """A trainer that writes no weights and checkpoints, which would take longer than the steps."""

    def save(self) -> None: ...

    def _save_weights(self, name: str) -> None: ...


def _expect_at_most(waits: list[str], limit: int | None, what: str) -> None:
    expect(
        limit is None or len(waits) <= limit,
        f"in {what} the host waits {len(waits)} times for the GPU; expected at most {limit}: "
        + ", ".join(waits),
    )
