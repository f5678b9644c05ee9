"""ReSeg with skip connections, the network whose size is that of Table 1's Discriminative Loss."""

import torch
from torch import Tensor, nn

BLOCKS = ((64, 64), (128, 128), (256, 256, 256))  # VGG16 up to conv3_3
STRIDE = 4  # of the last block
UNITS = 100  # of each recurrent layer and direction


class ReSeg(nn.Module):
    """VGG16 to conv3_3, two ReNet layers, two 2x2 deconvolutions with skips, one linear 1x1 head.

    Input (B, 1, H, W) float, H and W multiples of 4; output (B, 2 + dimensions, H, W) float32: the logits of
    background and foreground, then the embedding.

    dimensions   channels of the embedding
    batch_norm   normalise after every convolution of VGG16 (the original network does not)

    ReSeg (Visin et al., 2016) as a public re-implementation of Discriminative Loss uses it: conv1_2 joins
    before the head, conv2_2 before the last deconvolution. The paper names no network of 2.6 M parameters;
    in this reading it has 2,670,898 with 32 dimensions and no batch normalisation, which adds 1,152. The gray
    image enters as three equal channels: VGG16 expects three, and the count includes them. All weights are
    fresh; the original starts from VGG16 trained on ImageNet.
    """

    def __init__(self, dimensions: int = 32, batch_norm: bool = False) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        inputs = 3
        for widths in BLOCKS:
            layers: list[nn.Module] = []
            for width in widths:
                layers.append(nn.Conv2d(inputs, width, 3, padding=1, bias=not batch_norm))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU(inplace=True))
                inputs = width
            self.down.append(nn.Sequential(*layers))
        self.pool = nn.MaxPool2d(2)
        self.renet = nn.Sequential(ReNet(inputs, UNITS), ReNet(2 * UNITS, UNITS))
        first, second = BLOCKS[0][-1], BLOCKS[1][-1]
        self.up2 = nn.ConvTranspose2d(2 * UNITS, UNITS, 2, stride=2)
        self.up1 = nn.ConvTranspose2d(UNITS + second, UNITS, 2, stride=2)
        self.head = nn.Conv2d(UNITS + first, 2 + dimensions, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                # The stride of the deconvolutions equals their kernel: each output sees one tap of it.
                taps = module.kernel_size[0] * module.kernel_size[1] if isinstance(module, nn.Conv2d) else 1
                nn.init.normal_(module.weight, std=(2 / (module.in_channels * taps)) ** 0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # Pixels start about as far apart as the margins ask. At four times that distance, the first hundred
        # steps go into pulling all of them together.
        with torch.no_grad():
            self.head.weight.mul_(0.25)

    def forward(self, image: Tensor) -> Tensor:
        first = self.down[0](image.expand(-1, 3, -1, -1))
        second = self.down[1](self.pool(first))
        x = self.renet(self.down[2](self.pool(second)))
        x = self.up2(x).relu_()
        x = self.up1(torch.cat([x, second], dim=1)).relu_()
        # The embedding is compared by distance: it stays in float32.
        with torch.autocast(x.device.type, enabled=False):
            return self.head(torch.cat([x.float(), first.float()], dim=1))


class ReNet(nn.Module):
    """Two bidirectional GRUs, one along the rows, then one along the columns: every pixel sees all others.

    (B, inputs, H, W) to (B, 2 * units, H, W), both channels last. In float32 also under autocast: rounding
    would add up over hundreds of steps.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.rows = nn.GRU(inputs, units, batch_first=True, bidirectional=True)
        self.columns = nn.GRU(2 * units, units, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            x = x.float().permute(0, 2, 3, 1)  # (B, H, W, C), a view of channels-last memory
            x = _scan(self.rows, x)
            x = _scan(self.columns, x.transpose(1, 2)).transpose(1, 2)
            return x.permute(0, 3, 1, 2)


def _scan(gru: nn.GRU, x: Tensor) -> Tensor:
    """A GRU along the third axis of (B, N, T, C), every (b, n) a sequence of its own."""
    batch, lines, length, channels = x.shape  # batch may be 0, the share of a process
    out, _ = gru(x.reshape(batch * lines, length, channels))
    return out.view(batch, lines, length, out.shape[2])
