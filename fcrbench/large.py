"""Images larger than memory: the public functions that work tile by tile.

They give what the functions for whole arrays give. `fcrbench.io.large` opens and writes such images.
"""

from fcrbench.metrics.tiled import overlap_table, score
from fcrbench.postprocess.tiled.instances import instances_of_classes, label

__all__ = ["instances_of_classes", "label", "overlap_table", "score"]


def __dir__() -> list[str]:
    return __all__
