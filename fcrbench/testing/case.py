"""A method under test, with what every check needs of it: images, networks, training steps."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fcrbench import datasets, postprocess
from fcrbench.compute.device import channels_last, make_fabric
from fcrbench.config import TrainingConfig, build
from fcrbench.inference import Predictor
from fcrbench.methods import Method, MethodSpec, registry

WARMUP = 10  # steps in which the learning rate rises
LEAST_OBJECT = 60  # pixels of an object in the image; smaller remains at its edge are no objects


@dataclass(frozen=True)
class Case:
    """See MethodTests for the fields."""

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
    def where(self) -> str:
        """ "module:ATTRIBUTE" of the description."""
        if ":" in self.method:
            return self.method
        registry.spec(self.method)  # offers close names
        return registry.installed()[self.method].where

    @cached_property
    def spec(self) -> MethodSpec:
        module, _, attribute = self.where.partition(":")
        spec: MethodSpec = getattr(importlib.import_module(module), attribute)
        return spec

    def create(self) -> Method:
        return registry.create(self.spec, self.preset, **self.options)

    @cached_property
    def training(self) -> TrainingConfig:
        return build(TrainingConfig, self.spec.presets[self.preset].training, "training")

    @cached_property
    def is_trained(self) -> bool:
        with torch.random.fork_rng(devices=[]):  # asked for between two draws, it must not change the second
            return any(True for _ in self.fresh(self.create()).parameters())

    @cached_property
    def field(self) -> tuple[np.ndarray, np.ndarray]:
        """A square of a real field, and its labels (int32, ids 1..n): the one with the most nuclei."""
        stride = self.create().stride
        side = -(-self.size // stride) * stride
        sample = next(datasets.create("sample").samples("train"))
        if side > min(sample.labels.shape):
            raise ValueError(f"size is {self.size}: expected at most {min(sample.labels.shape)}")
        best: tuple[np.ndarray, np.ndarray] | None = None
        for y in range(0, sample.labels.shape[0] - side + 1, 16):
            for x in range(0, sample.labels.shape[1] - side + 1, 16):
                window = slice(y, y + side), slice(x, x + side)
                labels = postprocess.remove_small(sample.labels[window], LEAST_OBJECT)
                if best is None or labels.max() > best[1].max():
                    best = sample.image[window].copy(), labels
        assert best is not None
        return best

    def batch(self, method: Method) -> tuple[Tensor, np.ndarray]:
        """The image and its transpose: images (2, 1, H, W) float32 and labels (2, H, W) int32."""
        image, labels = self.field
        images = torch.from_numpy(np.stack([method.normalize(image), method.normalize(image.T)])[:, None])
        return images, np.stack([labels, labels.T])

    def fresh(self, method: Method, seed: int | None = None) -> nn.Module:
        """A network as training starts with it, but for `prepare`."""
        torch.manual_seed(self.seed if seed is None else seed)
        return channels_last(method.build())

    def network(self, method: Method, seed: int | None = None) -> nn.Module:
        """A network as training starts with it."""
        network = self.fresh(method, seed)
        method.prepare(network, self._crops())
        return network

    def step(self, method: Method, network: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> float:
        """One step of training on the image, as the engine does it; returns the loss before it."""
        for group in optimiser.param_groups:
            rate = self.learning_rate or self.training.learning_rate
            group["lr"] = rate * min((step + 1) / WARMUP, 1)
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

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(network.parameters(), weight_decay=self.training.weight_decay)

    def predictor(self, method: Method, network: nn.Module) -> Predictor:
        return Predictor(method, network, make_fabric("cpu", "32"))

    def _crops(self) -> Iterator[np.ndarray]:
        """What `prepare` reads: the labels, flipped and turned in the eight ways."""
        labels = self.field[1]
        for turns in range(4):
            turned = np.rot90(labels, turns)
            yield turned.copy()
            yield turned[:, ::-1].copy()
