"""A method under test, and what the checks need of it: images, networks, training steps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fcrbench import datasets, postprocess
from fcrbench.compute.device import make_fabric
from fcrbench.config import TrainingConfig, build
from fcrbench.datasets import Sample
from fcrbench.inference import Predictor
from fcrbench.methods import Method, MethodSpec, registry
from fcrbench.plugins import load_attribute
from fcrbench.training.engine import Progress, Trainer, build_network

WARMUP_STEPS = 10  # steps in which the learning rate rises
MIN_OBJECT_SIZE = 60  # pixels; smaller pieces of objects at the edge of the image are removed


@dataclass(frozen=True)
class Case:
    """A method and the values with which it is tested; see MethodTests for the fields."""

    method: str
    preset: str
    options: Mapping[str, Any]
    size: int
    seed: int
    steps: int
    learning_rate: float | None
    least_pq: float
    bf16_tolerance: float
    step_waits: int | None = None
    image_waits: int | None = None

    @cached_property
    def spec_path(self) -> str:
        """The location of the description, as "module:ATTRIBUTE"."""
        if ":" in self.method:
            return self.method
        registry.spec(self.method)  # raises an error with close names
        return registry.installed()[self.method].where

    @cached_property
    def spec(self) -> MethodSpec:
        spec: MethodSpec = load_attribute(self.spec_path)
        return spec

    def create(self) -> Method:
        return registry.create(self.spec, self.preset, **self.options)

    @cached_property
    def training(self) -> TrainingConfig:
        return build(TrainingConfig, self.spec.presets[self.preset].training, "training")

    @cached_property
    def is_trained(self) -> bool:
        with torch.random.fork_rng(devices=[]):  # reading this property must not change later draws
            return any(True for _ in self.build_network(self.create()).parameters())

    @cached_property
    def field(self) -> tuple[np.ndarray, np.ndarray]:
        """The square of a real field that has the most nuclei, and its labels (int32, ids 1..n)."""
        stride = self.create().stride
        side = -(-self.size // stride) * stride
        sample = next(datasets.create("sample").samples("train"))
        if side > min(sample.labels.shape):
            raise ValueError(f"size is {self.size}: expected at most {min(sample.labels.shape)}")
        best: tuple[np.ndarray, np.ndarray] | None = None
        for y in range(0, sample.labels.shape[0] - side + 1, 16):
            for x in range(0, sample.labels.shape[1] - side + 1, 16):
                window = slice(y, y + side), slice(x, x + side)
                labels = postprocess.remove_small(sample.labels[window], MIN_OBJECT_SIZE)
                if best is None or labels.max() > best[1].max():
                    best = sample.image[window].copy(), labels
        assert best is not None
        return best

    def make_batch(self, method: Method) -> tuple[Tensor, np.ndarray]:
        """Return the image and its transpose: images (2, 1, H, W) float32 and labels (2, H, W) int32."""
        image, labels = self.field
        images = torch.from_numpy(np.stack([method.normalize(image), method.normalize(image.T)])[:, None])
        return images, np.stack([labels, labels.T])

    def build_network(self, method: Method, seed: int | None = None) -> nn.Module:
        """Build a network with new weights, without calling `prepare`."""
        return build_network(method, self.seed if seed is None else seed)

    def build_prepared_network(self, method: Method, seed: int | None = None) -> nn.Module:
        """Build a network with new weights and call `prepare`, as training does."""
        network = self.build_network(method, seed)
        method.prepare(network, self._label_crops())
        return network

    def train_step(
        self, method: Method, network: nn.Module, optimiser: torch.optim.Optimizer, step: int
    ) -> float:
        """Do one training step on the image, as the engine does it, and return the loss before the step."""
        for group in optimiser.param_groups:
            rate = self.learning_rate or self.training.learning_rate
            group["lr"] = rate * min((step + 1) / WARMUP_STEPS, 1)
        image, labels = self.field
        images = torch.from_numpy(method.normalize(image))[None, None]
        network.train()
        loss = method.losses(network(images), labels[None].copy(), step / self.steps)["loss"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if limit := self.training.clip_norm:
            nn.utils.clip_grad_norm_(network.parameters(), limit)
        optimiser.step()
        return float(loss.detach())

    def make_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(network.parameters(), weight_decay=self.training.weight_decay)

    def make_predictor(self, method: Method, network: nn.Module) -> Predictor:
        return Predictor(method, network, make_fabric("cpu", "32"))

    def make_trainer(
        self,
        method: Method,
        network: nn.Module,
        config: TrainingConfig,
        *,
        fabric: Fabric,
        directory: Path,
        validate: Callable[[nn.Module], dict[str, float]],
        progress: Progress,
        trainer_class: type[Trainer] = Trainer,
    ) -> Trainer:
        """Create a trainer of a new network on the image."""
        return trainer_class(
            self.spec.name,
            method,
            network,
            [Sample("image", *self.field)],
            config,
            fabric=fabric,
            seed=self.seed,
            directory=directory,
            validate=validate,
            progress=progress,
        )

    def _label_crops(self) -> Iterator[np.ndarray]:
        """Yield label crops for `prepare`: the labels in all combinations of flips and quarter turns."""
        labels = self.field[1]
        for turns in range(4):
            turned = np.rot90(labels, turns)
            yield turned.copy()
            yield turned[:, ::-1].copy()
