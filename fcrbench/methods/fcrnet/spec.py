"""Describes FCRNet: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import InstanceRules, MethodSpec, Preset
from fcrbench.methods.options import at_least


@dataclass(frozen=True)
class FCRNetOptions:
    """Options of FCRNet; the defaults are the default preset.

    colors              K, channels of the embedding: 3, 4 or 10 in the paper
    loss                "coloring": cross-entropy to a dynamic colouring, channel 0 is background;
                        "similarity": Eq. 1 on the power-normalised embedding of Eq. 4
    alpha               powers of Eq. 4, one for each equal share of the training ("similarity")
    color_cost          what each colour costs more than the one before in the dynamic colouring, so that
                        objects without close neighbours take the first one ("coloring")
    inter_weight        weight of the similarity of neighbours in the loss
    neighbour_distance  objects at most this far apart are neighbours; pixels
    intensity           "linear": mean 0 and deviation 1; "root": the same after the square root of what is
                        above the 1st percentile, so that dim nuclei count beside bright ones
    filters             channels of the network at full resolution and at each of its four halvings
    batch_norm          batch normalisation in the trunk (the paper has none)
    background          "mode": the most frequent colour of an image is its background (the authors' rule);
                        "first": channel 0
    join_doubt          an instance that the network does not tell apart from a larger one joins it, see
                        `postprocess.instances`; needs background "first"; 0, none does (the paper)
    min_size            instances smaller than this are dropped; pixels
    border_size         those that touch the border of the image are if they are smaller than this
    min_margin          those of fewer pixels than sure_size are whose colours beat the background by less
                        than this, see `postprocess.instances`; needs background "first"; 0, none are (the
                        paper)
    sure_size           see min_margin; pixels
    fill_holes          fill holes that one instance encloses
    """

    colors: int = 4
    loss: Literal["coloring", "similarity"] = "coloring"
    alpha: tuple[float, ...] = (2.0, 2.0, 4.0, 6.0, 8.0)
    color_cost: float = 0.5
    inter_weight: float = 0.2
    neighbour_distance: int = 4
    intensity: Literal["root", "linear"] = "root"
    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    batch_norm: bool = True
    background: Literal["mode", "first"] = "first"
    join_doubt: float = 0.025
    min_size: int = 10
    border_size: int = 25
    min_margin: float = 2.2
    sure_size: int = 100
    fill_holes: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.colors <= 256:
            raise UsageError(f"options.colors is {self.colors}; expected 2 to 256, one of them background")
        if not self.alpha or min(self.alpha) <= 0:
            raise UsageError(f"options.alpha is {list(self.alpha)}; expected one or more positive powers")
        if len(self.filters) != 5 or min(self.filters) < 1:
            raise UsageError(f"options.filters is {list(self.filters)}; expected five numbers of channels")
        at_least(0, self, "color_cost", "neighbour_distance", "min_size", "border_size", "sure_size")
        for name in ("join_doubt", "min_margin"):
            at_least(0, self, name)
            if (value := getattr(self, name)) and self.background == "mode":
                raise UsageError(f'options.{name} is {value}; with background "mode" expected 0')

    def rules(self) -> InstanceRules:
        """The arguments of `postprocess.instances`."""
        return {
            "background": "mode" if self.background == "mode" else 0,
            "min_size": self.min_size,
            "fill_holes": self.fill_holes,
            "join_doubt": self.join_doubt,
            "border_size": self.border_size,
            "min_margin": self.min_margin,
            "sure_size": self.sure_size,
        }


SPEC = MethodSpec(
    name="fcrnet",
    title="FCRNet: every pixel takes one of K colours, instances are the connected components of each",
    paper="Cao & Yan, Instance segmentation with the number of clusters incorporated in embedding learning",
    factory="fcrbench.methods.fcrnet.method:FCRNet",
    options=FCRNetOptions,
    presets={
        "default": Preset("cross-entropy to a dynamic colouring, batch normalisation; converges in minutes"),
        "paper": Preset(
            "the paper's head, loss and schedule",
            options={
                "loss": "similarity",
                "inter_weight": 4.0,
                "neighbour_distance": 10,
                "intensity": "linear",
                "batch_norm": False,
                "background": "mode",
                "join_doubt": 0.0,
                "min_size": 25,
                "border_size": 0,
                "min_margin": 0.0,
                "fill_holes": False,
            },
            training={
                "epochs": 600,
                "crops_per_image": 1,
                "batch_size": 4,
                "crop": 512,
                "learning_rate": 1e-4,
                "schedule": "staircase",
                "warmup_steps": 0,
                "weight_decay": 0.0,
                "clip_norm": 0.0,
                "average": 0.0,
                "augment": False,
                "validate_every": 20,
            },
        ),
    },
)
