"""The description of the classical method: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import require_at_least


@dataclass(frozen=True)
class ClassicalOptions:
    """Options of Otsu and watershed; the defaults were chosen on the training fields of BBBC039.

    intensity           "root": subtract the 1st percentile and take the square root before the threshold,
                        which keeps dim nuclei; "linear": threshold the intensities themselves
    smoothing           sigma of the Gaussian filter before the threshold, 0 = none; pixels
    distance_smoothing  sigma of the Gaussian filter of the distance to the background, 0 = none;
                        pixels
    min_distance        seeds are at least this far apart; pixels
    min_size            instances smaller than this are dropped; pixels
    min_contrast        an image has no objects if the means of both sides of the threshold differ by less
                        than this many standard deviations of the dark side; pure noise gives about 2.6
    """

    intensity: Literal["root", "linear"] = "root"
    smoothing: float = 0.5
    distance_smoothing: float = 2.0
    min_distance: int = 7
    min_size: int = 25
    min_contrast: float = 4.0

    def __post_init__(self) -> None:
        require_at_least(0, self, "smoothing", "distance_smoothing", "min_size", "min_contrast")
        require_at_least(1, self, "min_distance")


SPEC = MethodSpec(
    name="classical",
    title="Otsu's threshold, distance transform, watershed; nothing is trained",
    paper="Otsu, A threshold selection method from gray-level histograms, 1979; "
    "Meyer, Topographic distance and watershed lines, 1994",
    factory="fcrbench_baselines.classical.method:Classical",
    options=ClassicalOptions,
    presets={
        "default": Preset("values chosen on the training fields of BBBC039"),
        "plain": Preset(
            "as in textbooks: linear intensities, and no smoothing of the distance transform",
            options={"intensity": "linear", "smoothing": 1.0, "distance_smoothing": 0.0},
        ),
    },
)
