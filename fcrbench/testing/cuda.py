"""A method on a GPU, simulated or real: trained by the engine and asked for instances."""

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

STEPS = 2  # the first may prepare something


@dataclass
class Trace:
    """What a short training was. `waits` is where the host waited for the device since it was last emptied.

    of_step   waits in each step, the loading of its batch included
    of_image  waits in the segmentation of an image
    """

    waits: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    of_step: list[list[str]] = field(default_factory=list)
    of_image: list[str] = field(default_factory=list)

    def started(self, what: str) -> None: ...

    def step(self, step: int, total: int, loss: float) -> None:
        self.losses.append(loss)
        self.of_step.append(self._waited())

    def validated(self, epoch: int, scores: dict[str, float]) -> None: ...

    def image(self, predictor: Predictor, image: np.ndarray) -> None:
        self.waits.clear()
        labels = predictor(image)
        self.of_image = self._waited()
        expect_labels(labels, image.shape, "an image on a GPU")

    def _waited(self) -> list[str]:
        found = list(self.waits)
        self.waits.clear()
        return found


def check_simulated_cuda(case: Case) -> None:
    """Steps of training and a prediction, in float32 and bfloat16: all on one device, few waits for it."""
    on_cpu = Trace()
    train_briefly(case, case.create(), make_fabric("cpu", "32"), on_cpu)
    for bf16 in (False, True):
        with SimulatedCuda() as simulated:
            trace = Trace(simulated.waits)
            train_briefly(case, case.create(), simulated.fabric(bf16=bf16), trace)
        if case.is_trained:
            _expect_few(trace.of_step[-1], case.step_waits, "a step of training")
        _expect_few(trace.of_image, case.image_waits, "the segmentation of an image")
        expect(
            bf16 or np.allclose(trace.losses, on_cpu.losses, rtol=1e-4),
            f"the losses of {STEPS} steps are {trace.losses} on a simulated GPU and {on_cpu.losses} on the "
            "CPU: what is done on GPUs alone computes something else",
        )


def check_cuda(case: Case) -> None:
    """The same on the first GPU: finite losses, and in float32 scores close to those of the CPU."""
    method = case.create()
    trace = Trace()
    network = train_briefly(case, method, make_fabric("cuda:0", "32"), trace)
    expect(bool(np.isfinite(trace.losses).all()), f"the losses of {STEPS} steps are {trace.losses}")
    found = Predictor(method, network, make_fabric("cuda:0", "32")).scores(case.field[0])
    own = Predictor(method, copy.deepcopy(network).cpu(), make_fabric("cpu", "32")).scores(case.field[0])
    difference = np.sqrt(np.square(found - own).mean()) / max(np.sqrt(np.square(own).mean()), 1e-6)
    expect(
        bool(difference <= 1e-3),
        f"the scores of GPU and CPU are {difference:.2g} apart (root mean square of the difference beside "
        "that of the scores); expected at most 0.001",
    )


def train_briefly(case: Case, method: Method, fabric: Fabric, trace: Trace) -> nn.Module:
    """Some steps of the engine on the image, its segmentation and score."""
    image, labels = case.field
    sample = Sample("image", image, labels)
    config = TrainingConfig(epochs=1, crops_per_image=2 * STEPS, batch_size=2, crop=len(image), workers=0)

    def validate(network: nn.Module) -> dict[str, float]:
        predictor = Predictor(method, network, fabric)
        trace.image(predictor, image)
        return mean_scores(predictor, [sample])

    network = case.fresh(method)
    if not case.is_trained:
        validate(network.to(fabric.device))
        return network
    with tempfile.TemporaryDirectory() as folder:
        trainer = _Unsaved(
            case.spec.name,
            method,
            network,
            [sample],
            config,
            fabric=fabric,
            seed=case.seed,
            directory=Path(folder),
            validate=validate,
            progress=trace,
        )
        return trainer.fit().network


class _Unsaved(Trainer):
    """Without files of weights and checkpoints, which take longer than the steps."""

    def save(self) -> None: ...

    def _save_weights(self, name: str) -> None: ...


def _expect_few(waits: list[str], most: int | None, what: str) -> None:
    expect(
        most is None or len(waits) <= most,
        f"in {what} the host waits {len(waits)} times for the GPU; expected at most {most}: "
        + ", ".join(waits),
    )
