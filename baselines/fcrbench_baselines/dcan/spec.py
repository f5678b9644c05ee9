"""The description of DCAN: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, require_at_least, require_between


@dataclass(frozen=True)
class DCANOptions(CleaningOptions):
    """Options of DCAN; the defaults are the default preset.

    filters         number of filters of the first convolution; the others have up to 16 times as many; 64 in
                    the paper
    contour_radius  true contours are the rims of the objects, dilated by a disk of this radius; pixels
    balance         of the cross-entropy of contours; 0: every pixel has equal weight; 1: contours and the
                    rest have equal weight; in between, the weight of a class is its frequency in the batch to
                    the power of minus this. There are few contour pixels, but a missed contour merges two
                    objects
    auxiliary       weights of the loss of each level's own prediction, each for an equal share of the
                    training; the paper starts at 1 and divides by 10 every 10,000 iterations, down to 0.001
    dropout         rate after the last two convolutions
    batch_norm      batch normalisation after every convolution of the trunk (the paper has none)
    intensity       "linear": mean 0 and deviation 1; "root": the same after subtracting the 1st percentile
                    and taking the square root, which lifts dim nuclei
    contour_threshold  a pixel is a contour if the output is at least this; chosen on training fields, see
                    baselines/README.md
    smooth          radius of the disk of the majority filter of the fused mask, 0 = none; pixels
    min_core        components of the fused mask smaller than this are not used as cores; pixels
    grow            grow cores until they fill the object map; parts that no core reaches are instances too
    join_contact    an instance joins a larger one if this fraction of its edge touches it, see
                    `fcrbench.postprocess.join_fragments`; 0 joins none (the paper)
    """

    filters: int = 64
    contour_radius: int = 1
    balance: float = 1.0
    auxiliary: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001)
    dropout: float = 0.0
    batch_norm: bool = True
    intensity: Literal["root", "linear"] = "root"
    contour_threshold: float = 0.5
    smooth: int = 1
    min_core: int = 10
    grow: bool = True
    join_contact: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(0, self, "contour_radius", "balance", "smooth", "min_core")
        require_between(0, 1, self, "contour_threshold", "join_contact")
        require_at_least(1, self, "filters")
        if not self.auxiliary or min(self.auxiliary) < 0:
            raise UsageError(
                f"options.auxiliary is {list(self.auxiliary)}; expected one or more weights >= 0"
            )
        if not 0 <= self.dropout < 1:
            raise UsageError(f"options.dropout is {self.dropout}; expected 0 <= dropout < 1")


SPEC = MethodSpec(
    name="dcan",
    title="DCAN: fuses a map of objects and a map of contours; contours separate the instances",
    paper="Chen et al., DCAN: deep contour-aware networks for accurate gland segmentation, 2016",
    factory="fcrbench_baselines.dcan.method:DCAN",
    options=DCANOptions,
    presets={
        "default": Preset(
            "batch normalisation, thin contours with larger weight, cores grown to fill the object map",
            # Half the usual learning rate: a logit is a sum of up to 4,096 products, and Adam changes all of
            # them at once. Validation is slow, like the network, and therefore less frequent.
            training={"learning_rate": 1e-3, "validate_every": 5},
        ),
        "paper": Preset(
            "loss, contours, fusion and smoothing of the paper, without growing cores",
            options={
                "contour_radius": 3,
                "filters": 64,
                "balance": 0.0,
                "auxiliary": (1.0, 0.1, 0.01, 0.001),
                "dropout": 0.5,
                "batch_norm": False,
                "intensity": "linear",
                "contour_threshold": 0.5,
                "smooth": 3,
                "min_core": 0,
                "grow": False,
                "join_contact": 0.0,
                "min_size": 25,
                "border_size": 0,
                "min_margin": 0.0,
                "fill_holes": True,
            },
            training={
                "epochs": 600,
                "crops_per_image": 1,
                "batch_size": 4,
                "crop": 480,
                "resize": 0,
                "min_object": 0,
                "learning_rate": 1e-4,
                "schedule": "staircase",
                "decay": 0.9,
                "decay_epochs": 80,
                "warmup_steps": 0,
                "weight_decay": 1e-4,  # Eq. 4 has a weight decay, but the paper does not state its value
                "clip_norm": 0.0,
                "average": 0.0,
                "augment": True,
                "zoom": 0.25,
                "precision": "32",
                "validate_every": 20,
            },
        ),
    },
)
