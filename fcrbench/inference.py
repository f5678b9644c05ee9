"""A network and its method as one function from an image to instances."""

import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from fcrbench import tiling
from fcrbench.errors import DataError, UsageError
from fcrbench.large.tiles import Source
from fcrbench.methods import registry
from fcrbench.methods.base import Method
from fcrbench.training.checkpoint import load_weights
from fcrbench.training.device import channels_last, make_fabric
from fcrbench.weights import DEFAULT, read_header, resolve


@dataclass
class Predictor:
    """Segments images of any size; `seconds` adds up what the network and the post-processing took.

    tile   side, in pixels, of the tiles in which the network sees an image, which changes nothing in the
           result; 0: always the whole image; None: 1024 where an image has more than 2048 x 2048 pixels
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
        """Instances of one image (H, W), see `scores`: int32 labels of the same size, 0 = background."""
        start = time.perf_counter()
        scores = self.scores(image)
        middle = time.perf_counter()
        labels = self.method.postprocess(scores)
        self.seconds["network"] += middle - start
        self.seconds["postprocess"] += time.perf_counter() - middle
        self.images += 1
        return labels

    def scores(self, image: np.ndarray | Source) -> np.ndarray:
        """Scores (K, H, W) float32 of one image (H, W), normalised and padded as the network needs.

        image   an array; or 8- or 16-bit integers in anything with shape, dtype and slicing, read by tiles
        Raises UsageError where tiles are asked for and a pixel depends on all of the image.
        """
        if isinstance(image, np.ndarray):
            normal = self.method.normalize(image)
            side = tiling.SIDE if self.tile is None and image.size > tiling.LARGE else self.tile
            if not side or (self.tile is None and self.reach is None):
                return self._scores(normal)
            return tiling.assemble(normal, self._scores, **self._tiling(side))
        return self.by_tiles(image)

    def by_tiles(
        self,
        image: Source,
        keep: Callable[[np.ndarray], np.ndarray] = lambda scores: scores,
        out: Any = None,
    ) -> Any:
        """keep(scores) of every tile of an image (H, W) of 8- or 16-bit integers, put together in `out`.

        keep   from (K, h, w) to (k, h, w), pixel by pixel
        out    (k, H, W), written by slices; see `tiling.assemble`
        """
        normalize = tiling.normalizer(self.method, image)
        tiled = self._tiling(self.tile or tiling.SIDE)
        return tiling.assemble(image, lambda window: keep(self._scores(normalize(window))), out=out, **tiled)

    @cached_property
    def reach(self) -> int | None:
        """See `tiling.reach`; found when it is first asked for."""
        network = copy.deepcopy(self.network).to("cpu", torch.float32)
        return tiling.reach(lambda images: self.method.scores(network(images)), self.method.stride)

    def _tiling(self, side: int) -> dict[str, int]:
        if self.reach is None:
            raise UsageError("the network cannot be tiled: a pixel of its output depends on all of the image")
        return {"side": side, "halo": self.reach, "stride": self.method.stride}

    @torch.inference_mode()
    def _scores(self, normal: np.ndarray) -> np.ndarray:
        """Scores of a normalised image, or of a window of one."""
        height, width = normal.shape
        stride = self.method.stride
        pad = [(0, -height % stride), (0, -width % stride)]
        # "symmetric" also serves images that are smaller than the padding.
        array = np.pad(normal, pad, mode="symmetric")
        batch = torch.from_numpy(array)[None, None].to(self.fabric.device, memory_format=torch.channels_last)
        with self.fabric.autocast():
            output = self.network(batch)
        return self.method.scores(output)[0, :, :height, :width].contiguous().cpu().numpy()


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
    header = read_header(path)
    try:
        method = registry.create(header.method, **header.options)
    except UsageError as error:  # weights of a method, or of a version of it, that is not installed
        raise DataError(f"{path} cannot be used here: {error}") from error
    network = channels_last(method.build())
    load_weights(path, network)
    fabric = make_fabric(device, precision)
    return Predictor(method, network.to(fabric.device), fabric, tile)
