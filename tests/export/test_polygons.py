"""Outlines against what they stand for: filled in, they are the labels again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import label_images, laid_out

from fcrbench import datasets
from fcrbench.export import polygons
from fcrbench.export.polygons import twice_area


def inside(ring, shape):
    """Pixels whose centre a vertical ray leaves through an odd number of horizontal edges: (H, W) bool."""
    flips = np.zeros((shape[0] + 1, shape[1]), int)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        assert (x0 == x1) != (y0 == y1), "edges follow the pixels' edges and have a length"
        if y0 == y1:
            flips[y0, min(x0, x1) : max(x0, x1)] += 1
    return (np.cumsum(flips, axis=0)[:-1] % 2).astype(bool)


def filled(parts, shape):
    mask = np.zeros(shape, bool)
    for part in parts:
        piece = inside(part.outer, shape)
        assert twice_area(part.outer) == 2 * piece.sum()
        for hole in part.holes:
            empty = inside(hole, shape)
            assert twice_area(hole) == -2 * empty.sum()
            assert (piece >= empty).all(), "holes are inside and do not overlap"
            piece &= ~empty
        assert not (mask & piece).any(), "parts do not overlap"
        mask |= piece
    return mask


def check(labels):
    found = polygons(labels)
    assert list(found) == [k for k in np.unique(labels).tolist() if k]
    for k, parts in found.items():
        np.testing.assert_array_equal(filled(parts, labels.shape), labels == k)
        for part in parts:
            for ring in (part.outer, *part.holes):
                assert len({tuple(p) for p in ring.tolist()}) == len(ring), "rings are simple"
                ahead, behind = np.roll(ring, -1, axis=0) - ring, ring - np.roll(ring, 1, axis=0)
                assert ((ahead * behind).sum(axis=1) == 0).all(), "every vertex is a corner"


@given(st.data(), st.integers(1, 9), st.integers(1, 9))
def test_filled_in_they_are_the_labels_again(data, height, width):
    labels = data.draw(label_images((height, width)))
    check(labels)
    found = polygons(data.draw(laid_out(labels)))
    for k, parts in polygons(labels).items():
        for a, b in zip(parts, found[k], strict=True):
            np.testing.assert_array_equal(a.outer, b.outer)


def picture(*rows):
    return np.array([[int(c) for c in row] for row in rows])


@pytest.mark.parametrize(
    ("labels", "holes"),
    [
        (picture("111", "101", "111"), [1]),
        (picture("10", "01"), [0, 0]),  # over a corner: two parts
        (picture("11111", "10011", "11001", "11111"), [1]),
        (picture("11111", "10111", "11011", "11111"), [2]),  # holes that touch over a corner
        (picture("11110", "10010", "10101", "11110"), None),  # the outside comes in over a corner
        (picture("111", "102", "111"), [0]),
        (picture("11111", "12221", "12321", "12221", "11111"), [1]),
    ],
)
def test_holes_and_corners(labels, holes):
    check(labels)
    if holes is not None:
        assert [len(part.holes) for part in polygons(labels)[1]] == holes


def test_a_real_field():
    dataset = datasets.create("sample")
    check(dataset.load(dataset.splits["val"][0]).labels[:250, :250])


def test_huge_ids_and_no_objects():
    assert list(polygons(np.array([[0, 2**63]], np.uint64))) == [2**63]
    assert polygons(np.zeros((3, 4), int)) == {}
    assert polygons(np.zeros((0, 4), int)) == {}


@pytest.mark.parametrize("labels", [np.zeros((2, 2, 2), int), np.full((2, 2), -1), np.zeros((2, 2))])
def test_what_is_no_label_image_is_refused(labels):
    with pytest.raises((TypeError, ValueError), match="labels: expected"):
        polygons(labels)
