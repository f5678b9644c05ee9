"""The pixels of a file before a plane is chosen: an array with named axes, and what describes them."""

from dataclasses import dataclass
from typing import Any

CHANNEL_AXES = "CS"  # channels; samples of one pixel, such as red, green and blue
PLANE_AXES = "ZT"  # focal planes; time points
PAGES = "Q"  # an axis of which the file does not say what it is
RGB = ("red", "green", "blue")
ALPHA = "alpha"


@dataclass(frozen=True)
class Stack:
    """An array with named axes, as its file stores it.

    Attributes:
        pixels: any array that is read by slices; its last two axes are rows and columns.
        axes: one letter per axis, such as "YX" or "CZYX": C channels, S samples of colour, Z focal planes,
            T time points; any other letter is an axis of which the file does not say what it is.
        channels: the names of the channels (axis C, else S), or () if the file does not name them.
        pixel_size: height and width of a pixel in micrometres, or None if the file does not say.
        orientation: 1 to 8 as in TIFF tag 274: how the stored rows are to be turned to be upright.
        lossy: whether the file is compressed with a loss, so that an empty colour is not exactly constant.
    """

    pixels: Any
    axes: str = "YX"
    channels: tuple[str, ...] = ()
    pixel_size: tuple[float, float] | None = None
    orientation: int = 1
    lossy: bool = False

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.pixels.shape) or self.axes[-2:] != "YX":
            raise ValueError(f"axes {self.axes} of an array of shape {tuple(self.pixels.shape)}")
