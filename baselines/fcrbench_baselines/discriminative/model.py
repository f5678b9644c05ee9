"""ReSeg with skip connections, which has as many parameters as Discriminative Loss in Table 1."""

import torch
from torch import Tensor, nn

BLOCKS = ((64, 64), (128, 128), (256, 256, 256))  # VGG16 up to conv3_3
STRIDE = 4  # of the output of the last block
UNITS = 100  # number of units of each recurrent layer and direction


class ReSeg(nn.Module):
    """VGG16 to conv3_3, two ReNet layers, two 2x2 deconvolutions with skips, one linear 1x1 head.

    Input (B, 1, H, W) float, H and W multiples of 4; output (B, 2 + dimensions, H, W) float32: the logits of
    background and foreground, then the embedding.

    dimensions   channels of the embedding
    batch_norm   normalise after every convolution of VGG16 (the original network does not)

    This is ReSeg (Visin et al., 2016) as in a public re-implementation of Discriminative Loss: conv1_2 is
    concatenated before the head, and conv2_2 before the last deconvolution. The paper names no network of
    2.6 M parameters; this one has 2,670,898 with 32 dimensions and no batch normalisation, which adds 1,152.
    The gray image is repeated as three channels, because VGG16 expects three, and the count includes them.
    All weights are newly drawn, while the original starts from VGG16 trained on ImageNet.
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
                # The stride of a deconvolution equals its kernel size, so each output depends on one tap.
                taps = module.kernel_size[0] * module.kernel_size[1] if isinstance(module, nn.Conv2d) else 1
                nn.init.normal_(module.weight, std=(2 / (module.in_channels * taps)) ** 0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # The distance of pixels starts at about the size of the margins. At four times this distance, the
        # first hundred steps would only pull all pixels together.
        with torch.no_grad():
            self.head.weight.mul_(0.25)

    def forward(self, image: Tensor) -> Tensor:
        first = self.down[0](image.expand(-1, 3, -1, -1))
        second = self.down[1](self.pool(first))
        x = self.renet(self.down[2](self.pool(second)))
        x = self.up2(x).relu_()
        x = self.up1(torch.cat([x, second], dim=1)).relu_()
        # The embedding stays in float32, as distances are computed from it.
        with torch.autocast(x.device.type, enabled=False):
            return self.head(torch.cat([x.float(), first.float()], dim=1))


class ReNet(nn.Module):
    """A bidirectional GRU along the rows, then one along the columns: every pixel depends on all others.

    Turns (B, inputs, H, W) into (B, 2 * units, H, W), both channels last. Computes in float32 even under
    autocast, because rounding errors would add up over hundreds of steps.
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
    """Run a GRU along the third axis of (B, N, T, C); each (b, n) is a separate sequence."""
    batch, lines, length, channels = x.shape  # batch may be 0 with several processes
    out, _ = gru(x.reshape(batch * lines, length, channels))
    return out.view(batch, lines, length, out.shape[2])
