"""Post-processing: from network output to label images, and clean-up of label images."""

from fcrbench.postprocess.instances import doubt, instances, margin
from fcrbench.postprocess.labelling import label
from fcrbench.postprocess.regions import fill_holes, join_fragments, remove_small
from fcrbench.postprocess.rules import InstanceRules

__all__ = [
    "InstanceRules",
    "doubt",
    "fill_holes",
    "instances",
    "join_fragments",
    "label",
    "margin",
    "remove_small",
]


def __dir__() -> list[str]:
    return __all__
