"""Scores per class of object, as histology reports them: mPQ and bPQ of one image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.scores import Scores, scores_of_table
from fcrbench.metrics.table import OverlapTable

Classes = Mapping[int, int] | ArrayLike


@dataclass(frozen=True)
class ClassScores:
    """Scores of one image, for each class and for all objects whatever their class.

    Attributes:
        per_class: class id: Scores of the objects of that class alone.
        binary: Scores of all objects, those without a class too.
    """

    per_class: dict[int, Scores]
    binary: Scores

    @property
    def mpq(self) -> float:
        """mPQ of the image (PanNuke, Gamper et al. 2020): mean PQ of the classes of which the truth has an
        object; NaN if it has none. A class that is only predicted is left out here, as in the authors' code:
        its false positives count in `per_class`, `binary` and mPQ+ (`score_dataset_classes`).
        """
        values = [scores.pq for scores in self.per_class.values() if scores.n_true]
        return math.fsum(values) / len(values) if values else math.nan

    @property
    def bpq(self) -> float:
        """bPQ of the image (PanNuke): PQ of all objects as one class; NaN if the truth has none."""
        return self.binary.pq if self.binary.n_true else math.nan


def score_classes(
    truth: ArrayLike,
    pred: ArrayLike,
    truth_classes: Classes,
    pred_classes: Classes,
    classes: Iterable[int] | None = None,
    *,
    inclusive: bool = False,
) -> ClassScores:
    """Every metric of one pair of label images for each class of object.

    The scores of a class are those of the two images with the objects of all other classes taken away: an
    object found with a wrong class is a missed object of one class and a false positive of another.

    Args:
        truth, pred: label images as in `score`.
        truth_classes, pred_classes: what class each object is of: a mapping from object id to class, with
            every object in it; or a class map, an integer array of the shape of the label image, where an
            object is of the class that most of its pixels have, 0 apart (the lowest class on a tie); it is
            not cut by the map, as CoNIC's program does. Classes are positive integers; class 0 is "no class":
            such an object counts in `binary` only.
        classes: the classes to score; None: all that occur in either image.
        inclusive: as in `score`.

    Raises:
        TypeError, ValueError: as `score`; an object is missing from a mapping; a class map has another shape
            or is not of integers; a class is negative, or one asked for is not positive.
    """
    table = overlap_table(truth, pred)
    of_true = _object_classes(table.true_ids, truth, truth_classes, "truth")
    of_pred = _object_classes(table.pred_ids, pred, pred_classes, "pred")
    if classes is None:
        wanted = sorted({*of_true.tolist(), *of_pred.tolist()} - {0})
    else:
        wanted = sorted({int(c) for c in classes})
        if wanted and wanted[0] < 1:
            raise ValueError(f"classes: expected positive integers (0 is no class), found {wanted[0]}")
    per_class = {
        c: scores_of_table(_part(table, of_true == c, of_pred == c), inclusive=inclusive) for c in wanted
    }
    return ClassScores(per_class, scores_of_table(table, inclusive=inclusive))


def _part(table: OverlapTable, true_kept: NDArray[np.bool_], pred_kept: NDArray[np.bool_]) -> OverlapTable:
    """The table of some of the objects alone."""
    pairs = true_kept[table.true_index] & pred_kept[table.pred_index]
    true_at, pred_at = np.cumsum(true_kept) - 1, np.cumsum(pred_kept) - 1
    return OverlapTable(
        table.true_ids[true_kept],
        table.pred_ids[pred_kept],
        table.true_area[true_kept],
        table.pred_area[pred_kept],
        true_at[table.true_index[pairs]],
        pred_at[table.pred_index[pairs]],
        table.shared[pairs],
    )


def _object_classes(
    ids: NDArray[np.uint64], labels: ArrayLike, classes: Classes, name: str
) -> NDArray[np.int64]:
    """Class of each object, in the order of ids."""
    found = (
        _mapped(ids, classes, name) if isinstance(classes, Mapping) else _voted(ids, labels, classes, name)
    )
    if (found < 0).any():
        raise ValueError(f"{name}_classes: expected classes >= 0 (0 is no class), found {found.min()}")
    return found


def _mapped(ids: NDArray[np.uint64], classes: Mapping[int, int], name: str) -> NDArray[np.int64]:
    missing = [k for k in ids.tolist() if k not in classes]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise ValueError(
            f"{name}_classes: expected a class for every object, has none for {missing[0]}{more}"
        )
    return np.array([classes[k] for k in ids.tolist()], np.int64)


def _voted(ids: NDArray[np.uint64], labels: ArrayLike, class_map: ArrayLike, name: str) -> NDArray[np.int64]:
    """The class of most pixels of each object, 0 apart; of equal ones the lowest; 0 if there is none."""
    if np.shape(class_map) != np.shape(labels):
        raise ValueError(
            f"{name}_classes: expected a class map of the shape of {name}, {np.shape(labels)}, found "
            f"{np.shape(class_map)}"
        )
    try:
        votes = overlap_table(labels, class_map)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("pred", f"{name}_classes").replace("ids", "classes")) from None
    class_ids = votes.pred_ids.astype(np.int64)[votes.pred_index]
    order = np.lexsort((-class_ids, votes.shared, votes.true_index))  # the winner comes last of its object
    found = np.zeros(len(ids), np.int64)
    found[votes.true_index[order]] = class_ids[order]
    return found
