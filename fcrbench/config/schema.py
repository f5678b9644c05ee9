"""The whole schema of a run: frozen dataclasses, TOML in, TOML out."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from fcrbench.errors import UsageError, short_repr, unknown_name

T = TypeVar("T")
_MAX_DEPTH = 32  # tables in tables: what is deeper would end Python's recursion later


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; the defaults are those of the default preset.

    epochs           passes over the training fields
    crops_per_image  crops taken from each field in one epoch
    batch_size       crops per step
    crop             side of a crop; pixels
    resize           fields are brought to resize x resize pixels before crops are taken from them, whatever
                     their shape, 0 = they stay as they are. Only for training: fields are segmented, and
                     scored, at their own size
    min_object       truth objects of fewer pixels, after resizing, are background to the training. Scores
                     are against the truth of the data set, in which they stay
    learning_rate    of AdamW, after the warm-up
    schedule         "cosine" to 0, or "staircase": x decay every decay_epochs
    warmup_steps     the rate rises linearly over these steps
    clip_norm        largest gradient norm, 0 = no clipping
    average          decay of the running mean of the weights that is evaluated, 0 = none
    augment          flips, quarter turns, scale, intensity; crops are always random
    zoom             largest change of the logarithm of the scale where augmented; 0 keeps pixels as they are
    precision        "auto": bfloat16 where the device computes it natively, else float32; "32"; "bf16"
    validate_every   epochs between validations; the last epoch is always validated
    workers          processes that prepare crops, 0 = the training process itself; "auto": none where the
                     CPU computes, else the cores that are left, up to 4
    """

    epochs: int = 10
    crops_per_image: int = 4
    batch_size: int = 2
    crop: int = 256
    resize: int = 0
    min_object: int = 0
    learning_rate: float = 2e-3
    schedule: Literal["cosine", "staircase"] = "cosine"
    decay: float = 0.9
    decay_epochs: int = 80
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    average: float = 0.99
    augment: bool = True
    zoom: float = 0.25
    precision: Literal["auto", "32", "bf16"] = "auto"
    validate_every: int = 2
    workers: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        at_least = {"epochs": 1, "crops_per_image": 1, "batch_size": 1, "crop": 16, "decay_epochs": 1}
        at_least |= {"warmup_steps": 0, "validate_every": 1, "weight_decay": 0, "clip_norm": 0, "zoom": 0}
        at_least |= {"resize": 0, "min_object": 0} | ({} if self.workers == "auto" else {"workers": 0})
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise UsageError(f"training.{name} is {getattr(self, name)}; expected at least {least}")
        if self.resize and self.crop > self.resize:
            raise UsageError(
                f"training.crop is {self.crop}; expected at most {self.resize}, to which training.resize "
                "brings every field"
            )
        if self.learning_rate <= 0:
            raise UsageError(f"training.learning_rate is {self.learning_rate}; expected a positive number")
        if not 0 <= self.average < 1:
            raise UsageError(f"training.average is {self.average}; expected 0 <= average < 1")


@dataclass(frozen=True)
class DatasetConfig:
    """Which data: a name that `fcrbench datasets` lists, its folder, and its own options."""

    name: str = "sample"
    root: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("name", "root"):
            if key in self.options:
                raise UsageError(f"dataset.options.{key} is no option; give it as dataset.{key}")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result.

    method, preset, options  the method, a named set of its values, and values that replace some
    weights                  "default", a run directory or a file: scored as they are, nothing is trained
    init                     the same: weights that the training starts from
    deterministic            on a GPU, compute by algorithms that repeat a run to the bit, which are slower;
                             the CPU does so anyway
    evaluate                 which weights are scored: those of the "last" epoch, or the "best" by
                             validation PQ, which flatters when the same fields are reported
    """

    method: str = "fcrnet"
    preset: str = "default"
    seed: int = 0
    device: str = "auto"
    weights: str = ""
    init: str = ""
    deterministic: bool = False
    evaluate: Literal["last", "best"] = "last"
    dataset: DatasetConfig = DatasetConfig()
    options: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self) -> None:
        if self.weights and self.init:
            raise UsageError(
                "weights and init are both given; weights are scored as they are, init is trained further"
            )

    @property
    def given_weights(self) -> str:
        """The weights that the run begins with, whatever it does with them; "" = fresh ones."""
        return self.weights or self.init

    def to_toml(self) -> str:
        """The configuration as TOML that `read_toml` takes; what plays no part in the run is left out."""
        import tomlkit

        values = {key: value for key, value in dataclasses.asdict(self).items() if value != ""}
        if self.weights:
            values["training"] = {"precision": self.training.precision}
        return tomlkit.dumps(values)


def build(schema: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """A dataclass from plain values. Raises UsageError naming the key that is unknown or mistyped."""
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown_keys(schema, values, where)
    try:
        return TypeAdapter(schema).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raised = first.get("ctx", {}).get("error")
        if isinstance(raised, UsageError):
            raise raised from None
        key = ".".join([*filter(None, [where]), *(str(part) for part in first["loc"])])
        raise UsageError(f"{key} = {short_repr(first['input'])}: {first['msg'].lower()}") from None


def _refuse_unknown_keys(schema: Any, values: Mapping[str, Any], where: str) -> None:
    hints = get_type_hints(schema)
    for key, value in values.items():
        if key not in hints:
            raise UsageError(unknown_name(f"key in [{where}]:" if where else "key", key, hints))
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            _refuse_unknown_keys(hints[key], value, f"{where}.{key}" if where else key)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a configuration file. Raises UsageError when it is missing or not TOML."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    # Also what is no UTF-8, an integer of thousands of digits, and tables nested without end.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    level: list[Any] = [values]
    for _ in range(_MAX_DEPTH):
        level = [below for value in level for below in _children(value)]
    if level:
        raise UsageError(f"{path}: tables or arrays more than {_MAX_DEPTH} deep, expected a configuration")
    return values


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, tables merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
