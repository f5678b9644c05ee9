"""The U-Net of FCRNet: 16 filters, doubled in the four next levels, 2.7 M parameters."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fcrbench.methods.fcrnet.parts import Part, grown, since, strips

LEVELS = 4  # halvings of the resolution
FILTERS = (16, 32, 64, 128, 256)  # of the paper
Block = Literal["conv-relu-conv-relu", "conv-conv-relu"]
HALO = 3  # pixels that the two convolutions of a join and the head reach


def _conv(inputs: int, outputs: int, batch_norm: bool, relu: bool = True) -> nn.Sequential:
    """3x3 convolution, optional batch normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _block(inputs: int, outputs: int, batch_norm: bool, block: Block) -> nn.Sequential:
    """Two convolutions, of which the second ends in a ReLU, the first only with "conv-relu-conv-relu"."""
    first = _conv(inputs, outputs, batch_norm, relu=block == "conv-relu-conv-relu")
    return nn.Sequential(first, _conv(outputs, outputs, batch_norm))


class UNet(nn.Module):
    """U-Net with max pooling and linear upsampling, linear head.

    Input (B, 1, H, W) float, H and W multiples of 16; output (B, colors, H, W) float32: the raw
    embedding e of the paper, before its normalisation (Eq. 4).

    colors       K, the number of channels of the embedding
    filters      channels of each level, that of full resolution first
    batch_norm   normalise after every convolution of the trunk (the paper does not)
    block        what each level does before pooling, and after joining what comes from below

    A 3x3 convolution that keeps its channels goes with each upsampling, which gives 2,746,740 parameters
    with K = 4 and no batch normalisation. It comes before the upsampling, where it costs a quarter. The
    authors' code reaches the same 2.7 M with a second decoder that it never trains.
    """

    def __init__(
        self,
        colors: int = 4,
        filters: Sequence[int] = FILTERS,
        batch_norm: bool = False,
        block: Block = "conv-relu-conv-relu",
    ) -> None:
        super().__init__()
        self.filters = tuple(filters)
        self.down = nn.ModuleList()
        inputs = 1
        for width in filters:
            self.down.append(_block(inputs, width, batch_norm, block))
            inputs = width
        self.up = nn.ModuleList()
        self.join = nn.ModuleList()
        for width, below in zip(filters[-2::-1], filters[:0:-1], strict=True):
            self.up.append(_conv(below, below, batch_norm))
            self.join.append(_block(width + below, width, batch_norm, block))
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.head = nn.Conv2d(filters[0], colors, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if block == "conv-conv-relu":
            with torch.no_grad():  # half the variance, where no ReLU takes the other half away
                for pair in (*self.down, *self.join):
                    pair[0][0].weight.mul_(0.5**0.5)
        # A small head keeps the embedding near 0 at the start, where every colour is still possible.
        nn.init.normal_(self.head.weight, std=0.05)

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        return self.part(images, slice(0, height), slice(0, width))

    def part(self, images: Tensor, rows: slice, columns: slice) -> Tensor:
        """These rows and columns of the output; each level computes only what they depend on."""
        return self._from_level(0, images, rows, columns).tensor

    def _from_level(self, level: int, x: Tensor, rows: slice, columns: slice) -> Part:
        """A part of what this level and those below make of x, the input of this one.

        Parts and strips are computed with a halo that is not kept: convolutions see zeros where it ends.
        """
        found = Part(rows, columns)
        if level == LEVELS:
            found.add(self.down[level](x), 0)
            return found
        up, join = self.up[LEVELS - 1 - level], self.join[LEVELS - 1 - level]
        height, width = x.shape[2:]
        skip = Part(grown(rows, HALO, height), grown(columns, HALO, width))
        pooled = Part(slice(0, height // 2), slice(0, width // 2))
        for strip in strips(slice(0, height), x):
            seen = grown(strip, 2, height)
            features = self.down[level](x[:, :, seen])[:, :, since(strip, seen.start)]
            skip.add(features, strip.start)
            pooled.add(self.pool(features), strip.start // 2)
        below = self._from_level(
            level + 1, pooled.tensor, _coarse(skip.rows, height), _coarse(skip.columns, width)
        )
        for strip in strips(rows, skip.tensor):
            larger = Part(grown(strip, HALO, height), skip.columns)
            coarse = _coarse(larger.rows, height)
            features = self.upsample(up(below.read(coarse, below.columns)))
            larger.add(features, 2 * coarse.start, 2 * below.columns.start)
            features = join(torch.cat([skip.read(larger.rows, larger.columns), larger.tensor], dim=1))
            if level == 0:
                # The head and all that follows it stay in float32: in bfloat16 the colours separate worse.
                with torch.autocast(features.device.type, enabled=False):
                    features = self.head(features.float())
            found.add(features[:, :, since(strip, larger.rows.start)], strip.start, larger.columns.start)
        return found


def _coarse(fine: slice, length: int) -> slice:
    """What is read at half the resolution for this span: upsampling takes one pixel more, `up` another."""
    return grown(slice(fine.start // 2, (fine.stop + 1) // 2), 2, length // 2)
