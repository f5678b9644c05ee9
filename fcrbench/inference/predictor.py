"""The predictor: a network and its method as one function from an image to instances."""

import copy
import os
import time
import warnings
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
from fcrbench.labels import to_numpy
from fcrbench.methods import registry
from fcrbench.methods.base import Method, PartNetwork, PlacedNetwork
from fcrbench.methods.fill_values import replace_fill
from fcrbench.postprocess._classes import class_map, doubt_map, flat_planes, margin_map
from fcrbench.postprocess.device import class_planes
from fcrbench.postprocess.tiled.instances import instances_of_classes
from fcrbench.tiles import Source
from fcrbench.weights import DEFAULT, read_header, resolve
from fcrbench.weights.tensors import load_weights

_NAN_MESSAGE = "the output of the network holds NaN: the weights or the image have extreme values"


@dataclass
class Predictor:
    """Segments images of any size. `seconds` adds up the time of the network and of the post-processing.

    tile   side of the tiles in which images pass the network, in pixels; the result does not depend on it.
           0: always the whole image; None: 768 for images of more than 2048 x 2048 pixels
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
        """Set the counters of images and seconds to 0."""
        self.images = 0
        self.seconds = {"network": 0.0, "postprocess": 0.0}

    def __call__(self, image: np.ndarray | Source) -> np.ndarray:
        """Segment one image (H, W), see `scores`, into int32 labels of the same size, 0 = background.

        If the method has `rules`, and the image is tiled or on a GPU, only class, doubt and margin of each
        pixel are kept, not its scores. Raises DataError if the output of the network holds NaN.
        """
        start = time.perf_counter()
        rules = self.method.rules()
        if rules is not None and (self.tile_side(image) or self.fabric.device.type != "cpu"):
            classes, doubt, margin = self.classes(image)
            middle = time.perf_counter()
            labels = np.empty(classes.shape, np.int32)
            instances_of_classes(classes, labels, rules, doubt=doubt, margin=margin)
        else:
            scores = self.scores(image)
            if any(np.isnan(plane).any() for plane in scores):
                raise DataError(_NAN_MESSAGE)
            middle = time.perf_counter()
            labels = self.method.postprocess(scores)
        self.seconds["network"] += middle - start
        self.seconds["postprocess"] += time.perf_counter() - middle
        self.images += 1
        return labels

    def scores(self, image: np.ndarray | Source) -> np.ndarray:
        """Compute the scores (K, H, W) float32 of one image (H, W), which is normalised and padded first.

        image   an array; or any object with shape, dtype and slicing that holds 8- or 16-bit integers, which
                is read by tiles
        Raises UsageError if tiles are needed and the network cannot be tiled, see `tiling.measure_halo`.
        """
        scores: np.ndarray = self._run_on_image(image, lambda scores: scores.cpu().numpy())
        return scores

    def classes(self, image: np.ndarray | Source, out: Any = None) -> Any:
        """Compute class, doubt and margin of every pixel, (3, H, W) uint8.

        The class is that of the largest score, the lowest class on a tie. For the other planes see
        `postprocess.doubt` and `margin`; they are 0 if the method names no class as background.

        out   an array to write to by slices; by default a new one
        Raises the errors of `scores`, and DataError if the output of the network holds NaN.
        """
        rules = self.method.rules()
        background = "mode" if rules is None else rules.background
        planes = _class_planes_on_cpu if self.fabric.device.type == "cpu" else _class_planes_on_gpu
        return self._run_on_image(image, lambda scores: planes(scores, background), out)

    def tile_side(self, image: np.ndarray | Source) -> int:
        """Return the side of the tiles of an image, in pixels; 0 if the image is not tiled."""
        if not isinstance(image, np.ndarray):
            return self.tile or tiling.TILE_SIDE
        if self.tile is not None:
            return self.tile
        return tiling.TILE_SIDE if image.size > tiling.MAX_UNTILED_PIXELS and self.halo is not None else 0

    def _run_on_image(
        self, image: np.ndarray | Source, keep: Callable[[Tensor], np.ndarray], out: Any = None
    ) -> Any:
        """Return keep(scores) of the whole image, assembled from tiles if it is tiled.

        keep   turns scores (K, h, w) on the device into an array (k, h, w) on the host
        """
        if isinstance(image, np.ndarray):
            image = replace_fill(to_numpy(image, "image"))  # masked pixels are refused
        if isinstance(image, np.ndarray) and not self.tile_side(image) and out is None:
            height, width = image.shape
            return keep(
                self._score_tile(self.method.normalize(image), tiling.whole_image_tile(height, width))
            )
        if self.halo is None:
            raise UsageError(
                "the network cannot be tiled: its output depends on the whole image, or on its size"
            )
        source: Source
        score: Callable[[np.ndarray, tiling.Tile], Tensor]
        if isinstance(image, np.ndarray):
            source, score = self.method.normalize(image), self._score_tile
        else:
            normalize = tiling.make_normalizer(self.method, image)
            source, score = image, lambda window, tile: self._score_tile(normalize(window), tile)
        return tiling.score_tiles(
            source,
            lambda window, tile: keep(score(window, tile)),
            side=self.tile_side(image) or tiling.TILE_SIDE,
            halo=self.halo,
            stride=self.method.stride,
            out=out,
        )

    @cached_property
    def halo(self) -> int | None:
        """The halo of tiles, in pixels; None if the network cannot be tiled. See `tiling.measure_halo`."""
        network = copy.deepcopy(self.network).to("cpu", torch.float32)

        def scores(images: Tensor, row: int, column: int) -> Tensor:
            return self.method.scores(_run_network(network, images, row, column))

        return tiling.measure_halo(scores, self.method.stride)

    def side(self, image: np.ndarray | Source) -> int:
        """Deprecated alias of `tile_side`."""
        warnings.warn("Predictor.side is now called tile_side", DeprecationWarning, stacklevel=2)
        return self.tile_side(image)

    @property
    def reach(self) -> int | None:
        """Deprecated alias of `halo`."""
        warnings.warn("Predictor.reach is now called halo", DeprecationWarning, stacklevel=2)
        return self.halo

    @torch.inference_mode()
    def _score_tile(self, window: np.ndarray, tile: tiling.Tile) -> Tensor:
        """Compute the scores (K, h, w) at `tile.inner` from the normalised pixels at `tile.outer`."""
        height, width = window.shape
        part = tile.kept
        stride = self.method.stride
        pad = [(0, -height % stride), (0, -width % stride)]
        # Unlike "reflect", "symmetric" works for images that are smaller than the padding.
        array = np.pad(window, pad, mode="symmetric")
        batch = to_device(array[None, None], self.fabric.device).to(memory_format=torch.channels_last)
        with full_float32(), self.fabric.autocast():
            if isinstance(self.network, PartNetwork):
                output, part = self.network.part(batch, *part), (slice(None), slice(None))
            else:
                output = _run_network(self.network, batch, *(span.start for span in tile.outer))
        return self.method.scores(output)[0, :, *part].contiguous()


def _run_network(network: nn.Module, images: Tensor, row: int, column: int) -> Any:
    """Run a network on windows whose first pixel is at (row, column) of the whole image."""
    if isinstance(network, PlacedNetwork):
        return network.at(images, row, column)
    return network(images)


def _class_planes_on_cpu(scores: Tensor, background: Literal["mode"] | int) -> np.ndarray:
    """Return class, doubt and margin, (3, H, W) uint8, of scores (K, H, W). Raises DataError for NaN."""
    flat, shape = flat_planes(scores.numpy()), tuple(scores.shape[1:])
    if np.isnan(flat).any():
        raise DataError(_NAN_MESSAGE)
    found = class_map(flat, shape)
    if background == "mode":
        return np.stack([found, np.zeros_like(found), np.zeros_like(found)])
    return np.stack([found, doubt_map(flat, shape, background), margin_map(flat, found, background)])


@torch.inference_mode()
def _class_planes_on_gpu(scores: Tensor, background: Literal["mode"] | int) -> np.ndarray:
    """Do the same for scores on a GPU. Only three bytes per pixel and a NaN flag are copied to the host."""
    planes = class_planes(scores, background)
    found = torch.cat([planes.reshape(-1), scores.isnan().any().to(torch.uint8).reshape(1)]).cpu().numpy()
    if found[-1]:
        raise DataError(_NAN_MESSAGE)
    return found[:-1].reshape(planes.shape)


def load_predictor(
    weights: str | os.PathLike[str] = DEFAULT,
    device: str = "auto",
    precision: str = "auto",
    tile: int | None = None,
) -> Predictor:
    """Load a predictor.

    weights   "default" (the weights of the package), a run directory (its last weights), or a weights file
    device    "auto", "cpu", "cuda" or "cuda:N"
    precision "auto", "32" or "bf16"
    tile      see Predictor
    Raises DataError if there are no weights or they cannot be used.
    """
    path = resolve(weights)
    method = read_method(path)
    network = channels_last(method.build())
    load_weights(path, network)
    fabric = make_fabric(device, precision)
    return Predictor(method, network.to(fabric.device), fabric, tile)


def read_method(path: Path) -> Method:
    """Create the method of a weights file, with its options. Raises DataError if it is not installed."""
    header = read_header(path)
    try:
        return registry.create(header.method, **header.options)
    except UsageError as error:  # the method, or its version that wrote the weights, is not installed
        raise DataError(f"{path} cannot be used here: {error}") from error
