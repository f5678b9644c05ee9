"""The description of FCRNet: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, refuse_unused, require_at_least

if TYPE_CHECKING:
    from fcrbench.postprocess import InstanceRules

_SIMILARITY_OPTIONS = ("similarity", "intra_mean", "inter_mean")


@dataclass(frozen=True)
class FCRNetOptions(CleaningOptions):
    """Options of FCRNet; the defaults are the default preset.

    Some options have an effect with one loss only, which is named in brackets behind them; with the other
    loss they must keep their defaults. Raises UsageError if they do not, or if a value is out of range or has
    no effect.

    colors              K, channels of the embedding: 3, 4 or 10 in the paper
    loss                "coloring": cross-entropy to a dynamic colouring, channel 0 is background;
                        "similarity": Eq. 1 on the power-normalised embedding of Eq. 4
    alpha               even powers of Eq. 4, each for an equal share of the training ("similarity")
    similarity          g of Eq. 1: "cosine" (the paper), or "dot" product (the authors' code)
                        ("similarity")
    intra_mean          what has equal weight when the pixels of an object are compared: "pixels", "pairs"
                        of pixels, or "objects", see SimilarityLoss ("similarity")
    inter_mean          what has equal weight when neighbouring objects are compared: "objects", each with the
                        mean over its neighbours (1/|N(i)| of Eq. 1), or "pairs" of objects (the authors'
                        code) ("similarity")
    color_cost          each colour costs this much more than the one before it in the dynamic colouring, so
                        that objects without close neighbours take the first colour ("coloring")
    inter_weight        weight of the similarity of neighbours in the loss
    neighbour_distance  objects at most this far apart are neighbours; in pixels of the crops, which are
                        pixels of the fields unless training.resize or augmentation changes the scale
    intensity           "linear": mean 0 and deviation 1; "root": the same after subtracting the 1st
                        percentile and taking the square root, which lifts dim nuclei
    filters             channels of the network at full resolution and after each of the four poolings
    batch_norm          batch normalisation in the trunk (the paper has none)
    block               "conv-relu-conv-relu": a ReLU after every convolution, as in U-Net;
                        "conv-conv-relu": one after every two convolutions, as the paper says
    background          "mode": the most frequent colour of an image is its background (the authors' rule);
                        "first": channel 0
    connectivity        pixels of a colour belong to one instance if they touch over edges, 1, or over edges
                        or corners, 2
    join_doubt          an instance joins a larger one that the network hardly distinguishes from it, see
                        `postprocess.instances`; needs background "first"; 0 joins none (the paper)
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
            raise UsageError(f"options.colors is {self.colors}; expected 2 to 256 with the background")
        if not self.alpha or any(power < 2 or power % 2 for power in self.alpha):
            raise UsageError(
                f"options.alpha is {list(self.alpha)}; expected one or more even whole numbers: with other "
                "powers, Eq. 4 depends on signs that the network is free to choose"
            )
        if len(self.filters) != 5 or min(self.filters) < 1:
            raise UsageError(f"options.filters is {list(self.filters)}; expected five numbers of channels")
        require_at_least(0, self, "color_cost", "inter_weight", "neighbour_distance", "join_doubt")
        if self.loss == "similarity":
            self._refuse_unlike_colors()
            refuse_unused(self, "color_cost", because='loss "similarity"')
        else:
            refuse_unused(self, "alpha", *_SIMILARITY_OPTIONS, because='loss "coloring"')
        for name in ("join_doubt", "min_margin"):
            if (value := getattr(self, name)) and self.background == "mode":
                raise UsageError(f'options.{name} is {value}; expected 0 with background "mode"')

    def _refuse_unlike_colors(self) -> None:
        """Refuse options that distinguish colours: Eq. 1 treats all alike, and none is the background."""
        if self.background == "first":
            raise UsageError(
                'options.background is "first"; expected "mode" with loss "similarity", which treats all '
                "colours alike"
            )
        if not self.inter_weight:
            raise UsageError(
                f"options.inter_weight is {self.inter_weight}; expected a positive number with loss "
                '"similarity": with 0, one colour for everything would be the best solution'
            )

    def rules(self) -> "InstanceRules":
        """Return the rules that turn the colours of an image into instances."""
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


# The values that the presets "paper" and "authors" share. They name every value that affects a result, so
# that changed defaults do not change them; only options without effect in these presets are left out.
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
    title="FCRNet: each pixel gets one of K colours, and connected pixels of one colour are an instance",
    paper="Cao & Yan, Instance segmentation with the number of clusters incorporated in embedding learning",
    factory="fcrbench.methods.fcrnet.method:FCRNet",
    options=FCRNetOptions,
    presets={
        "default": Preset("cross-entropy to a dynamic colouring, batch normalisation; trains in minutes"),
        "paper": Preset(
            "network, loss and schedule as in the text of the paper, see docs/paper.md",
            options={
                **_BY_EQUATION_1,
                # 80 of 600 epochs are two of fifteen shares; the last power is used to the end
                "alpha": (2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0, *[8.0] * 7),
                "similarity": "cosine",
                "inter_mean": "objects",
                "inter_weight": 1.0,
                "block": "conv-conv-relu",
            },
            training=_SCHEDULE,
        ),
        "authors": Preset(
            "the same with loss, blocks and stages of alpha as in the authors' code, see docs/paper.md",
            options={
                **_BY_EQUATION_1,
                "alpha": (2.0, 2.0, 4.0, 6.0, 8.0),
                "similarity": "dot",
                "inter_mean": "pairs",
                "inter_weight": 4.0,
                "block": "conv-relu-conv-relu",
            },
            # the rate falls every 5,000 steps, which are 33 epochs of the paper's 604 fields
            training=_SCHEDULE | {"decay_epochs": 33},
        ),
    },
)
