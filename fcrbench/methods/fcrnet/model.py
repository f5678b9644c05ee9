"""The U-Net of FCRNet: 16 filters, doubled in each of the next four levels, 2.7 M parameters."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fcrbench.methods.fcrnet.parts import TensorPart, pad_slice, shift_slice, split_rows

LEVELS = 4  # halvings of the resolution
FILTERS = (16, 32, 64, 128, 256)  # of the paper
Block = Literal["conv-relu-conv-relu", "conv-conv-relu"]
HALO = 3  # pixels that the two convolutions of a join and the head see around a pixel


def _conv(inputs: int, outputs: int, batch_norm: bool, relu: bool = True) -> nn.Sequential:
    """3x3 convolution, optional batch normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _block(inputs: int, outputs: int, batch_norm: bool, block: Block) -> nn.Sequential:
    """Two convolutions. A ReLU follows the second, and with "conv-relu-conv-relu" also the first."""
    first = _conv(inputs, outputs, batch_norm, relu=block == "conv-relu-conv-relu")
    return nn.Sequential(first, _conv(outputs, outputs, batch_norm))


class UNet(nn.Module):
    """U-Net with max pooling and linear upsampling, linear head.

    Input (B, 1, H, W) float, H and W multiples of 16; output (B, colors, H, W) float32: the raw
    embedding e of the paper, before its normalisation (Eq. 4).

    colors       K, the number of channels of the embedding
    filters      channels of each level, that of full resolution first
    batch_norm   normalise after every convolution of the trunk (the paper does not)
    block        the layers of each level, in the encoder and in the decoder

    A 3x3 convolution that keeps the number of channels precedes each upsampling; after it, it would cost four
    times as much. With K = 4 and no batch normalisation the network has 2,746,740 parameters. The authors'
    code reaches the same 2.7 M with a second decoder that it never trains.
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
            with torch.no_grad():  # half the variance, as no ReLU removes the other half
                for pair in (*self.down, *self.join):
                    pair[0][0].weight.mul_(0.5**0.5)
        # A small head keeps the embedding near 0 at the start, where every colour is still possible.
        nn.init.normal_(self.head.weight, std=0.05)

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        return self.part(images, slice(0, height), slice(0, width))

    def part(self, images: Tensor, rows: slice, columns: slice) -> Tensor:
        """Return these rows and columns of the output. Each level computes only what they depend on."""
        return self._run_from_level(0, images, rows, columns).tensor

    def _run_from_level(self, level: int, x: Tensor, rows: slice, columns: slice) -> TensorPart:
        """Run this level and all coarser ones on x, the input of this level; return a part of the output.

        Parts and strips are computed with a halo, which is dropped: convolutions see zeros beyond it.
        """
        found = TensorPart(rows, columns)
        if level == LEVELS:
            found.add_strip(self.down[level](x), 0)
            return found
        up, join = self.up[LEVELS - 1 - level], self.join[LEVELS - 1 - level]
        height, width = x.shape[2:]
        skip = TensorPart(pad_slice(rows, HALO, height), pad_slice(columns, HALO, width))
        pooled = TensorPart(slice(0, height // 2), slice(0, width // 2))
        for strip in split_rows(slice(0, height), x):
            seen = pad_slice(strip, 2, height)
            features = self.down[level](x[:, :, seen])[:, :, shift_slice(strip, seen.start)]
            skip.add_strip(features, strip.start)
            pooled.add_strip(self.pool(features), strip.start // 2)
        below = self._run_from_level(
            level + 1, pooled.tensor, _coarse_slice(skip.rows, height), _coarse_slice(skip.columns, width)
        )
        for strip in split_rows(rows, skip.tensor):
            larger = TensorPart(pad_slice(strip, HALO, height), skip.columns)
            coarse = _coarse_slice(larger.rows, height)
            features = self.upsample(up(below.read(coarse, below.columns)))
            larger.add_strip(features, 2 * coarse.start, 2 * below.columns.start)
            features = join(torch.cat([skip.read(larger.rows, larger.columns), larger.tensor], dim=1))
            if level == 0:
                # The head and all that follows it stay in float32, as colours separate less well in bfloat16.
                with torch.autocast(features.device.type, enabled=False):
                    features = self.head(features.float())
            found.add_strip(
                features[:, :, shift_slice(strip, larger.rows.start)], strip.start, larger.columns.start
            )
        return found


def _coarse_slice(fine: slice, length: int) -> slice:
    """Return the slice of the next coarser level that this slice depends on.

    It has two more pixels on both sides: upsampling needs one and the convolution before it another.
    """
    return pad_slice(slice(fine.start // 2, (fine.stop + 1) // 2), 2, length // 2)
