"""The network of DCAN: six convolutions, and two heads that add up the predictions of three levels."""

import torch
from torch import Tensor, nn
from torch.nn.functional import fold

WIDTHS = (1, 2, 4, 8, 8, 16)  # filters of each convolution, relative to the first one
STRIDES = (8, 16, 32)  # of the last three levels, from which predictions are made
TASKS = 2  # objects, contours
CLASSES = 2  # no, yes


class Heads(nn.Module):
    """The predictions of one level for both tasks: a transposed convolution, then 1x1 convolutions.

    Turns (B, inputs, H / stride, W / stride) into (B, 4, H, W). The kernel has a side of 2 * stride. The
    transposed convolution is a product with the matrix (inputs, 4 * kernel^2) followed by overlap-add, which
    is faster than torch's implementation for kernels this large.
    """

    def __init__(self, inputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        # Starts as bilinear interpolation of a random mix of channels, whose weights are small.
        ramp = 1 - (torch.arange(2 * stride) - (stride - 0.5)).abs() / stride
        mix = torch.randn(inputs, TASKS * CLASSES, 1) * (0.1 * inputs**-0.5)
        self.weight = nn.Parameter((mix * torch.outer(ramp, ramp).flatten()).flatten(1))
        self.bias = nn.Parameter(torch.zeros(TASKS * CLASSES, 1, 1))
        self.mix = nn.Conv2d(TASKS * CLASSES, TASKS * CLASSES, 1, groups=TASKS)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(CLASSES).repeat(TASKS, 1)[:, :, None, None])
            nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        size = (x.shape[2] * self.stride, x.shape[3] * self.stride)
        patches = self.weight.t() @ x.flatten(2)
        up = fold(patches, size, 2 * self.stride, padding=self.stride // 2, stride=self.stride)
        return self.mix(up + self.bias)


class MultiLevelNetwork(nn.Module):
    """Multi-level contextual network with an object and a contour head.

    Input (B, 1, H, W) float, H and W multiples of 32. Output (B, 3, 4, H, W) float32: for each level the
    logits [no object, object, no contour, contour]. The fused logits are their sum over the levels.

    filters      number of filters of the first convolution; 64 in the paper
    dropout      rate after the last two convolutions
    batch_norm   normalise after every convolution of the trunk

    Six 3x3 convolutions have 64, 128, 256, 512, 512 and 1024 filters, with max pooling after all but the
    first. After each of the last three follow a transposed convolution (kernel 16, 32, 64; stride 8, 16, 32)
    to the two classes of each task and a 1x1 convolution. Without batch normalisation these are 28,027,952
    parameters, the 28.0 M of Table 1 of Cao & Yan.
    """

    def __init__(self, filters: int = 64, dropout: float = 0.5, batch_norm: bool = False) -> None:
        super().__init__()
        self.trunk = nn.ModuleList()
        inputs = 1
        widths = [filters * width for width in WIDTHS]
        for level, width in enumerate(widths):
            layers: list[nn.Module] = [nn.Conv2d(inputs, width, 3, padding=1)]
            nn.init.kaiming_normal_(layers[0].weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(layers[0].bias)  # type: ignore[arg-type]
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            if dropout and level >= len(widths) - 2:
                layers.append(nn.Dropout2d(dropout))
            if level:
                layers.append(nn.MaxPool2d(2))
            self.trunk.append(nn.Sequential(*layers))
            inputs = width
        levels = zip(widths[-len(STRIDES) :], STRIDES, strict=True)
        self.heads = nn.ModuleList(Heads(width, stride) for width, stride in levels)

    def forward(self, image: Tensor) -> Tensor:
        levels = []
        x = image
        for block in self.trunk:
            x = block(x)
            levels.append(x)
        # Logits are computed in float32, as they are sums of up to 4,096 products.
        with torch.autocast(image.device.type, enabled=False):
            deep = zip(self.heads, levels[-len(STRIDES) :], strict=True)
            return torch.stack([heads(x.float()) for heads, x in deep], dim=1)
