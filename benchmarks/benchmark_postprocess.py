"""Scores to instances, beside the five images per second of the FCRNet paper."""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from fcrbench import postprocess
from fcrbench.methods.fcrnet.spec import FCRNetOptions

Field = tuple[NDArray[np.int32], NDArray[np.float32]]


def setup_cache() -> Field:
    """Labels and scores of a real field."""
    labels = scenes.real_labels()
    return labels, scenes.scores(scenes.color_map(labels))


class Methods:
    """What each method does to the scores of one image, without its network."""

    params = ("fcrnet",)
    param_names = ("method",)

    def setup(self, field: Field, method: str) -> None:
        o = FCRNetOptions()
        self.options = {"background": 0, "min_size": o.min_size, "fill_holes": o.fill_holes}
        self.time_postprocess(field, method)

    def time_postprocess(self, field: Field, method: str) -> None:
        postprocess.instances(field[1], **self.options)

    def time_five_images_per_second(self, field: Field, method: str) -> None:
        """The rate that the paper gives, as a line in the same chart."""
        time.sleep(1 / 5)

    time_five_images_per_second.number = 1
    time_five_images_per_second.repeat = 1
    time_five_images_per_second.warmup_time = 0


class Steps:
    def setup(self, field: Field) -> None:
        labels, scores = field
        postprocess.instances(scores)
        postprocess.fill_holes(labels)
        postprocess.remove_small(labels, 20)

    def time_instances(self, field: Field) -> None:
        postprocess.instances(field[1])

    def time_fill_holes(self, field: Field) -> None:
        postprocess.fill_holes(field[0])

    def time_remove_small(self, field: Field) -> None:
        postprocess.remove_small(field[0], 20)

    def peakmem_instances(self, field: Field) -> None:
        postprocess.instances(field[1])

    def peakmem_fill_holes(self, field: Field) -> None:
        postprocess.fill_holes(field[0])
