"""The description of Discriminative Loss: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, require_at_least, require_between, require_positive


@dataclass(frozen=True)
class DiscriminativeOptions(CleaningOptions):
    """Options of Discriminative Loss; the defaults are the default preset.

    dimensions         channels of the embedding
    batch_norm         batch normalisation in the VGG16 part of the network (the paper's has none)
    intensity          "linear": mean 0 and deviation 1; "root": the same after subtracting the 1st
                       percentile and taking the square root
    pull_margin        delta_v: pixels within this distance of the mean of their object are not pulled
    push_margin        delta_d: means of objects at more than twice this distance are not pushed apart
    reg_weight         weight of the norm of the means in the loss
    foreground_weight  weight of the cross-entropy of the semantic branch in the loss
    bandwidth          of the mean shift; delta_v in the paper
    by_component       cluster each connected component of the foreground separately and split clusters into
                       connected instances, as distant objects may have the same embedding. The paper clusters
                       the whole image
    join_contact       an instance joins a larger one if this fraction of its edge touches it, see
                       `fcrbench.postprocess.join_fragments`; 0 joins none (the paper)
    """

    dimensions: int = 32
    batch_norm: bool = True
    intensity: Literal["root", "linear"] = "root"
    pull_margin: float = 0.5
    push_margin: float = 1.5
    reg_weight: float = 0.001
    foreground_weight: float = 1.0
    bandwidth: float = 0.7
    by_component: bool = True
    join_contact: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "dimensions")
        require_at_least(0, self, "pull_margin", "reg_weight", "foreground_weight")
        require_between(0, 1, self, "join_contact")
        require_positive(self, "push_margin", "bandwidth")


SPEC = MethodSpec(
    name="discriminative",
    title="Discriminative Loss: pulls pixels of an object together, pushes objects apart, then mean shift",
    paper="De Brabandere et al., Semantic instance segmentation with a discriminative loss function, 2017",
    factory="fcrbench_baselines.discriminative.method:Discriminative",
    options=DiscriminativeOptions,
    presets={
        "default": Preset(
            "batch normalisation, separate clustering of foreground components; converges at small budgets",
            training={"learning_rate": 1e-3},
        ),
        "paper": Preset(
            "loss and margins of the paper, clustering of the whole image, no batch normalisation",
            options={
                "dimensions": 32,
                "batch_norm": False,
                "intensity": "linear",
                "pull_margin": 0.5,
                "push_margin": 1.5,
                "reg_weight": 0.001,
                "foreground_weight": 1.0,
                "bandwidth": 0.5,
                "by_component": False,
                "join_contact": 0.0,
                "min_size": 25,
                "border_size": 0,
                "min_margin": 0.0,
                "fill_holes": False,
            },
            # The paper states Adam and 1e-4, but not for how long; Cao & Yan train all of Table 1 this long.
            training={
                "epochs": 600,
                "crops_per_image": 1,
                "batch_size": 4,
                "crop": 512,
                "resize": 0,
                "min_object": 0,
                "learning_rate": 1e-4,
                "schedule": "staircase",
                "decay": 1.0,
                "decay_epochs": 80,
                "warmup_steps": 0,
                "weight_decay": 0.0,
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
