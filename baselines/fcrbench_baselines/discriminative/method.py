"""Discriminative Loss (De Brabandere et al.): pixels are embedded, and clusters become instances."""

import numpy as np
from torch import Tensor, nn

from fcrbench.methods.base import Method
from fcrbench.methods.intensity import sqrt_intensity
from fcrbench_baselines.cleaning import clean_labels
from fcrbench_baselines.discriminative.loss import DiscriminativeLoss, foreground_loss
from fcrbench_baselines.discriminative.model import STRIDE, ReSeg
from fcrbench_baselines.discriminative.spec import DiscriminativeOptions
from fcrbench_baselines.mean_shift.decode import cluster


class Discriminative(Method):
    """See DiscriminativeOptions for the options. Scores: logits of background and foreground, embedding."""

    stride = STRIDE
    options: DiscriminativeOptions

    def build(self) -> nn.Module:
        return ReSeg(self.options.dimensions, self.options.batch_norm)

    def normalize(self, image: np.ndarray) -> np.ndarray:
        return super().normalize(sqrt_intensity(image) if self.options.intensity == "root" else image)

    def losses(self, output: Tensor, labels: np.ndarray, progress: float) -> dict[str, Tensor]:
        o = self.options
        loss = DiscriminativeLoss(o.pull_margin, o.push_margin, o.reg_weight)
        terms = loss(output[:, 2:].float(), labels)
        foreground = foreground_loss(output[:, :2].float(), labels)
        return terms | {"loss": terms["loss"] + o.foreground_weight * foreground, "foreground": foreground}

    def scores(self, output: Tensor) -> Tensor:
        return output.float()

    def postprocess(self, scores: np.ndarray) -> np.ndarray:
        o = self.options
        labels = cluster(
            scores[2:],
            scores[1] > scores[0],
            o.bandwidth,
            by_component=o.by_component,
            join_contact=o.join_contact,
        )
        return clean_labels(labels, scores[1] - scores[0], o)
