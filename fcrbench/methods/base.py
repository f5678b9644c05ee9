"""The interface of a method: a lightweight description, and a class with network, loss and decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from fcrbench.plugins import check_spec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fcrbench.postprocess import InstanceRules


@dataclass(frozen=True)
class Preset:
    """A named set of values: `options` of the method, and `training` values (see TrainingConfig)."""

    description: str
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodSpec:
    """Describes a method without importing torch. Entry points of `fcrbench.methods` refer to one.

    name      the NAME of `--method NAME`
    title     one line for listings
    paper     the citation
    factory   "module:Class" of the Method, which is imported when a method is created
    options   a frozen dataclass with every option of the method and its default
    presets   by name; "default" must be among them
    """

    name: str
    title: str
    paper: str
    factory: str
    options: type
    presets: Mapping[str, Preset]

    def __post_init__(self) -> None:
        where = f"MethodSpec {self.name!r}"
        check_spec(where, self.factory, self.options)
        if "default" not in self.presets:
            raise ValueError(f'{where}: presets are {sorted(self.presets)}; "default" must be among them')


@runtime_checkable
class PartNetwork(Protocol):
    """A network that can compute a part of its output without computing all of it."""

    def part(self, images: Tensor, rows: slice, columns: slice) -> Any:
        """Return `network(images)[..., rows, columns]` for each tensor of the output.

        Tiled prediction calls this if a network has it: a tile is computed with a halo, of which most layers
        need only a part. `Method.scores` must then compute each pixel independently of the others.
        """


@runtime_checkable
class PlacedNetwork(Protocol):
    """A network whose output depends on the position of a pixel in the image."""

    def at(self, images: Tensor, row: int, column: int) -> Any:
        """Return `network(images)` for windows of larger images, whose first pixel is at (row, column).

        Tiled prediction calls this. Without it such a network gets the whole image at once, of any size.
        """


class Method(ABC):
    """One segmentation method, from image to instances.

    Training calls `build` and `prepare` once, then `losses(network(images), labels, progress)` for each
    batch. Prediction calls `scores(network(images))`, then `postprocess` for each image. The network gets
    images (B, 1, H, W) float32 after `normalize`, whose sides are padded to multiples of `stride`. A network
    without parameters is not trained.
    """

    stride: int = 1

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def build(self) -> nn.Module:
        """Build a network, whose weights are drawn from torch's global generator."""

    def prepare(self, network: nn.Module, labels: Iterable[np.ndarray]) -> None:  # noqa: B027
        """Learn something from the truth before training, and keep it in buffers of `network`.

        network   as `build` returned it, on the host
        labels    the (crop, crop) int32 crops of the first epoch; they are only read when iterated over
        """

    @abstractmethod
    def losses(self, output: Any, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        """Return the terms of the loss. "loss" is minimised; the others are only reported.

        output    what the network returned for a batch: a tensor, or a tuple or dict of tensors, each with
                  the images as first dimension. With several processes it is the output for the whole batch
        labels    (B, H, W) int32 on the host, 0 = background, the ids of each image are 1..n
        progress  the fraction of the training that is done, 0 <= progress < 1
        """

    @abstractmethod
    def scores(self, output: Any) -> Tensor:
        """Convert the output of the network to scores (B, K, H, W) float32, the input of `postprocess`."""

    @abstractmethod
    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        """Convert the scores (K, H, W) of one image to instances (H, W) int32, 0 = background."""

    def rules(self) -> InstanceRules | None:
        """Return the rules with which `postprocess.instances` gives the same result as `postprocess`.

        With rules, images can be segmented tile by tile, even if they are larger than memory: only class,
        doubt and margin of each pixel are kept, not its scores. None means that `postprocess` needs the
        scores of the whole image.
        """
        return None

    def normalize(self, image: np.ndarray) -> np.ndarray:
        """Return an image (H, W) of any numeric dtype as float32 with mean 0 and standard deviation 1."""
        mean, deviation = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
        # The floor keeps a constant image at 0; it is far below one gray level of any real image.
        return (image.astype(np.float32) - np.float32(mean)) / np.float32(max(deviation, 1e-6))
