"""Speed of computing the class map of scores."""

import numpy as np

from benchmarks import scenes
from fcrbench.kernels.argmax import argmax_planes


class Argmax:
    params = (["float32", "float64"], [4, 10])
    param_names = ("dtype", "classes")

    def setup(self, dtype: str, classes: int) -> None:
        colors = scenes.color_map(scenes.real_labels(), classes)
        self.planes = scenes.scores(colors, classes).astype(dtype).reshape(classes, -1)
        self.out = np.empty(self.planes.shape[1], np.uint8)
        argmax_planes(self.planes, self.out)  # compile it before the measurement

    def time_argmax(self, dtype: str, classes: int) -> None:
        argmax_planes(self.planes, self.out)

    def time_reading_limit(self, dtype: str, classes: int) -> None:
        """Sum the scores, which reads the same bytes with hardly any computation."""
        self.planes.sum()

    def peakmem_argmax(self, dtype: str, classes: int) -> None:
        argmax_planes(self.planes, self.out)
