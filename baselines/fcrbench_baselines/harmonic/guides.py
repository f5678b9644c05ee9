"""Guide functions: sines of the pixel coordinates, the basis that embeddings are expressed in."""

import torch
from torch import Tensor, nn


class GuideFunctions(nn.Module):
    """N guide functions g_i(x, y) = sin(a_i x + b_i y + c_i) of pixel coordinates (Eq. 1 of the paper).

    x and y count pixels from the origin, which is the centre of the top left pixel. So a function has the
    same wavelength in a training crop and in a whole field, which the paper's coordinates, scaled to
    [0, 1] over the image, would not have; a_i and b_i are radians per pixel, c_i radians.

    coefficients   (3, N) float32 buffer: rows a, b, c
    """

    coefficients: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.zeros(3, count))

    def forward(self, height: int, width: int, origin: Tensor, step: int = 1) -> Tensor:
        """Values (B, N, height, width) float32 at the centres of cells of step x step pixels.

        origin   (B, 2) float32, what is added to y and x of each image; pixels
        """
        a, b, c = self.coefficients[:, None, :, None, None]
        offset = (step - 1) / 2  # from the centre of a cell's first pixel to that of the cell
        device = self.coefficients.device
        y = torch.arange(height, device=device)[:, None] * step + offset + origin[:, 0, None, None, None]
        x = torch.arange(width, device=device) * step + offset + origin[:, 1, None, None, None]
        # float64: far from the origin, float32 would round a x to less than a thousandth of a turn. Along
        # each axis alone: most GPUs take 64 times as long for it. What is left of both is below two turns.
        across = (a.double() * x.double() + c.double()).remainder(2 * torch.pi).float()
        down = (b.double() * y.double()).remainder(2 * torch.pi).float()
        return torch.sin(across + down)
