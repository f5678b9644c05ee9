"""Many images with classes: mPQ and bPQ by images, mPQ+ and bPQ+ pooled."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.metrics.aggregate import DatasetScores, each_image, table_of
from fcrbench.metrics.classes import Classes, ClassScores, score_classes
from fcrbench.metrics.empty import quotient
from fcrbench.metrics.jackknife import estimate, shares
from fcrbench.metrics.pooled import mean_terms, means
from fcrbench.metrics.progress import Progress

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ClassDatasetScores:
    """Scores of a data set with classes.

    Attributes:
        per_class: class id: `DatasetScores` of the objects of that class, an image a row.
        binary: `DatasetScores` of all objects whatever their class.
        images: pandas DataFrame, one row an image: `image`, `mpq`, `bpq` (`ClassScores`).
    """

    per_class: dict[int, DatasetScores]
    binary: DatasetScores
    images: pd.DataFrame

    def summary(self, groups: Mapping[Hashable, Hashable] | None = None) -> dict[str, Any]:
        """Both conventions of the field, with 95 % intervals over images (`fcrbench.metrics.jackknife`).

        Args:
            groups: image id: group, as PanNuke's tissues. Then mpq and bpq are means over the groups of each
                group's mean over images, as PanNuke reports them; else plain means over images.

        Returns a plain dict; each figure is {"value", "low", "high"}, those of images with "n", the number of
        images that have a value; ends are NaN with fewer than two images:
            "mpq": per-image mean (PanNuke): mean PQ of the classes that the image's truth has, then the mean
                over images. Images whose truth is empty are left out, and so are classes that are predicted
                where the truth has none.
            "bpq": the same with all objects as one class.
            "mpq_plus": pooled (CoNIC 2022): TP, FP, FN and IoU of a class summed over all images give its
                PQ+; mean over classes. Every false positive counts. A class that no image has, in truth or
                prediction, is left out.
            "bpq_plus": pooled PQ of all objects (CoNIC has no such figure: its PQ is a mean over images).
            "classes": for each class "pq" (mean over the images whose truth has the class), "pq_plus", and
                its "tp", "fp", "fn".
            "n_images"

        Raises ValueError when an image has no group.
        """
        ids = list(self.per_class)
        per_image = [self.images["mpq"], self.images["bpq"]]
        per_image += [
            scores.table["pq"].where(scores.table["n_true"] > 0) for scores in self.per_class.values()
        ]
        values = np.stack([np.asarray(column, np.float64) for column in per_image], axis=1)
        members = self._members(groups)
        k, n_groups = values.shape[1], len(members)
        image_terms = [mean_terms(np.where(inside[:, None], values[:, :2], np.nan)) for inside in members] + [
            mean_terms(values)
        ]
        split = 4 * n_groups + 2 * k
        pools = [self.binary.table, *(scores.table for scores in self.per_class.values())]
        pool_terms = np.stack(
            [2 * t["iou_sum"] for t in pools] + [t["n_true"] + t["n_pred"] for t in pools], axis=1
        ).astype(np.float64)
        columns = np.concatenate([*image_terms, pool_terms], axis=1)

        def figures(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            """mpq, bpq, mpq+, bpq+, PQ of each class, PQ+ of each class, in the last axis."""
            of_groups = np.stack([means(sums[..., 4 * g : 4 * g + 4]) for g in range(n_groups)], axis=-1)
            of_images = means(sums[..., 4 * n_groups : split])
            plus = means(sums[..., split:])
            first = _mean_of_values(of_groups) if groups is not None else of_images[..., :2]
            mpq_plus = _mean_of_values(plus[..., 1:])[..., None]
            return np.concatenate(
                [first, mpq_plus, plus[..., :1], of_images[..., 2:], plus[..., 1:]], axis=-1
            )

        there = ~np.isnan(values)
        n = there.sum(axis=0)
        objects = pool_terms[:, len(pools) :]
        of_classes = objects[:, 1:].sum(axis=1, keepdims=True)
        weights = [
            np.sum([shares(there[:, :2] & inside[:, None]) for inside in members], axis=0),
            of_classes,
            objects[:, :1],
            there[:, 2:],
            objects[:, 1:],
        ]
        value, low, high = estimate(figures, columns, np.concatenate(weights, axis=1))

        def figure(i: int) -> dict[str, float]:
            return {"value": float(value[i]), "low": float(low[i]), "high": float(high[i])}

        return {
            "n_images": len(self.images),
            "mpq": figure(0) | {"n": int(n[0])},
            "bpq": figure(1) | {"n": int(n[1])},
            "mpq_plus": figure(2),
            "bpq_plus": figure(3),
            "classes": {
                c: {
                    "pq": figure(4 + i) | {"n": int(n[2 + i])},
                    "pq_plus": figure(4 + len(ids) + i),
                    **{name: int(self.per_class[c].table[name].sum()) for name in ("tp", "fp", "fn")},
                }
                for i, c in enumerate(ids)
            },
        }

    def _members(self, groups: Mapping[Hashable, Hashable] | None) -> list[NDArray[np.bool_]]:
        """For each group, which images are in it."""
        if groups is None:
            return [np.ones(len(self.images), np.bool_)]
        images = self.images["image"].tolist()
        missing = [image for image in images if image not in groups]
        if missing:
            raise ValueError(f"groups: expected a group for every image, has none for {missing[0]!r}")
        named = [groups[image] for image in images]
        return [np.array([g == name for g in named], np.bool_) for name in dict.fromkeys(named)]


def _mean_of_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis without NaN."""
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
        images: (image id, truth, pred, truth classes, predicted classes) of each; see `score_classes`.
        classes: the classes to score; None: all that occur in any image.
        workers, progress: as in `score_dataset`. inclusive: as in `score`.

    Raises:
        TypeError, ValueError: as `score_classes` does, with the image named; as `score_dataset`.
    """
    import pandas as pd

    wanted = None if classes is None else list(classes)

    def one(truth: ArrayLike, pred: ArrayLike, of_truth: Classes, of_pred: Classes) -> ClassScores:
        return score_classes(truth, pred, of_truth, of_pred, wanted, inclusive=inclusive)

    scores = each_image(one, images, workers, progress)
    nothing = np.zeros((1, 1), np.uint8)
    empty = score_classes(nothing, nothing, {}, {}).binary
    found = sorted({c for s in scores.values() for c in s.per_class})
    per_class = {
        c: table_of((image, s.per_class.get(c, empty)) for image, s in scores.items()) for c in found
    }
    rows = [{"image": image, "mpq": s.mpq, "bpq": s.bpq} for image, s in scores.items()]
    return ClassDatasetScores(
        per_class,
        table_of((image, s.binary) for image, s in scores.items()),
        pd.DataFrame(rows, columns=["image", "mpq", "bpq"]),
    )
