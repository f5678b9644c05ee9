"""The whole schema of a run: frozen dataclasses, TOML in, TOML out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; the defaults are those of the default preset.

    epochs           passes over the training fields
    crops_per_image  crops taken from each field in one epoch
    batch_size       crops per step
    crop             side of a crop; pixels
    learning_rate    of AdamW, after the warm-up
    schedule         "cosine" to 0, or "staircase": x decay every decay_epochs
    warmup_steps     the rate rises linearly over these steps
    clip_norm        largest gradient norm, 0 = no clipping
    average          decay of the running mean of the weights that is evaluated, 0 = none
    augment          flips, quarter turns, intensity; crops are always random
    precision        "auto": bfloat16 where the device computes it natively, else float32; "32"; "bf16"
    validate_every   epochs between validations; the last epoch is always validated
    workers          processes that prepare crops, 0 = the training process itself
    """

    epochs: int = 40
    crops_per_image: int = 4
    batch_size: int = 4
    crop: int = 256
    learning_rate: float = 2e-3
    schedule: Literal["cosine", "staircase"] = "cosine"
    decay: float = 0.9
    decay_epochs: int = 80
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    average: float = 0.99
    augment: bool = True
    precision: Literal["auto", "32", "bf16"] = "auto"
    validate_every: int = 5
    workers: int = 0
