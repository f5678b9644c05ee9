"""Every metric of one pair, and of a data set."""

import numpy as np

from benchmarks import scenes
from fcrbench import metrics


class Score:
    params = (["field", "large"], ["uint16", "int32", "int64"])
    param_names = ("scene", "dtype")

    def setup(self, scene: str, dtype: str) -> None:
        truth = scenes.nuclei(*((scenes.LARGE, 37) if scene == "large" else (scenes.FIELD, 60)))
        self.truth, self.pred = truth.astype(dtype), scenes.prediction(truth).astype(dtype)
        metrics.score(self.truth, self.pred)

    def time_score(self, scene: str, dtype: str) -> None:
        metrics.score(self.truth, self.pred)

    def time_overlap_table(self, scene: str, dtype: str) -> None:
        metrics.overlap_table(self.truth, self.pred)

    def peakmem_score(self, scene: str, dtype: str) -> None:
        metrics.score(self.truth, self.pred)


class Layouts:
    params = ("C", "F", "mixed", "strided")
    param_names = ("layout",)

    def setup(self, layout: str) -> None:
        truth = scenes.nuclei(scenes.FIELD)
        pred = scenes.prediction(truth)
        if layout == "strided":
            truth, pred = np.repeat(truth, 2, 1)[:, ::2], np.repeat(pred, 2, 1)[:, ::2]
        if layout in ("F", "mixed"):
            truth = np.asfortranarray(truth)
        if layout == "F":
            pred = np.asfortranarray(pred)
        self.truth, self.pred = truth, pred
        metrics.score(truth, pred)

    def time_score(self, layout: str) -> None:
        metrics.score(self.truth, self.pred)


class Dataset:
    params = (1, 2)
    param_names = ("workers",)

    def setup(self, workers: int) -> None:
        truth = scenes.nuclei(scenes.FIELD)
        self.pairs = [(k, truth, scenes.prediction(truth, k)) for k in range(100)]
        metrics.score_dataset(self.pairs[:2], workers=workers)

    def time_score_dataset(self, workers: int) -> None:
        metrics.score_dataset(self.pairs, workers=workers)


class Summary:
    def setup(self) -> None:
        truth = scenes.nuclei(scenes.FIELD)
        self.scores = metrics.score_dataset([(k, truth, scenes.prediction(truth, k)) for k in range(200)])

    def time_bootstrap(self) -> None:
        self.scores.summary()
