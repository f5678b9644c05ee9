"""Speed of post-processing, next to the five images per second of the FCRNet paper."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks import outputs, scenes
from fcrbench import methods, postprocess
from fcrbench.errors import UsageError
from fcrbench.methods.fcrnet.spec import FCRNetOptions

Field = tuple[NDArray[np.int32], NDArray[np.float32]]
Decode = Callable[[NDArray[np.float32]], NDArray[np.int32]]


def setup_cache() -> Field:
    """Return labels and scores of a real field."""
    labels = scenes.real_labels()
    return labels, scenes.scores(scenes.color_map(labels))


class Methods:
    """Post-processing of each method for one image, with a simulated output of its network.

    Methods that are not installed, or that need PyTorch where it is missing, are left out.
    """

    params = tuple(outputs.SIMULATED_OUTPUTS)
    param_names = ("method",)

    def setup(self, field: Field, method: str) -> None:
        self.decode = decoder(method)
        self.scores = outputs.SIMULATED_OUTPUTS[method](field[0])
        self.decode(self.scores)

    def time_postprocess(self, field: Field, method: str) -> None:
        self.decode(self.scores)

    def time_five_images_per_second(self, field: Field, method: str) -> None:
        """Take as long as the paper reports, to draw a line in the same chart."""
        time.sleep(1 / 5)

    time_five_images_per_second.number = 1
    time_five_images_per_second.repeat = 1
    time_five_images_per_second.warmup_time = 0


def decoder(method: str) -> Decode:
    """Return the method's post-processing with its default options."""
    if method == "fcrnet":  # its post-processing works without PyTorch
        rules = FCRNetOptions().rules()
        return lambda scores: postprocess.instances(scores, rules)
    try:
        return methods.create(method).postprocess
    except (ImportError, UsageError) as error:
        raise NotImplementedError from error  # asv then leaves it out


class Steps:
    def setup(self, field: Field) -> None:
        labels, scores = field
        postprocess.instances(scores)
        postprocess.fill_holes(labels)
        postprocess.remove_small(labels, 20)
        postprocess.join_fragments(labels, 0.25)

    def time_instances(self, field: Field) -> None:
        postprocess.instances(field[1])

    def time_fill_holes(self, field: Field) -> None:
        postprocess.fill_holes(field[0])

    def time_remove_small(self, field: Field) -> None:
        postprocess.remove_small(field[0], 20)

    def time_join_fragments(self, field: Field) -> None:
        postprocess.join_fragments(field[0], 0.25)

    def peakmem_instances(self, field: Field) -> None:
        postprocess.instances(field[1])

    def peakmem_fill_holes(self, field: Field) -> None:
        postprocess.fill_holes(field[0])
