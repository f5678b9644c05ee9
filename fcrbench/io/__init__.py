"""Reads and writes image files. Decoders are imported only when a file is read."""

from fcrbench.io.find import find_images
from fcrbench.io.images import read_image, read_labels
from fcrbench.io.names import IMAGE_SUFFIXES
from fcrbench.io.write import write_labels, write_png

__all__ = ["IMAGE_SUFFIXES", "find_images", "read_image", "read_labels", "write_labels", "write_png"]


def __dir__() -> list[str]:
    return __all__
