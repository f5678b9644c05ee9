"""A network and its method as one function from an image to instances."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from fcrbench.methods.base import Method


@dataclass
class Predictor:
    """Segments images of any size; `seconds` adds up what the network and the post-processing took."""

    method: Method
    network: nn.Module
    fabric: Fabric
    seconds: dict[str, float] = field(default_factory=lambda: {"network": 0.0, "postprocess": 0.0})
    images: int = 0

    def __post_init__(self) -> None:
        self.network.eval()

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
