"""Scores to instances, beside the five images per second of the FCRNet paper."""

import time

from benchmarks import scenes
from fcrbench import postprocess


class Instances:
    def setup(self) -> None:
        self.labels = scenes.nuclei(scenes.FIELD)
        self.scores = scenes.scores(scenes.color_map(self.labels))
        postprocess.instances(self.scores, min_size=20, fill_holes=True)
        postprocess.fill_holes(self.labels)
        postprocess.remove_small(self.labels, 20)

    def time_instances(self) -> None:
        postprocess.instances(self.scores)

    def time_instances_cleaned(self) -> None:
        postprocess.instances(self.scores, min_size=20, fill_holes=True)

    def time_fill_holes(self) -> None:
        postprocess.fill_holes(self.labels)

    def time_remove_small(self) -> None:
        postprocess.remove_small(self.labels, 20)

    def peakmem_instances(self) -> None:
        postprocess.instances(self.scores)


class PublishedRate:
    """The paper's rate as a line in every chart: one image takes a fifth of a second."""

    number, repeat = 1, 1

    def time_five_images_per_second(self) -> None:
        time.sleep(1 / 5)
