"""The loss: L1 distance to the mean guide values of each pixel's object, and cross-entropy of foreground."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

from fcrbench.compute.transfer import to_device
from fcrbench_baselines.harmonic.model import Output

BORDER_WINDOW = 5  # pixels; side of the square by which borders are dilated


@dataclass(frozen=True)
class HarmonicLoss:
    """Eq. 3 of the paper, with the edge term of the authors' notebook.

    embedding    mean over pixels of w |e - t|, where t are the mean guide values of the pixel's object, 0 in
                 the background. "log": w = 10 / log(number of pixels of the object); "even": objects and
                 background each have half of the weight, and their pixels have equal weight
    edge         mean over all pixels of the same error with w = 1 within 2 pixels of a border between two
                 objects or an object and the background, 0 elsewhere
    foreground   cross-entropy of the foreground channel, if the network has one
    loss         embedding + edge_weight * edge + foreground
    """

    object_weight: Literal["even", "log"] = "even"
    edge_weight: float = 7.0

    def __call__(self, output: Output, labels: np.ndarray) -> dict[str, Tensor]:
        embedding, guides = output.embedding.float(), output.guides
        index = to_device(labels, embedding.device).long()
        target, size = object_targets(guides, index, int(labels.max(initial=0)))
        error = (embedding - target).abs().mean(dim=1)
        if self.object_weight == "log":
            term = (error * (10 / size.clamp_min(2).log())).mean()
        else:
            inside = (index > 0).float()
            term = (_weighted_mean(error, inside) + _weighted_mean(error, 1 - inside)) / 2
        terms = {"embedding": term, "edge": (error * border_mask(index)).mean()}
        loss = term + self.edge_weight * terms["edge"]
        if output.foreground.shape[1]:
            logits = output.foreground[:, 0].float()
            terms["foreground"] = binary_cross_entropy_with_logits(logits, (index > 0).float())
            loss = loss + terms["foreground"]
        return {"loss": loss, **terms}


def object_targets(guides: Tensor, index: Tensor, max_id: int) -> tuple[Tensor, Tensor]:
    """Return the mean of `guides` over the object of each pixel, (B, N, H, W), and its size, (B, H, W).

    guides   (B, N, H, W)
    index    (B, H, W) int64, 0 = background, where the mean is 0; ids 1..n in each image
    max_id   the largest id. The host knows it, and reading it from the device would make the host wait
    """
    batch, count = guides.shape[:2]
    stride = max_id + 1
    flat = (index + stride * torch.arange(batch, device=index.device)[:, None, None]).reshape(-1)
    values = guides.permute(0, 2, 3, 1).reshape(-1, count)
    total = torch.zeros(batch * stride, count, device=guides.device).index_add_(0, flat, values)
    # Not bincount, which reads the largest index on the host. Sums of ones are exact up to 2**24 pixels.
    size = torch.zeros(batch * stride, device=guides.device).index_add_(
        0, flat, torch.ones_like(values[:, 0])
    )
    mean = total / size.clamp_min(1)[:, None]
    mean[::stride] = 0  # the background of each image
    return mean[flat].view(*index.shape, count).permute(0, 3, 1, 2), size[flat].view(index.shape)


def border_mask(index: Tensor) -> Tensor:
    """Return 1 near pixels whose right or lower neighbour is another object, else 0; (B, H, W) float32."""
    change = torch.zeros(index.shape, device=index.device)
    change[:, :, :-1] += index[:, :, 1:] != index[:, :, :-1]
    change[:, :-1] += index[:, 1:] != index[:, :-1]
    return max_pool2d(change.clamp_max(1)[:, None], BORDER_WINDOW, stride=1, padding=BORDER_WINDOW // 2)[:, 0]


def _weighted_mean(error: Tensor, weight: Tensor) -> Tensor:
    return (error * weight).sum() / weight.sum().clamp_min(1)
