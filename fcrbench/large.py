"""Public functions for images larger than memory, which work tile by tile.

Their results equal those of the functions for whole arrays. `fcrbench.io.large` opens and writes such images.
"""

from fcrbench.metrics.tiled import overlap_table, score
from fcrbench.postprocess.tiled.instances import instances_of_classes, label

__all__ = ["instances_of_classes", "label", "overlap_table", "score"]


def __dir__() -> list[str]:
    return __all__
