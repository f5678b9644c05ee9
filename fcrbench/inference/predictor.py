"""A network and its method as one function from an image to instances."""

import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fcrbench.compute.arithmetic import full_float32
from fcrbench.compute.device import channels_last, make_fabric
from fcrbench.compute.transfer import to_device
from fcrbench.errors import DataError, UsageError
from fcrbench.inference import tiling
from fcrbench.methods import registry
from fcrbench.methods.base import Method, PartNetwork, PlacedNetwork
from fcrbench.postprocess._classes import class_map, doubt_map, flat_planes, margin_map
from fcrbench.postprocess.device import class_planes
from fcrbench.postprocess.tiled.instances import instances_of_classes
from fcrbench.tiles import Source
from fcrbench.weights import DEFAULT, read_header, resolve
from fcrbench.weights.tensors import load_weights

_NAN = "the network's output holds NaN: the weights, or the image, have values out of all proportion"


@dataclass
class Predictor:
    """Segments images of any size; `seconds` adds up what the network and the post-processing took.

    tile   side, in pixels, of the tiles in which the network sees an image, which changes nothing in the
           result; 0: always the whole image; None: 768 where an image has more than 2048 x 2048 pixels
    """

    method: Method
    network: nn.Module
    fabric: Fabric
    tile: int | None = None
    seconds: dict[str, float] = field(init=False)
    images: int = field(init=False)

    def __post_init__(self) -> None:
        self.network.eval()
        self.reset()

    def reset(self) -> None:
        """Start the count of images and seconds anew."""
        self.images = 0
        self.seconds = {"network": 0.0, "postprocess": 0.0}

    def __call__(self, image: np.ndarray | Source) -> np.ndarray:
        """Instances of one image (H, W), see `scores`: int32 labels of the same size, 0 = background.

        Where the image is tiled, or on a GPU, and the method has `rules`, the class of each pixel, its doubt
        and its margin are kept, not its scores. Raises DataError where the network's output holds NaN.
        """
        start = time.perf_counter()
        rules = self.method.rules()
        if rules is not None and (self.side(image) or self.fabric.device.type != "cpu"):
            classes, doubt, margin = self.classes(image)
            middle = time.perf_counter()
            labels = np.empty(classes.shape, np.int32)
            instances_of_classes(classes, labels, rules, doubt=doubt, margin=margin)
        else:
            scores = self.scores(image)
            if any(np.isnan(plane).any() for plane in scores):
                raise DataError(_NAN)
            middle = time.perf_counter()
            labels = self.method.postprocess(scores)
        self.seconds["network"] += middle - start
        self.seconds["postprocess"] += time.perf_counter() - middle
        self.images += 1
        return labels

    def scores(self, image: np.ndarray | Source) -> np.ndarray:
        """Scores (K, H, W) float32 of one image (H, W), normalised and padded as the network needs.

        image   an array; or 8- or 16-bit integers in anything with shape, dtype and slicing, read by tiles
        Raises UsageError where tiles are asked for and the network cannot be tiled, see `tiling.reach`.
        """
        scores: np.ndarray = self._of_image(image, lambda scores: scores.cpu().numpy())
        return scores

    def classes(self, image: np.ndarray | Source, out: Any = None) -> Any:
        """The class of largest score of every pixel, the lowest one on a tie, its doubt and margin.

        out   (3, H, W) uint8, written by slices; else a new array. The further planes are `postprocess.doubt`
              and `margin`, 0 where the method names no class as background
        Raises as `scores`, and DataError where the network's output holds NaN.
        """
        rules = self.method.rules()
        background = "mode" if rules is None else rules.background
        planes = _planes_of_host if self.fabric.device.type == "cpu" else _planes_of_device
        return self._of_image(image, lambda scores: planes(scores, background), out)

    def side(self, image: np.ndarray | Source) -> int:
        """Side of the tiles of an image, in pixels; 0 where the network sees all of it at once."""
        if not isinstance(image, np.ndarray):
            return self.tile or tiling.SIDE
        if self.tile is not None:
            return self.tile
        return tiling.SIDE if image.size > tiling.LARGE and self.reach is not None else 0

    def _of_image(
        self, image: np.ndarray | Source, keep: Callable[[Tensor], np.ndarray], out: Any = None
    ) -> Any:
        """keep(scores) of the whole image, or of every tile, put together; see `tiling.assemble`.

        keep   scores (K, h, w) where the network computes, to (k, h, w) on the host
        """
        if isinstance(image, np.ndarray) and not self.side(image) and out is None:
            height, width = image.shape
            return keep(self._scores(self.method.normalize(image), tiling.whole(height, width)))
        if self.reach is None:
            raise UsageError(
                "the network cannot be tiled: a pixel of its output depends on all of the image, or its size"
            )
        source: Source
        score: Callable[[np.ndarray, tiling.Tile], Tensor]
        if isinstance(image, np.ndarray):
            source, score = self.method.normalize(image), self._scores
        else:
            normalize = tiling.normalizer(self.method, image)
            source, score = image, lambda window, tile: self._scores(normalize(window), tile)
        return tiling.assemble(
            source,
            lambda window, tile: keep(score(window, tile)),
            side=self.side(image) or tiling.SIDE,
            halo=self.reach,
            stride=self.method.stride,
            out=out,
        )

    @cached_property
    def reach(self) -> int | None:
        """See `tiling.reach`; found when it is first asked for."""
        network: nn.Module | PlacedNetwork = copy.deepcopy(self.network).to("cpu", torch.float32)

        def scores(images: Tensor, row: int, column: int) -> Tensor:
            if isinstance(network, PlacedNetwork):
                return self.method.scores(network.at(images, row, column))
            return self.method.scores(network(images))

        return tiling.reach(scores, self.method.stride)

    @torch.inference_mode()
    def _scores(self, normal: np.ndarray, tile: tiling.Tile) -> Tensor:
        """Scores (K, h, w) at `tile.inner`, from the normalised image at `tile.outer`."""
        height, width = normal.shape
        part = tile.kept
        stride = self.method.stride
        pad = [(0, -height % stride), (0, -width % stride)]
        # "symmetric" also serves images that are smaller than the padding.
        array = np.pad(normal, pad, mode="symmetric")
        batch = to_device(array[None, None], self.fabric.device).to(memory_format=torch.channels_last)
        with full_float32(), self.fabric.autocast():
            if isinstance(self.network, PartNetwork):
                output, part = self.network.part(batch, *part), (slice(None), slice(None))
            elif isinstance(self.network, PlacedNetwork):
                output = self.network.at(batch, *(span.start for span in tile.outer))
            else:
                output = self.network(batch)
        return self.method.scores(output)[0, :, *part].contiguous()


def _planes_of_host(scores: Tensor, background: Literal["mode"] | int) -> np.ndarray:
    """Class, doubt and margin of every pixel, (3, H, W) uint8, from scores (K, H, W); DataError for a NaN."""
    flat, shape = flat_planes(scores.numpy()), tuple(scores.shape[1:])
    if np.isnan(flat).any():
        raise DataError(_NAN)
    found = class_map(flat, shape)
    if background == "mode":
        return np.stack([found, np.zeros_like(found), np.zeros_like(found)])
    return np.stack([found, doubt_map(flat, shape, background), margin_map(flat, found, background)])


@torch.inference_mode()
def _planes_of_device(scores: Tensor, background: Literal["mode"] | int) -> np.ndarray:
    """The same of scores on a GPU: three bytes a pixel come to the host, and with them whether one is NaN."""
    planes = class_planes(scores, background)
    found = torch.cat([planes.reshape(-1), scores.isnan().any().to(torch.uint8).reshape(1)]).cpu().numpy()
    if found[-1]:
        raise DataError(_NAN)
    return found[:-1].reshape(planes.shape)


def load_predictor(
    weights: str | os.PathLike[str] = DEFAULT,
    device: str = "auto",
    precision: str = "auto",
    tile: int | None = None,
) -> Predictor:
    """A predictor from "default", the weights of the package, a run directory (its last ones), or a file.

    tile   see Predictor
    Raises DataError when there are none or they cannot be used.
    """
    path = resolve(weights)
    method = read_method(path)
    network = channels_last(method.build())
    load_weights(path, network)
    fabric = make_fabric(device, precision)
    return Predictor(method, network.to(fabric.device), fabric, tile)


def read_method(path: Path) -> Method:
    """The method of a weights file, with its options. Raises DataError for one not installed."""
    header = read_header(path)
    try:
        return registry.create(header.method, **header.options)
    except UsageError as error:  # weights of a method, or of a version of it, that is not installed
        raise DataError(f"{path} cannot be used here: {error}") from error
