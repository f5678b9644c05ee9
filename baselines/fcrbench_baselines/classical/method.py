"""Otsu and watershed as a method: the network is the identity, and the decoder does the work."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from fcrbench.methods.base import Method
from fcrbench.methods.intensity import sqrt_intensity
from fcrbench_baselines.classical.decode import segment
from fcrbench_baselines.classical.spec import ClassicalOptions


class Classical(Method):
    """See ClassicalOptions for the options. The network has no parameters, so nothing is trained."""

    options: ClassicalOptions

    def build(self) -> nn.Module:
        return nn.Identity()

    def normalize(self, image: np.ndarray) -> np.ndarray:
        return super().normalize(sqrt_intensity(image) if self.options.intensity == "root" else image)

    def losses(self, output: Any, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        raise TypeError("the classical method has nothing to train")

    def scores(self, output: Tensor) -> Tensor:
        return output.float()

    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        o = self.options
        return segment(
            scores[0],
            smoothing=o.smoothing,
            distance_smoothing=o.distance_smoothing,
            min_distance=o.min_distance,
            min_size=o.min_size,
            min_contrast=o.min_contrast,
        )
