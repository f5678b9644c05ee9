"""The loss of DCAN: cross-entropy of both tasks, fused and at every level."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from fcrbench.compute.transfer import to_device


@dataclass(frozen=True)
class ContourAwareLoss:
    """Cross-entropy of objects and contours, and of each level's own prediction as auxiliary classifier.

    balance    of contours against the rest, 0: every pixel counts the same; 1: every class does; see
               class_weights
    auxiliary  weights of the auxiliary terms, one for each equal share of the training

    object, contour  cross-entropy of the fused prediction, averaged over all pixels
    auxiliary        the sum of both over the levels, each predicting alone
    loss             object + contour + weight * auxiliary; Chen et al., Eq. 4, without the decay of the
                     weights, which is the optimiser's
    """

    balance: float
    auxiliary: tuple[float, ...]

    def __call__(self, levels: Tensor, truth: np.ndarray, progress: float) -> dict[str, Tensor]:
        """levels (B, L, 4, H, W) logits, truth (B, 2, H, W) classes, 0 <= progress < 1."""
        target = to_device(truth, levels.device).float()
        weight = torch.ones_like(target)
        weight[:, 1] = class_weights(target[:, 1], self.balance)
        # The softmax of two classes is the logistic function of the difference of their logits.
        evidence = log_odds(levels)
        tasks = cross_entropy(evidence.sum(dim=1), target, weight)
        total = tasks.sum()
        terms = {"object": tasks[0], "contour": tasks[1]}
        if factor := self.auxiliary_weight(progress):
            alone = [cross_entropy(level, target, weight) for level in evidence.unbind(dim=1)]
            terms["auxiliary"] = torch.stack(alone).sum()
            total = total + factor * terms["auxiliary"]
        return {"loss": total, **terms}

    def auxiliary_weight(self, progress: float) -> float:
        """The weight of the auxiliary classifiers at this share of the training."""
        return self.auxiliary[min(int(progress * len(self.auxiliary)), len(self.auxiliary) - 1)]


def log_odds(levels: Tensor) -> Tensor:
    """Log odds of object and contour, (..., 2, H, W), from logits of both classes of each, (..., 4, H, W)."""
    return levels[..., 1::2, :, :] - levels[..., ::2, :, :]


def cross_entropy(odds: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean over images and pixels for each task, (2,); odds, target and weight are (B, 2, H, W)."""
    return binary_cross_entropy_with_logits(odds, target, weight, reduction="none").mean(dim=(0, 2, 3))


def class_weights(target: Tensor, balance: float) -> Tensor:
    """Weight of every pixel: the frequency of its class in the batch ** -balance, scaled to mean 1.

    target (B, H, W) of 0 and 1, both float32; 1 everywhere where only one class is present
    """
    share = target.mean()
    weight = torch.where(target > 0, share, 1 - share).pow(-balance)
    return weight / weight.mean()
