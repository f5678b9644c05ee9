"""Describes DCAN: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, require_at_least, require_between


@dataclass(frozen=True)
class DCANOptions(CleaningOptions):
    """Options of DCAN; the defaults are the default preset.

    filters         of the first convolution, up to 16 times as many in the others; 64 in the paper
    contour_radius  contours of the truth: the rim of each object dilated by a disk of this radius; pixels
    balance         of the cross-entropy of contours, 0: every pixel counts the same; 1: every class does;
                    between: a class weighs its frequency in the batch to the power of minus this. Contours
                    are few, and one that is missed merges two objects
    auxiliary       weights of the loss of each level's own prediction, one for each equal share of the
                    training; the paper starts at 1 and divides by 10 every 10,000 iterations, down to 0.001
    dropout         rate after the last two convolutions
    batch_norm      batch normalisation after every convolution of the trunk (the paper has none)
    intensity       "linear": mean 0 and deviation 1; "root": the same after the square root of what is above
                    the 1st percentile, so that dim nuclei count beside bright ones
    contour_threshold  contours are where the output is this or more. What a weighted loss learns is no
                    probability: at balance 1 the output is .93 or more where a contour is more likely than
                    not, contours being some 7 % of all pixels
    smooth          radius of the disk of the majority filter over the fused mask, 0 = none; pixels
    min_core        components of the fused mask smaller than this are no cores of instances; pixels
    grow            cores grow until the object map is filled; what they cannot reach of it are instances too
    join_contact    an instance with this share of its edge on a larger one joins it, see
                    `fcrbench.postprocess.join_fragments`; 0, none does (the paper)
    """

    filters: int = 64
    contour_radius: int = 1
    balance: float = 1.0
    auxiliary: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001)
    dropout: float = 0.0
    batch_norm: bool = True
    intensity: Literal["root", "linear"] = "root"
    contour_threshold: float = 0.93
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
    title="DCAN: a map of objects and one of their contours, fused; instances are what contours separate",
    paper="Chen et al., DCAN: deep contour-aware networks for accurate gland segmentation, 2016",
    factory="fcrbench_baselines.dcan.method:DCAN",
    options=DCANOptions,
    presets={
        "default": Preset(
            "batch normalisation, thin contours that weigh more, cores grown until the object map is filled",
            # Half the usual rate: a logit sums up to 4,096 products, and Adam moves all of them at once. The
            # network is slow, and so is each validation.
            training={"learning_rate": 1e-3, "validate_every": 5},
        ),
        "paper": Preset(
            "the paper's loss, contours, fusion and smoothing, without growing back",
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
                "weight_decay": 1e-4,  # Eq. 4 has one, of no stated size
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
