"""DCAN (Chen et al. 2016): a network predicts maps of objects and contours, which become instances."""

import numpy as np
from scipy.special import logit
from torch import Tensor, nn

from fcrbench.methods.base import Method
from fcrbench.methods.intensity import sqrt_intensity
from fcrbench_baselines.cleaning import clean_labels
from fcrbench_baselines.dcan.decode import fuse
from fcrbench_baselines.dcan.loss import ContourAwareLoss, log_odds
from fcrbench_baselines.dcan.model import STRIDES, MultiLevelNetwork
from fcrbench_baselines.dcan.spec import DCANOptions
from fcrbench_baselines.dcan.targets import object_and_contour


class DCAN(Method):
    """See DCANOptions for the options."""

    stride = max(STRIDES)
    options: DCANOptions

    def build(self) -> nn.Module:
        o = self.options
        return MultiLevelNetwork(o.filters, o.dropout, o.batch_norm)

    def normalize(self, image: np.ndarray) -> np.ndarray:
        return super().normalize(sqrt_intensity(image) if self.options.intensity == "root" else image)

    def losses(self, output: Tensor, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        o = self.options
        truth = object_and_contour(labels, o.contour_radius)
        return ContourAwareLoss(o.balance, o.auxiliary)(output, truth, progress)

    def scores(self, output: Tensor) -> Tensor:
        return log_odds(output.sum(dim=1)).sigmoid()

    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        o = self.options
        labels = fuse(
            scores,
            contour_threshold=o.contour_threshold,
            smooth=o.smooth,
            min_core=o.min_core,
            grow=o.grow,
            join_contact=o.join_contact,
        )
        return clean_labels(labels, logit(scores[0]), o)
