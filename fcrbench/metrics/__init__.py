"""Metrics of instance segmentation, all computed from one sparse overlap table.

A label image holds an object id per pixel; 0 is background. Ids may be any positive integers and may have
gaps. An object need not be connected. Arrays may be 2-D or 3-D, of any integer dtype and memory layout.
"""

from fcrbench.metrics.aggregate import DatasetScores, score_dataset, summarize
from fcrbench.metrics.aji import aji, aji_plus
from fcrbench.metrics.boundary import BoundaryScores, boundary, boundary_mask
from fcrbench.metrics.class_dataset import ClassDatasetScores, score_dataset_classes
from fcrbench.metrics.classes import ClassScores, score_classes
from fcrbench.metrics.compare import compare
from fcrbench.metrics.dice import dice, dice2
from fcrbench.metrics.matching import Matching, average_precision, f1, matching, pq
from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.saved import read_table
from fcrbench.metrics.scores import IOU_THRESHOLDS, Scores, score
from fcrbench.metrics.splits_merges import SplitsMerges, splits_merges
from fcrbench.metrics.table import OverlapTable

__all__ = [
    "IOU_THRESHOLDS",
    "BoundaryScores",
    "ClassDatasetScores",
    "ClassScores",
    "DatasetScores",
    "Matching",
    "OverlapTable",
    "Scores",
    "SplitsMerges",
    "aji",
    "aji_plus",
    "average_precision",
    "boundary",
    "boundary_mask",
    "compare",
    "dice",
    "dice2",
    "f1",
    "matching",
    "overlap_table",
    "pq",
    "read_table",
    "score",
    "score_classes",
    "score_dataset",
    "score_dataset_classes",
    "splits_merges",
    "summarize",
]


def __dir__() -> list[str]:
    return __all__
