"""Image files in and out. Decoders are imported when a file is read, not before."""

from fcrbench.io.find import IMAGE_SUFFIXES, find_images
from fcrbench.io.images import read_image, read_labels
from fcrbench.io.write import write_labels, write_png

__all__ = ["IMAGE_SUFFIXES", "find_images", "read_image", "read_labels", "write_labels", "write_png"]


def __dir__() -> list[str]:
    return __all__
