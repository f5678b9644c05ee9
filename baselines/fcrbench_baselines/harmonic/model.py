"""The network of Harmonic Embedding: a U-Net of gated convolutions with guide functions as extra inputs."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import glu, interpolate, pixel_unshuffle

from fcrbench.compute.transfer import to_device
from fcrbench_baselines.harmonic.guides import GuideFunctions

LEVELS = 4
MAX_ORIGIN = 4096  # pixels; training draws the origin of the coordinates of an image from [0, MAX_ORIGIN)^2


class Output(NamedTuple):
    """What the network returns for a batch.

    embedding    (B, N, H, W), the prediction of the mean guide values of each pixel's object
    foreground   (B, 1, H, W), logits; (B, 0, H, W) in a network without this channel
    guides       (B, N, H, W), the guide functions in the coordinates of this batch
    """

    embedding: Tensor
    foreground: Tensor
    guides: Tensor


class GatedConv(nn.Module):
    """f(x) * sigmoid(g(x)) with 3x3 convolutions f and g, computed as one with twice the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.both = nn.Conv2d(inputs, 2 * outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return glu(self.both(x), dim=1)


def _double_conv(inputs: int, outputs: int, gated: bool = True) -> nn.Sequential:
    """Twice: convolution, batch normalisation, ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(GatedConv(channels, outputs) if gated else nn.Conv2d(channels, outputs, 3, padding=1))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """Joins the coarser level and the skip connection by a 7x7 guided convolution, then two convolutions."""

    def __init__(self, inputs: int, outputs: int, guides: int) -> None:
        super().__init__()
        self.guided = nn.Conv2d(inputs + guides, outputs, 7, padding=3)
        self.convolutions = _double_conv(outputs, outputs)

    def forward(self, below: Tensor, skip: Tensor, guides: Tensor) -> Tensor:
        """Join `below`, which must have the height and width of `skip`."""
        x = torch.cat([skip, below, guides.to(skip.dtype)], dim=1)
        joined: Tensor = self.convolutions(self.guided(x))
        return joined


class Head(nn.Module):
    """The output at one scale. Attention mixes it with the output of the coarser scale, if there is one."""

    def __init__(self, inputs: int, outputs: int, coarsest: bool) -> None:
        super().__init__()
        self.convolutions = _double_conv(inputs, inputs)
        self.value = GatedConv(inputs, outputs)
        self.attention = None if coarsest else GatedConv(inputs, outputs)

    def forward(self, x: Tensor, below: Tensor | None) -> Tensor:
        value: Tensor = self.value(self.convolutions(x)).float()
        if self.attention is None or below is None:
            return value
        return torch.lerp(below, value, self.attention(x).float().sigmoid())


class HarmonicUNet(nn.Module):
    """U-Net 64-128-256-512-512 with guided convolutions in the decoder and outputs at four scales.

    Input (B, 1, H, W) float, H and W multiples of 16; returns Output. With 12 guide functions and no
    foreground channel it has 43,000,424 parameters. This is the network of the authors' notebook with one
    input channel, without the 55,320 parameters of an attention at the coarsest scale that is never used.

    In training every image gets a random origin of coordinates, so that the network learns all combinations
    of phases that occur in fields of any size. Otherwise the origin is the top left pixel.

    guides       N, the number of guide functions
    foreground   add a channel of foreground logits
    downscale    s > 1: s x s pixels become s * s channels of the input, and the output is interpolated; H and
                 W are then multiples of 16 s
    filters      channels of the first level
    align_corners   of all interpolation, see HarmonicOptions
    """

    def __init__(
        self,
        guides: int = 12,
        foreground: bool = False,
        downscale: int = 1,
        filters: int = 64,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.downscale, self.align_corners = downscale, align_corners
        widths = [filters * 2 ** min(level, LEVELS - 1) for level in range(LEVELS + 1)]
        self.guides = GuideFunctions(guides)
        self.down = nn.ModuleList([_double_conv(downscale**2, widths[0], gated=False)])
        for inputs, outputs in pairwise(widths):
            self.down.append(_double_conv(inputs, outputs))
        self.up, self.head = nn.ModuleList(), nn.ModuleList()
        below = widths[-1]
        for level in reversed(range(LEVELS)):
            outputs = widths[max(level - 1, 0)]
            self.up.append(Up(below + widths[level], outputs, guides))
            self.head.append(Head(outputs, guides + foreground, coarsest=level == LEVELS - 1))
            below = outputs
        self.pool = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> Output:
        origin = torch.zeros(len(image), 2, device=image.device)
        if self.training:
            origin.uniform_(0, MAX_ORIGIN)
        return self._run(image, origin)

    def at(self, images: Tensor, row: int, column: int) -> Output:
        """Return the output for windows whose first pixel is at (row, column) of the whole image."""
        origin = to_device(torch.tensor([row, column], dtype=torch.float32), images.device)
        return self._run(images, origin.expand(len(images), 2))

    def _run(self, image: Tensor, origin: Tensor) -> Output:
        """Run the network; origin (B, 2) float32 is y and x of the first pixel of each image."""
        skips = []
        # pixel_unshuffle of torch returns an empty batch unchanged.
        x = pixel_unshuffle(image, self.downscale) if len(image) else self._unshuffle_empty(image)
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        value: Tensor | None = None
        for up, head in zip(self.up, self.head, strict=True):
            skip = skips.pop()
            guides = self.guides(*skip.shape[2:], origin, self.downscale * 2 ** len(skips))
            x = up(self._resize_like(skip, x), skip, guides)
            value = head(x, value if value is None else self._resize_like(skip, value))
        assert value is not None
        if self.downscale > 1:
            value = self._resize_like(image, value)
            guides = self.guides(*image.shape[2:], origin)
        count = guides.shape[1]
        return Output(value[:, :count], value[:, count:], guides)

    def _unshuffle_empty(self, image: Tensor) -> Tensor:
        s = self.downscale
        return image.reshape(0, s * s, image.shape[2] // s, image.shape[3] // s)

    def _resize_like(self, other: Tensor, x: Tensor) -> Tensor:
        return interpolate(x, other.shape[2:], mode="bilinear", align_corners=self.align_corners)
