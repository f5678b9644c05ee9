"""What is asked of a data set. Each check raises AssertionError that says what was found and expected."""

import dataclasses
import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fcrbench.config import DatasetConfig, RunConfig
from fcrbench.datasets import Dataset, DatasetSpec, Sample, registry
from fcrbench.datasets.relabel import consecutive
from fcrbench.errors import DataError, UsageError, describe_error
from fcrbench.plugins import load_attribute
from fcrbench.testing.expect import expect, expect_light, expect_lines, run_python

HEAVY = (
    "torch",
    "lightning_fabric",
    "skimage",
    "matplotlib",
    "pandas",
    "tifffile",
    "imagecodecs",
    "PIL",
    "h5py",
)


@dataclass(frozen=True)
class DatasetCase:
    """See DatasetTests for the fields."""

    dataset: str
    options: Mapping[str, Any]
    root: str | os.PathLike[str] | None
    fields: int

    @cached_property
    def where(self) -> str:
        """ "module:ATTRIBUTE" of the description."""
        if ":" in self.dataset:
            return self.dataset
        registry.spec(self.dataset)  # offers close names
        return registry.installed()[self.dataset].where

    @cached_property
    def spec(self) -> DatasetSpec:
        spec: DatasetSpec = load_attribute(self.where)
        return spec

    def create(self) -> Dataset:
        return registry.create(self.spec, self.root, **self.options)

    def listed(self) -> Dataset:
        """It, once its splits are known to be sound."""
        dataset = self.create()
        try:
            _ = dataset.splits
        except DataError as error:
            raise AssertionError(f"its splits are refused: {error}") from error
        return dataset

    def chosen(self, dataset: Dataset) -> list[str]:
        """The first ids of each split."""
        return [id_ for ids in dataset.splits.values() for id_ in ids[: self.fields]]

    def load(self, dataset: Dataset) -> Iterator[Sample]:
        """The first fields of each split."""
        for id_ in self.chosen(dataset):
            try:
                yield dataset.load(id_)
            except Exception as error:
                raise AssertionError(f"field {id_} cannot be loaded: {describe_error(error)}") from error


def check_description(case: DatasetCase) -> None:
    """Its description is imported without anything heavy, and describes the class that it names."""
    expect_light(case.where, HEAVY, ", and listing data sets imports it: import these where pixels are read")
    expect_lines(case.spec, "name", "title", "licence", "citation", "source", "how_to_get")
    created, attribute = case.create(), case.where.partition(":")[2]
    expect(isinstance(created, Dataset), f"{case.spec.factory} is not a Dataset")
    expect(
        getattr(created, "spec", None) == case.spec,
        f"{case.spec.factory} has another spec than {case.where}; write `spec = {attribute}` in the class",
    )


def check_listed(case: DatasetCase) -> None:
    """`fcrbench datasets` lists it."""
    code = "import sys; from fcrbench.cli import main; sys.exit(main(['datasets']))"
    listed = run_python(code, "`fcrbench datasets` fails")
    expect(
        f"\n{case.spec.name}: {case.spec.title}" in f"\n{listed}",
        f"`fcrbench datasets` does not list {case.spec.name}",
    )


def check_options(case: DatasetCase) -> None:
    """Options are the same after a configuration file in TOML; one that does not exist is refused."""
    options = registry.build_options(case.spec, case.options)
    values = dataclasses.asdict(options)
    try:
        written = RunConfig(dataset=DatasetConfig(case.spec.name, options=values)).to_toml()
        read = tomllib.loads(written)["dataset"].get("options", {})
        again = registry.build_options(case.spec, read)
    except Exception as error:
        raise AssertionError(f"options {values} cannot be written as TOML and read: {error}") from error
    expect(again == options, f"options {options} become {again} when they are written as TOML and read")
    unknown = {**case.options, "no_such_option": 1}
    _expect_error(
        UsageError,
        "no_such_option",
        lambda: registry.create(case.spec, case.root, **unknown),
        "an unknown option",
    )


def check_splits(case: DatasetCase) -> None:
    """There are fields to train and validate with, each listed once, under an id that can name a file."""
    splits = case.listed().splits
    for split in ("train", "val"):
        expect(bool(splits.get(split)), f"the split {split!r} has no field; there are {_counts(splits)}")


def check_fields(case: DatasetCase) -> None:
    """Each field is an image of one channel, with labels 0..N of the same shape."""
    largest = 0
    for sample in case.load(case.listed()):
        image, labels, where = sample.image, sample.labels, f"of field {sample.id}"
        expect(image.size > 0, f"the image {where} has no pixel")
        expect(bool(np.isfinite(image).all()), f"the image {where} holds NaN or infinity")
        expect(
            labels.shape == image.shape and labels.dtype == np.int32,
            f"the labels {where} are {labels.dtype} {labels.shape}; expected int32 {image.shape}",
        )
        expect(
            np.array_equal(labels, consecutive(labels)),
            f"the labels {where} are not numbered 1..N in the order of their first pixels",
        )
        largest = max(largest, int(labels.max()))
    expect(largest > 0, "none of the fields that were read has an object")


def check_deterministic(case: DatasetCase) -> None:
    """Built again, or in another process, splits are the same; read in any order, fields are the same."""
    first, second = case.listed(), case.listed()
    expect(first.splits == second.splits, "splits differ between two data sets of the same options")
    options = registry.build_options(case.spec, case.options)
    root = None if case.root is None else os.fspath(case.root)
    code = (
        "import json; from fcrbench.datasets import create; from fcrbench.plugins import load_attribute\n"
        f"spec = load_attribute({case.where!r})\n"
        f"options = json.loads({json.dumps(dataclasses.asdict(options))!r})\n"
        f"print(json.dumps(create(spec, {root!r}, **options).splits))"
    )
    for seed in ("1", "2"):
        printed = run_python(code, "the splits cannot be listed in another process", PYTHONHASHSEED=seed)
        splits = {split: tuple(ids) for split, ids in json.loads(printed.splitlines()[-1]).items()}
        expect(
            splits == first.splits,
            "splits differ between two processes: an order taken from a set, a hash or a folder is not kept; "
            "sort the ids",
        )
    backwards = {id_: second.load(id_) for id_ in reversed(case.chosen(second))}
    for sample in case.load(first):
        other = backwards[sample.id]
        expect(
            np.array_equal(sample.image, other.image) and np.array_equal(sample.labels, other.labels),
            f"field {sample.id} differs when it is read again",
        )


def check_errors(case: DatasetCase) -> None:
    """An id or a split that is not there is refused by name."""
    dataset = case.listed()
    _expect_error(UsageError, "no such field", lambda: dataset.load("no such field"), "an unknown id")
    _expect_error(UsageError, "no such split", lambda: dataset.samples("no such split"), "an unknown split")


def check_missing_files(case: DatasetCase) -> None:
    """Without its folder, or with an empty one, the error says so and names the folder."""

    def splits(root: Path | None) -> object:
        return registry.create(case.spec, root, **case.options).splits

    _expect_error(UsageError, case.spec.how_to_get, lambda: splits(None), "no folder")
    with tempfile.TemporaryDirectory() as name:
        absent, empty = Path(name, "absent"), Path(name, "empty")
        empty.mkdir()
        _expect_error(DataError, str(absent), lambda: splits(absent), "a folder that is not there")
        _expect_error(DataError, str(empty), lambda: splits(empty), "an empty folder")


def _expect_error(kind: type[Exception], words: str, call: Callable[[], object], what: str) -> None:
    try:
        call()
    except kind as error:
        expect(words in str(error), f"the error for {what} is {str(error)!r}; expected {words!r} in it")
    except Exception as error:
        raise AssertionError(
            f"{what} raises {type(error).__name__} ({error}); expected {kind.__name__}"
        ) from error
    else:
        raise AssertionError(f"{what} raises nothing; expected {kind.__name__}")


def _counts(splits: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{len(ids)} in {split!r}" for split, ids in splits.items()) or "no splits"
