"""COCO annotations, decoded again from the format's definition."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import label_images, laid_out

from fcrbench import datasets
from fcrbench.export import coco


def decoded(segmentation):
    """A mask from compressed run lengths: columns one after the other, lengths of 0s first."""
    height, width = segmentation["size"]
    counts, value, shift = [], 0, 0
    for character in segmentation["counts"]:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
        value = shift = 0
    assert all(n > 0 for n in counts[1:])
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    return flat.reshape(width, height).T.astype(bool)


def check(labels):
    document = json.loads(json.dumps(coco([("a.tif", labels)])))
    assert document["images"] == [
        {"id": 1, "file_name": "a.tif", "width": labels.shape[1], "height": labels.shape[0]}
    ]
    annotations = document["annotations"]
    assert [a["label"] for a in annotations] == [k for k in np.unique(labels).tolist() if k]
    for a in annotations:
        mask = labels == a["label"]
        np.testing.assert_array_equal(decoded(a["segmentation"]), mask)
        assert a["area"] == mask.sum()
        y, x = np.nonzero(mask)
        assert a["bbox"] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]


@settings(max_examples=30)
@given(st.data(), st.integers(1, 9), st.integers(1, 9))
def test_run_lengths_are_the_labels_again(data, height, width):
    labels = data.draw(label_images((height, width)))
    check(labels)
    assert coco([("", data.draw(laid_out(labels)))]) == coco([("", labels)])


def test_long_runs_take_several_characters():
    labels = np.zeros((3000, 700), np.int32)
    labels[1500:2990, 3:650] = 7
    labels[2999, 699] = 2
    check(labels)


def real_labels(n=1):
    dataset = datasets.create("sample")
    return [dataset.load(name).labels for name in dataset.splits["val"][:n]]


@pytest.mark.parametrize("masks", ["rle", "polygons"])
def test_the_reference_implementation_reads_them(masks, tmp_path):
    pycocotools = pytest.importorskip("pycocotools.coco")
    first, second = real_labels(2)
    first[200:210, 200:210] = first.max() + 1
    first[203:205, 203:206] = 0  # a hole
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco([("a.tif", first), ("b.tif", second)], masks)))
    read = pycocotools.COCO(str(path))
    for image_id, labels in ((1, first), (2, second)):
        again = np.zeros_like(labels)
        for a in read.loadAnns(read.getAnnIds(imgIds=[image_id])):
            again[read.annToMask(a).astype(bool)] = a["label"]
        np.testing.assert_array_equal(again, labels)
    kinds = {type(a["segmentation"]) for a in read.dataset["annotations"]}
    assert kinds == ({dict} if masks == "rle" else {dict, list})


def test_ids_count_through_all_images():
    document = coco(
        [("a", np.eye(2, dtype=int)), ("b", np.zeros((2, 2), int)), ("c", 5 * np.ones((2, 3), int))]
    )
    assert [a["id"] for a in document["annotations"]] == [1, 2]
    assert [a["image_id"] for a in document["annotations"]] == [1, 3]
    assert len(document["images"]) == 3
    with pytest.raises(ValueError, match="masks: expected one of rle, polygons, found 'png'"):
        coco([], "png")
