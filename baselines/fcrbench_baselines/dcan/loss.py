"""The loss of DCAN: cross-entropy of both tasks, of the fused prediction and of every level."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from fcrbench.compute.transfer import to_device


@dataclass(frozen=True)
class ContourAwareLoss:
    """Cross-entropy of objects and contours, with the prediction of each level as an auxiliary classifier.

    balance    of contour pixels and other pixels; 0: every pixel has equal weight, 1: both classes have; see
               class_weights
    auxiliary  weights of the auxiliary terms, each for an equal share of the training

    object, contour  cross-entropy of the fused prediction, averaged over all pixels
    auxiliary        the sum of both over the separate predictions of the levels
    loss             object + contour + weight * auxiliary (Chen et al., Eq. 4). The weight decay of Eq. 4 is
                     left to the optimiser
    """

    balance: float
    auxiliary: tuple[float, ...]

    def __call__(self, levels: Tensor, truth: np.ndarray, progress: float) -> dict[str, Tensor]:
        """Compute the terms from logits (B, L, 4, H, W) and true classes (B, 2, H, W); 0 <= progress < 1."""
        target = to_device(truth, levels.device).float()
        weight = torch.ones_like(target)
        weight[:, 1] = class_weights(target[:, 1], self.balance)
        # The softmax of two classes is the logistic function of the difference of their logits.
        evidence = log_odds(levels)
        tasks = cross_entropy(evidence.sum(dim=1), target, weight)
        total = tasks.sum()
        terms = {"object": tasks[0], "contour": tasks[1]}
        if factor := self.auxiliary_weight(progress):
            of_levels = [cross_entropy(level, target, weight) for level in evidence.unbind(dim=1)]
            terms["auxiliary"] = torch.stack(of_levels).sum()
            total = total + factor * terms["auxiliary"]
        return {"loss": total, **terms}

    def auxiliary_weight(self, progress: float) -> float:
        """Return the weight of the auxiliary classifiers at this progress of the training."""
        return self.auxiliary[min(int(progress * len(self.auxiliary)), len(self.auxiliary) - 1)]


def log_odds(levels: Tensor) -> Tensor:
    """Convert logits of the classes of both tasks, (..., 4, H, W), to log odds of both, (..., 2, H, W)."""
    return levels[..., 1::2, :, :] - levels[..., ::2, :, :]


def cross_entropy(odds: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over images and pixels for each task, (2,); all arguments are (B, 2, H, W)."""
    return binary_cross_entropy_with_logits(odds, target, weight, reduction="none").mean(dim=(0, 2, 3))


def class_weights(target: Tensor, balance: float) -> Tensor:
    """Return the weight of every pixel: the frequency of its class in the batch ** -balance, with mean 1.

    target (B, H, W) float32 holds 0 and 1. All weights are 1 if there is only one class
    """
    share = target.mean()
    weight = torch.where(target > 0, share, 1 - share).pow(-balance)
    return weight / weight.mean()
