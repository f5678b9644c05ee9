"""COCO annotations: one file for many images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcrbench.export.objects import ObjectRuns, object_runs
from fcrbench.export.polygons import polygons
from fcrbench.kernels.properties import sum_moments
from fcrbench.kernels.rle import encode_counts
from fcrbench.labels import as_labels
from fcrbench.text import to_unicode

Masks = Literal["rle", "polygons"]
Entry = dict[str, Any]
_CHARACTERS = 13  # the most characters of 5 bits that a signed 64-bit number may take
CATEGORY = {"id": 1, "name": "nucleus", "supercategory": "cell"}


def coco(images: Iterable[tuple[str, ArrayLike]], masks: Masks = "rle") -> dict[str, Any]:
    """Return COCO annotations of many label images, ready for JSON.

    Args:
        images: (file name, labels) of each image; labels (H, W), any integer dtype, 0 = background.
        masks: "rle" writes compressed run lengths, which are exact for every object. "polygons" writes the
            pixel edges of objects without holes, and run lengths for the others, because COCO polygons cannot
            have holes.

    An annotation has the id of the object in the key "label", because the COCO key "id" is a number that is
    unique over all images. Areas are in pixels, and boxes are x, y, width, height.

    Raises TypeError for labels that are not integers, ValueError for another shape, a negative id or unknown
    masks.
    """
    check_masks(masks)
    return join_annotations(annotate(name, labels, masks) for name, labels in images)


def check_masks(masks: str) -> None:
    if masks not in get_args(Masks):
        raise ValueError(f"masks: expected one of {', '.join(get_args(Masks))}, found {masks!r}")


def join_annotations(images: Iterable[tuple[Entry, list[Entry]]]) -> dict[str, Any]:
    """Number images and their annotations (see `annotate`) and combine them to one document."""
    entries: list[Entry] = []
    annotations: list[Entry] = []
    for image_id, (entry, found) in enumerate(images, 1):
        entries.append({"id": image_id, **entry})
        annotations += (
            {"id": number, "image_id": image_id, **annotation}
            for number, annotation in enumerate(found, len(annotations) + 1)
        )
    return {"images": entries, "annotations": annotations, "categories": [CATEGORY]}


def annotate(name: str, labels: ArrayLike, masks: Masks) -> tuple[Entry, list[Entry]]:
    """Return the entry of one image and its annotations for `coco`, without their numbers."""
    array = as_labels(labels, name)
    objects = object_runs(array)
    height, width = objects.shape
    sums = np.zeros((len(objects.ids) + 1, 8), np.int64)
    boxes = np.zeros((len(objects.ids) + 1, 4), np.int64)
    sum_moments(objects.paint(), sums, boxes)
    segmentations = _segmentations(array, objects, masks)
    annotations = [
        {
            "category_id": CATEGORY["id"],
            "label": label,
            "segmentation": segmentation,
            "area": area,
            "bbox": [x, y, x_end - x, y_end - y],
            "iscrowd": 0,
        }
        for label, area, (y, x, y_end, x_end), segmentation in zip(
            objects.ids.tolist(), sums[1:, 2].tolist(), boxes[1:].tolist(), segmentations, strict=True
        )
    ]
    return {"file_name": to_unicode(name), "width": width, "height": height}, annotations


def _segmentations(array: NDArray, objects: ObjectRuns, masks: Masks) -> list[Any]:
    codes = run_lengths(array)
    size = list(objects.shape)
    found: list[Any] = [{"size": size, "counts": code} for code in codes]
    if masks == "polygons":
        for i, parts in enumerate(polygons(array).values()):
            if not any(part.holes for part in parts):
                found[i] = [part.outer.reshape(-1).tolist() for part in parts]
    return found


def run_lengths(labels: ArrayLike) -> list[str]:
    """Return the compressed COCO run lengths of the mask of every object, by ascending id.

    A mask is read column by column. The lengths of 0s and 1s alternate and begin with 0s. See `kernels.rle`.
    """
    columns = object_runs(as_labels(labels, "labels").T)
    n = len(columns.ids)
    if n == 0:
        return []
    size = int(columns.starts[-1])
    order = np.argsort(columns.index, kind="stable")
    order = order[np.searchsorted(columns.index[order], 1) :]  # without background
    owner, starts, stops = columns.index[order], columns.starts[order], columns.starts[order + 1]
    # A run that continues at the top of the next column counts as one run.
    first = np.ones(len(order), bool)
    first[1:] = (owner[1:] != owner[:-1]) | (starts[1:] != stops[:-1])
    last = np.append(first[1:], True)
    owner, starts, stops = owner[first], starts[first], stops[last]
    begins = np.ones(len(owner), bool)
    begins[1:] = owner[1:] != owner[:-1]
    before = np.where(begins, 0, np.append(0, stops[:-1]))
    ends = np.append(begins[1:], True)
    # The counts of a run are the 0s before it and its 1s. If the mask ends with 0s, they follow the last run.
    tail = ends & (stops < size)
    columns_of_counts = np.stack([starts - before, stops - starts, size - stops], axis=1)
    used = np.stack([np.ones_like(tail), np.ones_like(tail), tail], axis=1)
    counts = columns_of_counts[used]
    mask_ends = np.cumsum(used.sum(axis=1))[ends]
    text = np.empty(_CHARACTERS * len(counts), np.uint8)
    text_ends = np.empty(n, np.int64)
    encode_counts(counts, mask_ends, text, text_ends)
    joined = text[: text_ends[-1]].tobytes().decode("ascii")
    return [joined[a:b] for a, b in zip([0, *text_ends.tolist()], text_ends.tolist(), strict=False)]
