"""A network and its method as one function from an image to instances."""

import os
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from fcrbench.errors import DataError, UsageError
from fcrbench.methods import registry
from fcrbench.methods.base import Method
from fcrbench.training.checkpoint import load_weights
from fcrbench.training.device import channels_last, make_fabric
from fcrbench.weights import DEFAULT, read_header, resolve


@dataclass
class Predictor:
    """Segments images of any size; `seconds` adds up what the network and the post-processing took."""

    method: Method
    network: nn.Module
    fabric: Fabric
    seconds: dict[str, float] = field(init=False)
    images: int = field(init=False)

    def __post_init__(self) -> None:
        self.network.eval()
        self.reset()

    def reset(self) -> None:
        """Start the count of images and seconds anew."""
        self.images = 0
        self.seconds = {"network": 0.0, "postprocess": 0.0}

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Instances of one image (H, W): int32 labels of the same size, 0 = background."""
        start = time.perf_counter()
        scores = self.scores(image)
        middle = time.perf_counter()
        labels = self.method.postprocess(scores)
        self.seconds["network"] += middle - start
        self.seconds["postprocess"] += time.perf_counter() - middle
        self.images += 1
        return labels

    @torch.inference_mode()
    def scores(self, image: np.ndarray) -> np.ndarray:
        """Scores (K, H, W) float32 of one image (H, W), normalised and padded as the network needs."""
        height, width = image.shape
        stride = self.method.stride
        pad = [(0, -height % stride), (0, -width % stride)]
        # "symmetric" also serves images that are smaller than the padding.
        array = np.pad(self.method.normalize(image), pad, mode="symmetric")
        batch = torch.from_numpy(array)[None, None].to(self.fabric.device, memory_format=torch.channels_last)
        with self.fabric.autocast():
            output = self.network(batch)
        return self.method.scores(output)[0, :, :height, :width].contiguous().cpu().numpy()


def load_predictor(
    weights: str | os.PathLike[str] = DEFAULT, device: str = "auto", precision: str = "auto"
) -> Predictor:
    """A predictor from "default", the weights of the package, a run directory (its last ones), or a file.

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
    return Predictor(method, network.to(fabric.device), fabric)
