"""Data sets with one fault each, for the tests of the tester, and one without. See `made`."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fcrbench.datasets import Dataset, DatasetSpec

IMAGE = np.arange(12, dtype=np.uint16).reshape(3, 4)
LABELS = np.array([[0, 7, 7, 0], [3, 3, 0, 0], [0, 0, 0, 200]], np.uint8)
CALLS = itertools.count()


class Sound(Dataset):
    """Fields of a text file "split id" a line, or of `splits`."""

    splits_of_all = {"train": ["a", "b"], "val": ["c"]}  # noqa: RUF012

    def list_splits(self):
        return self.splits_of_all

    def read(self, sample_id):
        return IMAGE + np.uint16(len(sample_id)), LABELS


class SoundFolder(Sound):
    def list_splits(self):
        ids = sorted(path.stem for path in self.root.iterdir())
        return {"train": ids[1:], "val": ids[:1]}


def lists(**splits):
    return {"splits_of_all": splits}


def reads(image=IMAGE, labels=LABELS):
    return {"read": lambda self, sample_id: (image, labels)}


def of_hash(self):
    """Ids in the order of a set: another one in each process."""
    return {"train": list({f"field-{i}" for i in range(20)}), "val": ["c"]}


def of_calls(self):
    return {"train": [f"field-{next(CALLS)}"], "val": ["c"]}


def random_image(self, sample_id):
    return IMAGE + np.uint16(next(CALLS)), LABELS


def fails_to_read(self, sample_id):
    raise KeyError("pixels")


def first_file(self):
    return {"train": [sorted(self.root.iterdir())[0].stem], "val": ["c"]}


def made(name: str, base: type = Sound, facts: dict[str, Any] | None = None, **members: Any) -> DatasetSpec:
    """The spec of a class that differs from `base` in these members; both are put into this module."""
    needs_root = issubclass(base, SoundFolder)
    given = {"name": name.lower(), "title": "made in a test", "licence": "CC0", "citation": "none"}
    given |= {"source": "here", "how_to_get": "write them", "needs_root": needs_root}
    spec = DatasetSpec(**given | {"factory": f"{__name__}:{name}Class"} | (facts or {}))  # type: ignore[arg-type]
    globals()[f"{name}Class"] = type(name, (base,), {"spec": spec, **members})
    return spec


@dataclass(frozen=True)
class AnyOption:
    scales: Any = (1, 2)


@dataclass(frozen=True)
class NoneOption:
    crop: int | None = None


SOUND = made("Sound")
FOLDER = made("Folder", SoundFolder)
TWO_LINES = made("TwoLines", facts={"title": "two\nlines"})
OTHER_SPEC = made("OtherSpec")
OtherSpecClass.spec = SOUND  # type: ignore[name-defined]  # noqa: F821
NO_DATASET = made("NoDataset", facts={"factory": "builtins:print"})
UNLISTED = made("Unlisted")
ANY_OPTION = made("AnyOption", facts={"options": AnyOption})
NONE_OPTION = made("NoneOption", facts={"options": NoneOption})
TWICE = made("Twice", **lists(train=["a", "a"], val=["c"]))
BOTH = made("Both", **lists(train=["a", "c"], val=["c"]))
UPPER_CASE = made("UpperCase", **lists(train=["a", "b"], val=["A"]))
NO_FILE_NAME = made("NoFileName", **lists(train=["a/b"], val=["c"]))
NO_VAL = made("NoVal", **lists(train=["a"]))
EMPTY_VAL = made("EmptyVal", **lists(train=["a"], val=[]))
NOT_A_NUMBER = made("NotANumber", **reads(image=np.full((3, 4), np.nan)))
NO_PIXEL = made("NoPixel", **reads(np.zeros((0, 4)), np.zeros((0, 4), int)))
COLOUR = made("Colour", **reads(image=np.dstack([IMAGE] * 3)))
OTHER_SHAPE = made("OtherShape", **reads(labels=LABELS[:2]))
FLOAT_LABELS = made("FloatLabels", **reads(labels=LABELS.astype(float)))
NEGATIVE = made("Negative", **reads(labels=LABELS.astype(int) - 1))
NO_OBJECT = made("NoObject", **reads(labels=np.zeros((3, 4), int)))
UNREADABLE = made("Unreadable", read=fails_to_read)
OF_HASH = made("OfHash", list_splits=of_hash)
OF_CALLS = made("OfCalls", list_splits=of_calls)
RANDOM_IMAGE = made("RandomImage", read=random_image)
NO_EMPTY_FOLDER = made("NoEmptyFolder", SoundFolder, list_splits=first_file)
