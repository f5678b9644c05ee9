"""Scores of one image by class of object, as reported in histology: mPQ and bPQ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.overlap import overlap_table
from fcrbench.metrics.scores import Scores, scores_from_table
from fcrbench.metrics.table import OverlapTable

Classes = Mapping[int, int] | ArrayLike


@dataclass(frozen=True)
class ClassScores:
    """Scores of one image, for each class and for all objects regardless of class.

    Attributes:
        per_class: maps each class to the scores of the objects of that class alone.
        binary: scores of all objects, including those without a class.
    """

    per_class: dict[int, Scores]
    binary: Scores

    @property
    def mpq(self) -> float:
        """mPQ of the image (PanNuke, Gamper et al. 2020): the mean PQ of the classes that occur in the truth.

        It is NaN if no class occurs. A class that occurs only in the prediction is left out, as in the
        authors' code; its false positives count in `per_class`, `binary` and mPQ+ (`score_dataset_classes`).
        """
        values = [scores.pq for scores in self.per_class.values() if scores.n_true]
        return math.fsum(values) / len(values) if values else math.nan

    @property
    def bpq(self) -> float:
        """bPQ of the image (PanNuke): PQ of all objects as one class; NaN if the truth has no object."""
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
    """Compute all metrics of one pair of label images for each class of object.

    The scores of a class are those of the two images without the objects of all other classes. An object that
    is found with a wrong class is therefore a missed object of one class and a false positive of another.

    Args:
        truth, pred: label images as in `score`.
        truth_classes, pred_classes: the class of each object, as a mapping from object id to class that
            contains every object, or as a class map. A class map is an integer array of the shape of the
            label image. An object gets the class that most of its pixels have, not counting 0 (the lowest
            class on a tie); it is not cut by the map, as CoNIC's program does. Classes are positive integers.
            Class 0 means "no class"; such an object counts in `binary` only.
        classes: the classes to score; None scores all that occur in either image.
        inclusive: as in `score`.

    Raises:
        TypeError: as `score`; a class map is not of an integer dtype.
        ValueError: as `score`; an object is missing from a mapping; a class map has another shape; a class is
            negative; a class to score is not positive.
    """
    table = overlap_table(truth, pred)
    true_classes = _object_classes(table.true_ids, truth, truth_classes, "truth")
    predicted_classes = _object_classes(table.pred_ids, pred, pred_classes, "pred")
    if classes is None:
        wanted = sorted({*true_classes.tolist(), *predicted_classes.tolist()} - {0})
    else:
        wanted = sorted({int(c) for c in classes})
        if wanted and wanted[0] < 1:
            raise ValueError(f"classes: expected positive integers (0 is no class), found {wanted[0]}")
    per_class = {
        c: scores_from_table(
            _select_objects(table, true_classes == c, predicted_classes == c), inclusive=inclusive
        )
        for c in wanted
    }
    return ClassScores(per_class, scores_from_table(table, inclusive=inclusive))


def _select_objects(
    table: OverlapTable, true_kept: NDArray[np.bool_], pred_kept: NDArray[np.bool_]
) -> OverlapTable:
    """Return the table of the selected objects alone."""
    pairs = true_kept[table.true_index] & pred_kept[table.pred_index]
    new_true_index, new_pred_index = np.cumsum(true_kept) - 1, np.cumsum(pred_kept) - 1
    return OverlapTable(
        table.true_ids[true_kept],
        table.pred_ids[pred_kept],
        table.true_area[true_kept],
        table.pred_area[pred_kept],
        new_true_index[table.true_index[pairs]],
        new_pred_index[table.pred_index[pairs]],
        table.shared[pairs],
    )


def _object_classes(
    ids: NDArray[np.uint64], labels: ArrayLike, classes: Classes, name: str
) -> NDArray[np.int64]:
    """Return the class of each object, in the order of `ids`."""
    if isinstance(classes, Mapping):
        found = _classes_from_mapping(ids, classes, name)
    else:
        found = _classes_by_vote(ids, labels, classes, name)
    if (found < 0).any():
        raise ValueError(f"{name}_classes: expected classes >= 0 (0 is no class), found {found.min()}")
    return found


def _classes_from_mapping(
    ids: NDArray[np.uint64], classes: Mapping[int, int], name: str
) -> NDArray[np.int64]:
    missing = [k for k in ids.tolist() if k not in classes]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise ValueError(
            f"{name}_classes: expected a class for every object, has none for {missing[0]}{more}"
        )
    return np.array([classes[k] for k in ids.tolist()], np.int64)


def _classes_by_vote(
    ids: NDArray[np.uint64], labels: ArrayLike, class_map: ArrayLike, name: str
) -> NDArray[np.int64]:
    """Return the class > 0 of most pixels of each object, the lowest one on a tie; 0 if none has one."""
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
    order = np.lexsort(
        (-class_ids, votes.shared, votes.true_index)
    )  # the winning class of each object comes last
    found = np.zeros(len(ids), np.int64)
    found[votes.true_index[order]] = class_ids[order]
    return found
