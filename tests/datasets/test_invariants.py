"""What holds for every data set, whatever its class lists and reads."""

import numpy as np
import pytest

from fcrbench.datasets import Dataset, DatasetSpec
from fcrbench.errors import DataError, UsageError

SPEC = DatasetSpec("made", "made here", "CC0", "none", "here", False, "call it", "test_invariants:Made")
IMAGE = np.arange(12, dtype=np.uint16).reshape(3, 4)
LABELS = np.array([[0, 7, 7, 0], [3, 3, 0, 0], [0, 0, 0, 200]], np.uint8)


class Made(Dataset):
    spec = SPEC

    def __init__(self, splits, image=IMAGE, labels=LABELS):
        super().__init__()
        self.given, self.image, self.labels = splits, image, labels

    def list_splits(self):
        return self.given

    def read(self, sample_id):
        return self.image, self.labels


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": ["a", "b", "a"], "val": ["c"]}, "data set made: field a is listed twice in train$"),
        ({"train": ["a", "b"], "val": ["b"]}, "data set made: field b is listed in both train and val$"),
        ({"train": ["a"], "val": ["c"], "test": ["c"]}, "field c is listed in both val and test"),
        ({"train": ["a1"], "val": ["A1"]}, "'a1' in train and 'A1' in val differ only in upper and lower"),
        ({"train": ["e\u0301", "\u00e9"], "val": []}, "how accents are encoded"),
        ({"train": ["a/b"], "val": []}, "the id 'a/b' in train cannot be used as a file name"),
        ({"train": ["a"], "val": ["b", ""]}, "the id '' in val cannot be"),
        ({"train": [".."], "val": []}, "the id '..' in train cannot be"),
        ({"train": [".a"], "val": []}, "the id '.a' in train cannot be"),
        ({"train": ["a\0"], "val": []}, "cannot be used as a file name"),
        ({"train": [1, 2], "val": []}, "the id 1 in train cannot be"),
        ({"train": [], "val": []}, "data set made lists no field; to get it: call it"),
    ],
)
def test_what_cannot_be_listed(splits, message):
    with pytest.raises(DataError, match=message):
        _ = Made(splits).splits
    with pytest.raises(DataError, match=message):
        Made(splits).samples("train")
    with pytest.raises(DataError, match=message):
        Made(splits).load("a")


def test_splits_are_asked_for_once_and_kept():
    dataset = Made({"train": ["b", "a"], "val": ["c"]})
    assert dataset.splits == {"train": ("b", "a"), "val": ("c",)}
    dataset.given["val"].append("a")
    assert dataset.splits == {"train": ("b", "a"), "val": ("c",)}


def test_labels_are_numbered_in_raster_order():
    dataset = Made({"train": ["a"], "val": ["b"]})
    field = dataset.load("b")
    assert field.id == "b"
    assert field.labels.dtype == np.int32
    assert field.labels.tolist() == [[0, 1, 1, 0], [2, 2, 0, 0], [0, 0, 0, 3]]
    np.testing.assert_array_equal(field.image, IMAGE)
    with pytest.raises(UsageError, match="no field 'c' in the data set made"):
        dataset.load("c")


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"labels": LABELS[:2]}, r"made: field a: the labels are \(2, 4\), the image is \(3, 4\)"),
        ({"labels": LABELS.astype(float)}, "the labels are float64, expected integers"),
        ({"labels": LABELS > 0}, "the labels are bool, expected integers"),
        ({"labels": LABELS.astype(int) - 1}, "the labels hold -1, expected 0 and positive ids"),
        (
            {"image": np.dstack([IMAGE] * 3)},
            r"the image is uint16 \(3, 4, 3\), expected .* \(rows, columns\)",
        ),
        ({"image": IMAGE > 3}, r"the image is bool \(3, 4\), expected integers or floats"),
    ],
)
def test_what_no_field_can_be(replaced, message):
    with pytest.raises(DataError, match=message):
        Made({"train": ["a"], "val": []}, **replaced).load("a")


@pytest.mark.parametrize(("checked", "own"), [("splits", "list_splits"), ("load", "read")])
def test_the_checks_cannot_be_overridden(checked, own):
    with pytest.raises(TypeError, match=f"Mine overrides {checked}, which checks what {own} returns"):
        type("Mine", (Dataset,), {checked: lambda self: {}})


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"factory": "module.Class"}, r"factory is 'module.Class'; expected \"module:Class\""),
        ({"options": dict}, "options is <class 'dict'>; expected a dataclass"),
    ],
)
def test_a_description_without_its_parts_is_refused(replaced, message):
    facts = dict.fromkeys(("name", "title", "licence", "citation", "source", "how_to_get"), "x")
    with pytest.raises(ValueError, match=f"DatasetSpec 'x': {message}"):
        DatasetSpec(**{**facts, "needs_root": False, "factory": "a:B"} | replaced)
