"""The schema of a run's configuration: frozen dataclasses that are read from and written to TOML."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from fcrbench.errors import UsageError, short_repr, unknown_name
from fcrbench.text import to_unicode

T = TypeVar("T")
_MAX_DEPTH = 32  # nested tables; deeper ones would exceed Python's recursion limit later


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained. The defaults are those of the preset "default".

    epochs           passes over the training fields
    crops_per_image  number of crops from each field in one epoch
    batch_size       number of crops per step
    crop             side of a crop in pixels
    resize           fields of any shape are resized to resize x resize pixels before crops are taken from
                     them; 0 = no resizing. This is only for training: fields are segmented and scored at
                     their own size
    min_object       truth objects with fewer pixels, after resizing, are background in the training. Scores
                     are always against the full truth of the data set
    learning_rate    learning rate of AdamW after the warm-up
    schedule         "cosine" falls to 0; "staircase" multiplies the rate by decay every decay_epochs
    warmup_steps     number of steps over which the learning rate rises linearly
    clip_norm        largest gradient norm; 0 = no clipping
    average          decay of the running mean of the weights, which is evaluated; 0 = no mean
    augment          whether crops are flipped, turned by quarters, scaled and changed in intensity; crops are
                     always random
    zoom             largest change of the logarithm of the scale in the augmentation; 0 = no scaling
    precision        "auto": bfloat16 if the device computes it natively, else float32; "32"; "bf16"
    validate_every   number of epochs between validations; the last epoch is always validated
    workers          number of processes that prepare crops; 0 = the training process does it; "auto": 0 on a
                     CPU, else the number of free cores, up to 4
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
    """The data set of a run: a name that `fcrbench datasets` lists, its folder, and its options."""

    name: str = "sample"
    root: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("name", "root"):
            if key in self.options:
                raise UsageError(f"dataset.options.{key} is not an option; give it as dataset.{key}")


@dataclass(frozen=True)
class RunConfig:
    """All settings that decide the result of a run.

    method, preset, options  the method, a named set of its values, and values that replace some of them
    weights                  weights to score without training: "default", a run directory or a file
    init                     weights from which the training starts, given in the same way
    deterministic            use GPU algorithms that repeat a run bit for bit, which are slower; runs on the
                             CPU are always repeatable
    evaluate                 which weights are scored: "last" for the last epoch, or "best" for the best
                             validation PQ, which is optimistic because it was chosen on the scored fields
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
                "weights and init are both given; weights are only scored, init is trained further"
            )

    @property
    def given_weights(self) -> str:
        """The weights with which the run begins, to score or to train them; "" = new random weights."""
        return self.weights or self.init

    def to_toml(self) -> str:
        """Return the configuration as TOML for `read_toml`, without values that have no effect here."""
        import tomlkit

        values = {key: value for key, value in dataclasses.asdict(self).items() if value != ""}
        if self.weights:
            values["training"] = {"precision": self.training.precision}
        return tomlkit.dumps(values)


def build(schema: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build a dataclass from plain values. Raise UsageError naming a key that is unknown or mistyped."""
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown_keys(schema, values, where)
    _refuse_infinite(values, where)
    values = _with_valid_text(values)
    try:
        return TypeAdapter(schema).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raised = first.get("ctx", {}).get("error")
        if isinstance(raised, UsageError):
            raise raised from None
        key = ".".join([*filter(None, [where]), *(str(part) for part in first["loc"])])
        raise UsageError(f"{key} = {short_repr(first['input'])}: {first['msg'].lower()}") from None


def _with_valid_text(value: Any) -> Any:
    """Escape bytes that are no text, in the name of a folder for example; `text.find_path` finds it again."""
    if isinstance(value, str):
        return to_unicode(value)
    if isinstance(value, Mapping):
        return {key: _with_valid_text(item) for key, item in value.items()}
    return type(value)(map(_with_valid_text, value)) if isinstance(value, list | tuple) else value


def _refuse_unknown_keys(schema: Any, values: Mapping[str, Any], where: str) -> None:
    hints = get_type_hints(schema)
    for key, value in values.items():
        if key not in hints:
            raise UsageError(unknown_name(f"key in [{where}]:" if where else "key", key, hints))
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            _refuse_unknown_keys(hints[key], value, f"{where}.{key}" if where else key)


def _refuse_infinite(value: Any, key: str) -> None:
    """Raise UsageError for NaN and infinity, which no setting can have, anywhere in a configuration."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            _refuse_infinite(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_infinite(part, key)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{key} is {value}; expected a finite number")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a configuration file. Raise UsageError if it is missing or not TOML."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors of Windows write a BOM
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    # This includes text that is not UTF-8, integers with thousands of digits and deeply nested tables.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    level: list[Any] = [values]
    for _ in range(_MAX_DEPTH):
        level = [below for value in level for below in _children(value)]
    if level:
        raise UsageError(f"{path}: tables or arrays are nested more than {_MAX_DEPTH} deep")
    return values


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` updated with the values of `over`. Tables are merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
