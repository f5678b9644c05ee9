"""Images larger than memory, tile by tile, with the results of the functions that take whole arrays."""

from fcrbench.large.instances import instances_of_classes, label
from fcrbench.large.overlap import overlap_table, score

__all__ = ["instances_of_classes", "label", "overlap_table", "score"]
