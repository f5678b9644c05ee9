"""Speed of computing all metrics of one pair and of a data set."""

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from fcrbench import metrics

Pairs = dict[str, tuple[NDArray[np.int32], NDArray[np.int32]]]


def setup_cache() -> Pairs:
    """Return pairs of truth and prediction by name."""
    pairs = {}
    for name, truth in (("field", scenes.real_labels()), ("large", scenes.nuclei(scenes.LARGE, 37))):
        pairs[name] = truth, scenes.prediction(truth)
    return pairs


class Score:
    params = (["field", "large"], ["uint16", "int32", "int64"])
    param_names = ("scene", "dtype")

    def setup(self, pairs: Pairs, scene: str, dtype: str) -> None:
        self.truth, self.pred = (labels.astype(dtype) for labels in pairs[scene])
        metrics.score(self.truth, self.pred)

    def time_score(self, pairs: Pairs, scene: str, dtype: str) -> None:
        metrics.score(self.truth, self.pred)

    def time_overlap_table(self, pairs: Pairs, scene: str, dtype: str) -> None:
        metrics.overlap_table(self.truth, self.pred)

    def peakmem_score(self, pairs: Pairs, scene: str, dtype: str) -> None:
        metrics.score(self.truth, self.pred)


class Layouts:
    params = ("F", "mixed", "strided", "volume", "sparse ids")
    param_names = ("layout",)

    def setup(self, pairs: Pairs, layout: str) -> None:
        truth, pred = pairs["field"]
        if layout == "strided":
            truth, pred = np.repeat(truth, 2, 1)[:, ::2], np.repeat(pred, 2, 1)[:, ::2]
        if layout in ("F", "mixed"):
            truth = np.asfortranarray(truth)
        if layout == "F":
            pred = np.asfortranarray(pred)
        if layout == "volume":
            truth, pred = truth.reshape(20, 26, 696), pred.reshape(20, 26, 696)
        if layout == "sparse ids":
            truth, pred = truth.astype(np.int64) * 3**30, pred.astype(np.int64) * 5**20
        self.truth, self.pred = truth, pred
        metrics.score(truth, pred)

    def time_score(self, pairs: Pairs, layout: str) -> None:
        metrics.score(self.truth, self.pred)


class Dataset:
    params = (1, 2)
    param_names = ("workers",)

    def setup(self, pairs: Pairs, workers: int) -> None:
        self.pairs = [(k, *pairs["field"]) for k in range(100)]
        metrics.score_dataset(self.pairs[:2], workers=workers)

    def time_score_dataset(self, pairs: Pairs, workers: int) -> None:
        metrics.score_dataset(self.pairs, workers=workers)


class Summary:
    def setup(self, pairs: Pairs) -> None:
        truth = pairs["field"][0]
        self.scores = metrics.score_dataset(
            [(k, truth, scenes.prediction(truth, k % 10)) for k in range(100)]
        )

    def time_summary(self, pairs: Pairs) -> None:
        self.scores.summary()
