"""What a method is: a light description, and a class with a network, a loss and a decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fcrbench.postprocess import InstanceRules


@dataclass(frozen=True)
class Preset:
    """A named set of values: `options` for the method, `training` for the engine (TrainingConfig)."""

    description: str
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodSpec:
    """Describes a method without importing torch; what an entry point of `fcrbench.methods` names.

    name      as in `--method NAME`
    title     one line for listings
    paper     the citation
    factory   "module:Class" of the Method, imported when one is created
    options   a frozen dataclass: every option of the method with its default
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
        if ":" not in self.factory:
            raise ValueError(f'{where}: factory is {self.factory!r}; expected "module:Class"')
        if not is_dataclass(self.options):
            raise ValueError(f"{where}: options is {self.options!r}; expected a dataclass")
        for option in fields(self.options):
            if option.default is MISSING and option.default_factory is MISSING:
                raise ValueError(f"{where}: option {option.name!r} has no default")
        if "default" not in self.presets:
            raise ValueError(f'{where}: presets are {sorted(self.presets)}; "default" must be among them')


@runtime_checkable
class PartNetwork(Protocol):
    """A network that can leave out what a part of its output does not depend on."""

    def part(self, images: Tensor, rows: slice, columns: slice) -> Any:
        """`network(images)[..., rows, columns]`, of each tensor of the output.

        Prediction by tiles asks for this where a network has it: a tile is computed with a halo, which most
        layers do not need as a whole. `Method.scores` then takes each pixel for itself.
        """


@runtime_checkable
class PlacedNetwork(Protocol):
    """A network whose output depends on where in the image a pixel is."""

    def at(self, images: Tensor, row: int, column: int) -> Any:
        """`network(images)` of windows of larger images, their first pixel at this row and column of these.

        Prediction by tiles asks for this; without it such a network sees all of an image at once, whatever
        its size.
        """


class Method(ABC):
    """One segmentation method, from image to instances.

    The engine calls `build` and `prepare` once, then for each batch
    `losses(network(images), labels, progress)`; prediction calls `scores(network(images))` and, per image,
    `postprocess`. Images reach the network as (B, 1, H, W) float32 after `normalize`, sides padded to
    multiples of `stride`. A network without parameters is not trained.
    """

    stride: int = 1

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def build(self) -> nn.Module:
        """A network with fresh weights, drawn from torch's global generator."""

    def prepare(self, network: nn.Module, labels: Iterable[np.ndarray]) -> None:  # noqa: B027
        """What a method learns from the truth before training; it is kept in buffers of `network`.

        network   as `build` returned it, on the host
        labels    (crop, crop) int32 crops as the first epoch draws them, read only when asked for
        """

    @abstractmethod
    def losses(self, output: Any, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        """Terms of the loss; "loss" is the one minimised, the others are shown beside it.

        output    what the network returned for a batch: a tensor, or a tuple or dict of them; the images are
                  the first dimension of each. With several processes they are those of all
        labels    (B, H, W) int32 on the host, 0 = background, each image 1..n
        progress  share of the training done, 0 <= progress < 1
        """

    @abstractmethod
    def scores(self, output: Any) -> Tensor:
        """Network output as (B, K, H, W) float32, what `postprocess` takes per image."""

    @abstractmethod
    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        """Scores (K, H, W) of one image as instances (H, W) int32, 0 = background."""

    def rules(self) -> InstanceRules | None:
        """The rules with which `postprocess.instances` does what `postprocess` does, if there are such.

        With them, images of any size are segmented by tiles, also those larger than memory: the class of each
        pixel, its doubt and its margin are kept, not its scores. None: `postprocess` needs the scores of the
        whole image.
        """
        return None

    def normalize(self, image: np.ndarray) -> np.ndarray:
        """An image (H, W) of any numeric dtype as float32 with mean 0 and standard deviation 1."""
        mean, deviation = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
        # The floor keeps a constant image at 0; it is far below one gray level of any real image.
        return (image.astype(np.float32) - np.float32(mean)) / np.float32(max(deviation, 1e-6))
