"""Speed of labelling connected components of colour maps and volumes."""

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from fcrbench import postprocess

Maps = dict[str, NDArray[np.uint8]]


def setup_cache() -> Maps:
    field = scenes.color_map(scenes.real_labels())
    large = scenes.color_map(scenes.nuclei(scenes.LARGE, 37))
    return {
        "field": field,
        "noisy": scenes.scores(field, noise=0.5).argmax(0).astype(np.uint8),
        "large": large,
        "volume": np.ascontiguousarray(large.reshape(16, 128, 2048)),
    }


class Label:
    params = (["field", "large", "noisy"], [1, 2])
    param_names = ("scene", "connectivity")

    def setup(self, maps: Maps, scene: str, connectivity: int) -> None:
        self.classes = maps[scene]
        self.out, _ = postprocess.label(self.classes, connectivity=connectivity)

    def time_label(self, maps: Maps, scene: str, connectivity: int) -> None:
        postprocess.label(self.classes, connectivity=connectivity)

    def time_label_into_given_memory(self, maps: Maps, scene: str, connectivity: int) -> None:
        postprocess.label(self.classes, connectivity=connectivity, out=self.out)

    def peakmem_label(self, maps: Maps, scene: str, connectivity: int) -> None:
        postprocess.label(self.classes, connectivity=connectivity)


class Volume:
    params = (1, 2, 3)
    param_names = ("connectivity",)

    def setup(self, maps: Maps, connectivity: int) -> None:
        self.volume = maps["volume"]
        postprocess.label(self.volume, connectivity=connectivity)

    def time_label(self, maps: Maps, connectivity: int) -> None:
        postprocess.label(self.volume, connectivity=connectivity)
