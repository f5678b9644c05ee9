"""Finds the objects that a prediction got wrong: the ids behind the counts FN, FP, splits and merges."""

from dataclasses import dataclass

import numpy as np

from fcrbench import metrics


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Ids of wrong objects, by the rules of `fcrbench.metrics`.

    n_true    number of objects in the truth
    n_found   number of objects in the prediction
    missed    truth ids without a partner of IoU > 0.5
    false     predicted ids without a partner of IoU > 0.5
    splits    truth ids that hold more than half of each of two or more predictions
    merges    predicted ids that cover more than half of each of two or more truth objects
    """

    n_true: int
    n_found: int
    missed: np.ndarray
    false: np.ndarray
    splits: np.ndarray
    merges: np.ndarray

    def describe(self) -> str:
        """Return the counts, as in "3 missed, 1 false, 0 split, 2 merged"."""
        return (
            f"{len(self.missed)} missed, {len(self.false)} false, {len(self.splits)} split, "
            f"{len(self.merges)} merged"
        )


def find_mistakes(truth: np.ndarray, prediction: np.ndarray) -> Mistakes:
    """Compare two label images (H, W) of integers, 0 = background.

    The ids have the dtype of their image. Raises the same errors as `metrics.matching`.
    """
    table = metrics.overlap_table(truth, prediction)
    matched = metrics.matching(truth, prediction, iou=0.5)
    t, p, shared = table.true_index, table.pred_index, table.shared
    inside = np.bincount(t[2 * shared > table.pred_area[p]], minlength=table.n_true)
    covered = np.bincount(p[2 * shared > table.true_area[t]], minlength=table.n_pred)
    return Mistakes(
        n_true=table.n_true,
        n_found=table.n_pred,
        missed=matched.missed_ids.astype(truth.dtype),
        false=matched.spurious_ids.astype(prediction.dtype),
        splits=table.true_ids[inside >= 2].astype(truth.dtype),
        merges=table.pred_ids[covered >= 2].astype(prediction.dtype),
    )
