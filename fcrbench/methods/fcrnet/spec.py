"""Describes FCRNet: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, at_least, refuse_idle

if TYPE_CHECKING:
    from fcrbench.postprocess import InstanceRules

_OF_SIMILARITY = ("similarity", "intra_mean", "inter_mean")


@dataclass(frozen=True)
class FCRNetOptions(CleaningOptions):
    """Options of FCRNet; the defaults are the default preset.

    Some play a part with one loss only, which is named behind them; with the other they stay at their
    defaults. Raises UsageError where they do not, and for every value that is out of range or does nothing.

    colors              K, channels of the embedding: 3, 4 or 10 in the paper
    loss                "coloring": cross-entropy to a dynamic colouring, channel 0 is background;
                        "similarity": Eq. 1 on the power-normalised embedding of Eq. 4
    alpha               powers of Eq. 4, even, one for each equal share of the training ("similarity")
    similarity          g of Eq. 1: "cosine" (the paper), or "dot" product (the authors' code)
                        ("similarity")
    intra_mean          what counts the same where pixels of one object are compared: "pixels", the "pairs"
                        of them, or "objects", see SimilarityLoss ("similarity")
    inter_mean          what counts the same where neighbouring objects are: "objects", each with the mean
                        over its neighbours (1/|N(i)| of Eq. 1), or the "pairs" (the authors' code)
                        ("similarity")
    color_cost          what each colour costs more than the one before in the dynamic colouring, so that
                        objects without close neighbours take the first one ("coloring")
    inter_weight        weight of the similarity of neighbours in the loss
    neighbour_distance  objects at most this far apart are neighbours; pixels of the crops, which are those
                        of the fields unless training.resize or augmentation changes their scale
    intensity           "linear": mean 0 and deviation 1; "root": the same after the square root of what is
                        above the 1st percentile, so that dim nuclei count beside bright ones
    filters             channels of the network at full resolution and at each of its four halvings
    batch_norm          batch normalisation in the trunk (the paper has none)
    block               "conv-relu-conv-relu": a ReLU after every convolution, as in U-Net;
                        "conv-conv-relu": one after each two, as the paper words it
    background          "mode": the most frequent colour of an image is its background (the authors' rule);
                        "first": channel 0
    connectivity        pixels of a colour are one instance where they touch at edges, 1, or corners too, 2
    join_doubt          an instance that the network does not tell apart from a larger one joins it, see
                        `postprocess.instances`; needs background "first"; 0, none does (the paper)
    """

    colors: int = 4
    loss: Literal["coloring", "similarity"] = "coloring"
    alpha: tuple[float, ...] = (2.0, 2.0, 4.0, 6.0, 8.0)
    similarity: Literal["cosine", "dot"] = "dot"
    intra_mean: Literal["pixels", "pairs", "objects"] = "pixels"
    inter_mean: Literal["objects", "pairs"] = "pairs"
    color_cost: float = 0.5
    inter_weight: float = 0.2
    neighbour_distance: int = 4
    intensity: Literal["root", "linear"] = "root"
    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    batch_norm: bool = True
    block: Literal["conv-relu-conv-relu", "conv-conv-relu"] = "conv-relu-conv-relu"
    background: Literal["mode", "first"] = "first"
    connectivity: Literal[1, 2] = 1
    join_doubt: float = 0.025

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.colors <= 256:
            raise UsageError(f"options.colors is {self.colors}; expected 2 to 256, one of them background")
        if not self.alpha or any(power < 2 or power % 2 for power in self.alpha):
            raise UsageError(
                f"options.alpha is {list(self.alpha)}; expected one or more even whole numbers: with others "
                "Eq. 4 depends on signs that the network is free to choose"
            )
        if len(self.filters) != 5 or min(self.filters) < 1:
            raise UsageError(f"options.filters is {list(self.filters)}; expected five numbers of channels")
        at_least(0, self, "color_cost", "inter_weight", "neighbour_distance", "join_doubt")
        if self.loss == "similarity":
            self._refuse_unlike_colors()
            refuse_idle(self, "color_cost", because='loss "similarity"')
        else:
            refuse_idle(self, "alpha", *_OF_SIMILARITY, because='loss "coloring"')
        for name in ("join_doubt", "min_margin"):
            if (value := getattr(self, name)) and self.background == "mode":
                raise UsageError(f'options.{name} is {value}; with background "mode" expected 0')

    def _refuse_unlike_colors(self) -> None:
        """Eq. 1 does not change when colours change places: none of them is the background by itself."""
        if self.background == "first":
            raise UsageError(
                'options.background is "first"; with loss "similarity", to which all colours are alike, '
                'expected "mode"'
            )
        if not self.inter_weight:
            raise UsageError(
                f'options.inter_weight is {self.inter_weight}; with loss "similarity" expected a positive '
                "number: without it one colour for everything is the best"
            )

    def rules(self) -> "InstanceRules":
        """The rules by which the colours of an image become instances."""
        from fcrbench.postprocess import InstanceRules

        return InstanceRules(
            background="mode" if self.background == "mode" else 0,
            connectivity=self.connectivity,
            join_doubt=self.join_doubt,
            min_size=self.min_size,
            border_size=self.border_size,
            min_margin=self.min_margin,
            sure_size=self.sure_size,
            fill_holes=self.fill_holes,
        )


# What the presets "paper" and "authors" have in common. They name all that decides a result, so that they
# stay what they are when a default changes; only what plays no part with these options is left out.
_BY_EQUATION_1: dict[str, Any] = {
    "colors": 4,
    "loss": "similarity",
    "intra_mean": "pixels",
    "neighbour_distance": 10,  # 2 % of the side of a field at 512 x 512
    "intensity": "linear",
    "filters": (16, 32, 64, 128, 256),
    "batch_norm": False,
    "background": "mode",
    "connectivity": 1,
    "join_doubt": 0.0,
    "min_size": 0,
    "border_size": 0,
    "min_margin": 0.0,
    "fill_holes": False,
}
_SCHEDULE: dict[str, Any] = {
    "epochs": 600,
    "crops_per_image": 1,
    "batch_size": 4,
    "crop": 512,
    "resize": 512,
    "min_object": 25,
    "learning_rate": 1e-4,
    "schedule": "staircase",
    "decay": 0.9,
    "decay_epochs": 80,
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "average": 0.0,
    "augment": False,
    "zoom": 0.0,
    "precision": "32",
    "validate_every": 20,
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
            "the network, loss and schedule of the paper's text, see docs/paper.md",
            options={
                **_BY_EQUATION_1,
                # 80 epochs of 600 are two shares of fifteen, and the last power holds to the end
                "alpha": (2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0, *[8.0] * 7),
                "similarity": "cosine",
                "inter_mean": "objects",
                "inter_weight": 1.0,
                "block": "conv-conv-relu",
            },
            training=_SCHEDULE,
        ),
        "authors": Preset(
            "loss, blocks and stages of alpha as in the authors' code, see docs/paper.md",
            options={
                **_BY_EQUATION_1,
                "alpha": (2.0, 2.0, 4.0, 6.0, 8.0),
                "similarity": "dot",
                "inter_mean": "pairs",
                "inter_weight": 4.0,
                "block": "conv-relu-conv-relu",
            },
            # x 0.9 every 5,000 steps, which are 33 epochs of the paper's 604 fields
            training=_SCHEDULE | {"decay_epochs": 33},
        ),
    },
)
