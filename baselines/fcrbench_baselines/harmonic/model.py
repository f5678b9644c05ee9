"""The network of Harmonic Embedding: a U-Net of gated convolutions that is shown the guide functions."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import glu, interpolate, pixel_unshuffle

from fcrbench_baselines.harmonic.guides import GuideFunctions

LEVELS = 4
ORIGINS = 4096  # pixels; training draws the origin of each image's coordinates from [0, ORIGINS)^2


class Output(NamedTuple):
    """What the network returns for a batch.

    embedding    (B, N, H, W), the predicted mean guide values of each pixel's object
    foreground   (B, 1, H, W), logits; (B, 0, H, W) in a network without this channel
    guides       (B, N, H, W), the guide functions in the coordinates of this batch
    """

    embedding: Tensor
    foreground: Tensor
    guides: Tensor


class GatedConv(nn.Module):
    """f(x) * sigmoid(g(x)) with f and g 3x3 convolutions, computed as one of twice the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.both = nn.Conv2d(inputs, 2 * outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return glu(self.both(x), dim=1)


def _double(inputs: int, outputs: int, gated: bool = True) -> nn.Sequential:
    """(convolution, batch normalisation, ReLU) twice."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(GatedConv(channels, outputs) if gated else nn.Conv2d(channels, outputs, 3, padding=1))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """Joins the level below and the skip connection by a 7x7 guided convolution, then a double one."""

    def __init__(self, inputs: int, outputs: int, guides: int) -> None:
        super().__init__()
        self.guided = nn.Conv2d(inputs + guides, outputs, 7, padding=3)
        self.convolutions = _double(outputs, outputs)

    def forward(self, below: Tensor, skip: Tensor, guides: Tensor) -> Tensor:
        x = torch.cat([skip, _twice(below), guides.to(skip.dtype)], dim=1)
        joined: Tensor = self.convolutions(self.guided(x))
        return joined


class Head(nn.Module):
    """The output at one scale: attention decides how much of it replaces that of the scale below."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = _double(inputs, inputs)
        self.value = GatedConv(inputs, outputs)
        self.attention = GatedConv(inputs, outputs)

    def forward(self, x: Tensor, below: Tensor | None) -> Tensor:
        value = self.value(self.convolutions(x)).float()
        attention = self.attention(x).float().sigmoid()
        if below is None:  # below the coarsest scale is 0, the embedding of the background
            return attention * value
        return torch.lerp(_twice(below), value, attention)


class HarmonicUNet(nn.Module):
    """U-Net 64-128-256-512-512 with guided convolutions in the decoder and outputs at four scales.

    Input (B, 1, H, W) float, H and W multiples of 16; returns Output. With 12 guide functions and no
    foreground channel 43,055,744 parameters: the network of the authors' notebook with one input channel.

    In training every image gets an origin of coordinates at random, so that the network learns every
    combination of phases that it can meet in a field of any size; otherwise the origin is the top left
    pixel.

    guides       N, the number of guide functions
    foreground   add a channel of foreground logits
    downscale    s > 1: the network sees s x s pixels as s * s channels, and what it returns is interpolated;
                 H and W are then multiples of 16 s
    filters      channels of the first level
    """

    def __init__(
        self, guides: int = 12, foreground: bool = False, downscale: int = 1, filters: int = 64
    ) -> None:
        super().__init__()
        self.downscale = downscale
        widths = [filters * 2 ** min(level, LEVELS - 1) for level in range(LEVELS + 1)]
        self.guides = GuideFunctions(guides)
        self.down = nn.ModuleList([_double(downscale**2, widths[0], gated=False)])
        for inputs, outputs in pairwise(widths):
            self.down.append(_double(inputs, outputs))
        self.up, self.head = nn.ModuleList(), nn.ModuleList()
        below = widths[-1]
        for level in reversed(range(LEVELS)):
            outputs = widths[max(level - 1, 0)]
            self.up.append(Up(below + widths[level], outputs, guides))
            self.head.append(Head(outputs, guides + foreground))
            below = outputs
        self.pool = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> Output:
        origin = torch.zeros(len(image), 2, device=image.device)
        if self.training:
            origin.uniform_(0, ORIGINS)
        skips = []
        x = pixel_unshuffle(image, self.downscale)
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        value: Tensor | None = None
        for up, head in zip(self.up, self.head, strict=True):
            skip = skips.pop()
            guides = self.guides(*skip.shape[2:], origin, self.downscale * 2 ** len(skips))
            x = up(x, skip, guides)
            value = head(x, value)
        assert value is not None
        if self.downscale > 1:
            value = interpolate(value, image.shape[2:], mode="bilinear", align_corners=False)
            guides = self.guides(*image.shape[2:], origin)
        count = guides.shape[1]
        return Output(value[:, :count], value[:, count:], guides)


def _twice(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
