"""Guide functions: sines of the pixel coordinates, whose means over an object are its embedding."""

import torch
from torch import Tensor, nn


class GuideFunctions(nn.Module):
    """N guide functions g_i(x, y) = sin(a_i x + b_i y + c_i) of pixel coordinates (Eq. 1 of the paper).

    x and y are in pixels from the origin, the centre of the top left pixel. So a function has the same
    wavelength in a training crop and in a whole field, unlike with the paper's coordinates, which are scaled
    to [0, 1] over the image. a_i and b_i are in radians per pixel, c_i in radians.

    coefficients   (3, N) float32 buffer: rows a, b, c
    """

    coefficients: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.zeros(3, count))

    def forward(self, height: int, width: int, origin: Tensor, step: int = 1) -> Tensor:
        """Return the values (B, N, height, width) float32 at the centres of cells of step x step pixels.

        origin   (B, 2) float32, added to y and x of each image; pixels
        """
        a, b, c = self.coefficients[:, None, :, None, None]
        offset = (step - 1) / 2  # from the centre of the first pixel of a cell to the centre of the cell
        device = self.coefficients.device
        y = torch.arange(height, device=device)[:, None] * step + offset + origin[:, 0, None, None, None]
        x = torch.arange(width, device=device) * step + offset + origin[:, 1, None, None, None]
        # float64, because far from the origin float32 would round a x to about a thousandth of a turn. It is
        # used along each axis only, because it is 64 times slower on most GPUs.
        across = (a.double() * x.double() + c.double()).remainder(2 * torch.pi).float()
        down = (b.double() * y.double()).remainder(2 * torch.pi).float()
        return torch.sin(across + down)
