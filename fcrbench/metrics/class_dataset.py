"""Scores of a data set by class of object: mPQ and bPQ as means over images, mPQ+ and bPQ+ pooled."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.aggregate import DatasetScores, as_text, score_each_image, to_dataset_scores
from fcrbench.metrics.classes import Classes, ClassScores, score_classes
from fcrbench.metrics.jackknife import estimate_intervals, normalize_weights
from fcrbench.metrics.pooled import mean_terms, means_from_sums
from fcrbench.metrics.progress import Progress
from fcrbench.metrics.ratios import quotient

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ClassDatasetScores:
    """Scores of a data set with classes.

    Attributes:
        per_class: maps each class to the `DatasetScores` of the objects of that class, one row per image.
        binary: `DatasetScores` of all objects regardless of class.
        images: pandas DataFrame with one row per image and the columns `image`, `mpq`, `bpq` (see
            `ClassScores`).
    """

    per_class: dict[int, DatasetScores]
    binary: DatasetScores
    images: pd.DataFrame

    def summary(self, groups: Mapping[Hashable, Hashable] | None = None) -> dict[str, Any]:
        """Summarize by both conventions in use, with 95 % intervals over images
        (`fcrbench.metrics.jackknife`).

        Args:
            groups: maps each image id to its group, such as PanNuke's tissues. With groups, mpq and bpq are
                means over groups of each group's mean over images, as PanNuke reports them. Without, they are
                plain means over images.

        Returns a plain dict. Each value is a dict {"value", "low", "high"}; means over images also have "n",
        the number of images with a value. The ends "low" and "high" are NaN for fewer than two images.
            "mpq": mean over images (PanNuke) of the mean PQ of the classes that occur in the image's truth.
                Images whose truth is empty are left out, and so are classes that occur only in the prediction
                of an image.
            "bpq": the same with all objects as one class.
            "mpq_plus": mean over classes of the pooled PQ+ (CoNIC 2022), which is computed from the TP, FP,
                FN and IoU of a class summed over all images. Every false positive counts. A class that occurs
                in no truth or prediction is left out.
            "bpq_plus": pooled PQ of all objects. CoNIC has no such value: its PQ is a mean over images.
            "classes": for each class "pq" (mean over the images whose truth has the class), "pq_plus", and
                its "tp", "fp", "fn".
            "n_images": the number of images.

        Raises ValueError if an image has no group.
        """
        ids = list(self.per_class)
        per_image = [self.images["mpq"], self.images["bpq"]]
        per_image += [
            scores.table["pq"].where(scores.table["n_true"] > 0) for scores in self.per_class.values()
        ]
        values = np.stack([np.asarray(column, np.float64) for column in per_image], axis=1)
        group_masks = self._group_masks(groups)
        k, n_groups = values.shape[1], len(group_masks)
        image_terms = [mean_terms(np.where(mask[:, None], values[:, :2], np.nan)) for mask in group_masks]
        image_terms.append(mean_terms(values))
        n_image_terms = 4 * n_groups + 2 * k
        pooled_tables = [self.binary.table, *(scores.table for scores in self.per_class.values())]
        pooled_terms = np.stack(
            [2 * t["iou_sum"] for t in pooled_tables] + [t["n_true"] + t["n_pred"] for t in pooled_tables],
            axis=1,
        ).astype(np.float64)
        columns = np.concatenate([*image_terms, pooled_terms], axis=1)

        def statistics(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return mpq, bpq, mpq+, bpq+, PQ of each class and PQ+ of each class in the last axis."""
            group_means = np.stack(
                [means_from_sums(sums[..., 4 * g : 4 * g + 4]) for g in range(n_groups)], axis=-1
            )
            image_means = means_from_sums(sums[..., 4 * n_groups : n_image_terms])
            pooled_pq = means_from_sums(sums[..., n_image_terms:])
            mpq_bpq = image_means[..., :2] if groups is None else _nan_mean(group_means)
            mpq_plus = _nan_mean(pooled_pq[..., 1:])[..., None]
            return np.concatenate(
                [mpq_bpq, mpq_plus, pooled_pq[..., :1], image_means[..., 2:], pooled_pq[..., 1:]], axis=-1
            )

        has_value = ~np.isnan(values)
        n = has_value.sum(axis=0)
        objects = pooled_terms[:, len(pooled_tables) :]
        classified_objects = objects[:, 1:].sum(axis=1, keepdims=True)
        weights = [
            np.sum([normalize_weights(has_value[:, :2] & mask[:, None]) for mask in group_masks], axis=0),
            classified_objects,
            objects[:, :1],
            has_value[:, 2:],
            objects[:, 1:],
        ]
        value, low, high = estimate_intervals(statistics, columns, np.concatenate(weights, axis=1))

        def with_interval(i: int) -> dict[str, float]:
            return {"value": float(value[i]), "low": float(low[i]), "high": float(high[i])}

        return {
            "n_images": len(self.images),
            "mpq": with_interval(0) | {"n": int(n[0])},
            "bpq": with_interval(1) | {"n": int(n[1])},
            "mpq_plus": with_interval(2),
            "bpq_plus": with_interval(3),
            "classes": {
                c: {
                    "pq": with_interval(4 + i) | {"n": int(n[2 + i])},
                    "pq_plus": with_interval(4 + len(ids) + i),
                    **{name: int(self.per_class[c].table[name].sum()) for name in ("tp", "fp", "fn")},
                }
                for i, c in enumerate(ids)
            },
        }

    def _group_masks(self, groups: Mapping[Hashable, Hashable] | None) -> list[NDArray[np.bool_]]:
        """Return for each group a mask of the images in it."""
        if groups is None:
            return [np.ones(len(self.images), np.bool_)]
        images = self.images["image"].tolist()
        groups = {as_text(image): group for image, group in groups.items()}
        missing = [image for image in images if image not in groups]
        if missing:
            raise ValueError(f"groups: expected a group for every image, has none for {missing[0]!r}")
        group_of_image = [groups[image] for image in images]
        return [
            np.array([g == name for g in group_of_image], np.bool_) for name in dict.fromkeys(group_of_image)
        ]


def _nan_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the last axis that ignores NaN; NaN if there is no value."""
    return quotient(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def score_dataset_classes(
    images: Iterable[tuple[Hashable, ArrayLike, ArrayLike, Classes, Classes]],
    classes: Iterable[int] | None = None,
    workers: int = 1,
    *,
    inclusive: bool = False,
    progress: Progress = False,
) -> ClassDatasetScores:
    """Score many images for each class of object.

    Args:
        images: (image id, truth, pred, truth classes, predicted classes) for each image; see `score_classes`.
        classes: the classes to score; None scores all that occur in any image.
        workers, progress: as in `score_dataset`.
        inclusive: as in `score`.

    Raises TypeError and ValueError as `score_classes` and `score_dataset` do; the message names the image.
    """
    import pandas as pd

    wanted = None if classes is None else list(classes)

    def score_image(
        truth: ArrayLike, pred: ArrayLike, truth_classes: Classes, pred_classes: Classes
    ) -> ClassScores:
        return score_classes(truth, pred, truth_classes, pred_classes, wanted, inclusive=inclusive)

    scores = score_each_image(score_image, images, workers, progress)
    no_objects = np.zeros((1, 1), np.uint8)
    empty_scores = score_classes(no_objects, no_objects, {}, {}).binary
    found = sorted({c for s in scores.values() for c in s.per_class})
    per_class = {
        c: to_dataset_scores((image, s.per_class.get(c, empty_scores)) for image, s in scores.items())
        for c in found
    }
    rows = [{"image": as_text(image), "mpq": s.mpq, "bpq": s.bpq} for image, s in scores.items()]
    return ClassDatasetScores(
        per_class,
        to_dataset_scores((image, s.binary) for image, s in scores.items()),
        pd.DataFrame(rows, columns=["image", "mpq", "bpq"]),
    )
