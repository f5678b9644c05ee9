"""The description of Harmonic Embedding: its options and presets. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

from fcrbench.errors import UsageError
from fcrbench.methods.base import MethodSpec, Preset
from fcrbench.methods.options import CleaningOptions, require_at_least, require_between, require_positive


@dataclass(frozen=True)
class HarmonicOptions(CleaningOptions):
    """Options of Harmonic Embedding; the defaults are the default preset.

    filters           channels of the network at full resolution; coarser levels have up to 8 times as
                      many; 64 in the paper
    guides            N, the number of guide functions; half of them vary along x, half along y
    phases            "quadrature": a sine and a cosine of each frequency, so that the distance of two objects
                      does not depend on their position in the field; "free": N frequencies with a fitted
                      phase each (the paper)
    periods           shortest and longest period of a guide function; pixels. Shorter periods separate
                      neighbours better, longer ones vary less within an object
    epsilon           guide functions are fitted until any two objects of a crop are this far apart
    fit_steps         number of steps of that fit
    foreground        "head": a separate channel, trained by cross-entropy; "norm": pixels whose embedding is
                      long enough are foreground, as the embedding of the background is 0
    object_weight     "even": all pixels of objects have equal weight; "log": the pixels of an object, or of
                      the background, of n pixels have weight 10 / log n (the paper)
    edge_weight       weight of the embedding's error within 2 pixels of the border of an object, averaged
                      over all pixels; about an eighth of a field of nuclei is that close to a border
    align_corners     upsampling aligns the centres of the corner pixels of both images (the authors'
                      notebook). The output then depends on the size of the image, so it cannot be tiled
    bandwidth         radius of the mean shift window
    by_component      cluster each connected component of the foreground separately, and split clusters into
                      connected instances, as distant objects may have the same guide values. The authors
                      cluster the whole foreground
    join_contact      an instance joins a larger one if this fraction of its edge touches it, see
                      `fcrbench.postprocess.join_fragments`; 0 joins none (the paper)
    downscale         1: the network works at the resolution of the image (the paper); 2: at half the
                      resolution, at a quarter of the cost, and its output is interpolated
    intensity         "linear": mean 0 and deviation 1; "root": the same after subtracting the 1st percentile
                      and taking the square root, which lifts dim nuclei
    """

    filters: int = 64
    guides: int = 12
    phases: Literal["quadrature", "free"] = "quadrature"
    periods: tuple[float, float] = (60.0, 160.0)
    epsilon: float = 1.0
    fit_steps: int = 200
    foreground: Literal["head", "norm"] = "head"
    object_weight: Literal["even", "log"] = "even"
    edge_weight: float = 7.0
    align_corners: bool = False
    bandwidth: float = 0.7
    by_component: bool = True
    join_contact: float = 0.3
    downscale: Literal[1, 2] = 2
    intensity: Literal["root", "linear"] = "root"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.guides < 4 or self.guides % 4:
            raise UsageError(f"options.guides is {self.guides}; expected a positive multiple of 4")
        short, long = self.periods
        if not 2 < short <= long:
            raise UsageError(f"options.periods is {list(self.periods)}; expected 2 < shortest <= longest")
        require_at_least(1, self, "filters")
        require_positive(self, "epsilon", "bandwidth")
        require_at_least(0, self, "fit_steps", "edge_weight")
        require_between(0, 1, self, "join_contact")


SPEC = MethodSpec(
    name="harmonic",
    title="Harmonic Embedding: pixels predict the mean guide values of their object, then mean shift",
    paper="Kulikov & Lempitsky, Instance Segmentation of Biological Images Using Harmonic Embeddings",
    factory="fcrbench_baselines.harmonic.method:Harmonic",
    options=HarmonicOptions,
    presets={
        "default": Preset(
            "half resolution, sine and cosine guides, a foreground channel; for short trainings",
            training={"learning_rate": 1e-3},
        ),
        "paper": Preset(
            "network, loss and schedule of the authors' notebook",
            options={
                "filters": 64,
                "guides": 12,
                "phases": "free",
                "periods": (60.0, 160.0),
                "fit_steps": 400,
                "foreground": "norm",
                "object_weight": "log",
                "edge_weight": 10.0,
                "align_corners": True,
                "epsilon": 0.7071,  # a squared distance of 0.5
                "bandwidth": 0.5,
                "by_component": False,
                "join_contact": 0.0,
                "downscale": 1,
                "intensity": "linear",
                "min_size": 20,
                "border_size": 0,
                "min_margin": 0.0,
                "fill_holes": False,
            },
            training={
                "epochs": 1000,
                "crops_per_image": 1,
                "batch_size": 4,
                "crop": 448,
                "resize": 0,
                "min_object": 0,
                "learning_rate": 1e-5,
                "schedule": "staircase",
                "decay": 1.0,
                "decay_epochs": 80,
                "warmup_steps": 0,
                "weight_decay": 0.0,
                "clip_norm": 0.0,
                "average": 0.0,
                "augment": True,
                "zoom": 0.18,  # 0.7 to 1 of a field's area
                "precision": "32",
                "validate_every": 20,
            },
        ),
    },
)
