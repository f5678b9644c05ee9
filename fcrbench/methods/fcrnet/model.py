"""The U-Net of FCRNet: 16 filters, doubled in the four next levels, 2.7 M parameters."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LEVELS = 4  # halvings of the resolution
FILTERS = (16, 32, 64, 128, 256)  # of the paper


def _conv(inputs: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    """3x3 convolution, optional batch normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """U-Net with max pooling and linear upsampling, linear head.

    Input (B, 1, H, W) float, H and W multiples of 16; output (B, colors, H, W) float32: the raw
    embedding e of the paper, before its normalisation (Eq. 4).

    colors       K, the number of channels of the embedding
    filters      channels of each level, that of full resolution first
    batch_norm   normalise after every convolution of the trunk (the paper does not)

    A 3x3 convolution that keeps its channels goes with each upsampling, which gives 2,746,740 parameters
    with K = 4 and no batch normalisation. It comes before the upsampling, where it costs a quarter. The
    authors' code reaches the same 2.7 M with a second decoder that it never trains.
    """

    def __init__(self, colors: int = 4, filters: Sequence[int] = FILTERS, batch_norm: bool = False) -> None:
        super().__init__()
        self.filters = tuple(filters)
        self.down = nn.ModuleList()
        inputs = 1
        for width in filters:
            self.down.append(nn.Sequential(_conv(inputs, width, batch_norm), _conv(width, width, batch_norm)))
            inputs = width
        self.up = nn.ModuleList()
        self.join = nn.ModuleList()
        for width, below in zip(filters[-2::-1], filters[:0:-1], strict=True):
            self.up.append(_conv(below, below, batch_norm))
            self.join.append(
                nn.Sequential(_conv(width + below, width, batch_norm), _conv(width, width, batch_norm))
            )
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.head = nn.Conv2d(filters[0], colors, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # A small head keeps the embedding near 0 at the start, where every colour is still possible.
        nn.init.normal_(self.head.weight, std=0.05)

    def forward(self, image: Tensor) -> Tensor:
        skips = []
        x = image
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), self.upsample(up(x))], dim=1))
        # The head and all that follows it stay in float32: in bfloat16 the colours separate worse.
        with torch.autocast(x.device.type, enabled=False):
            return self.head(x.float())
