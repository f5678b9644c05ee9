"""Neighbours and the dynamic colouring, against their definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcrbench.kernels.coloring import dynamic_coloring
from fcrbench.kernels.neighbours import neighbour_matrix


def naive_neighbours(labels, n, distance):
    near = np.zeros((n + 1, n + 1), bool)
    pixels = {i: np.argwhere(labels == i) for i in range(1, n + 1)}
    for i, j in itertools.combinations(range(1, n + 1), 2):
        if len(pixels[i]) and len(pixels[j]):
            gap = ((pixels[i][:, None] - pixels[j][None]) ** 2).sum(-1).min()
            near[i, j] = near[j, i] = gap <= distance**2
    return near


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    n=st.integers(0, 6),
    share=st.floats(0, 1),
    distance=st.integers(0, 7),
)
def test_neighbours_are_the_objects_within_the_distance(seed, shape, n, share, distance):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(shape) < share, rng.integers(0, n + 1, shape), 0).astype(np.int32)
    np.testing.assert_array_equal(
        neighbour_matrix(labels, n, distance), naive_neighbours(labels, n, distance)
    )


def test_a_lone_object_takes_its_cheapest_color():
    cost = np.array([[3.0, 1.0, 2.0]], np.float32)
    assert dynamic_coloring(cost, np.zeros((1, 1), bool), 5.0).tolist() == [1]


def test_the_confident_object_chooses_first():
    cost = np.array([[0.0, 0.1], [0.0, 9.0]], np.float32)
    near = np.array([[False, True], [True, False]])
    assert dynamic_coloring(cost, near, 5.0).tolist() == [1, 0]


def test_a_neighbour_is_cheaper_than_a_color_that_is_far_too_wrong():
    cost = np.array([[0.0, 9.0], [0.0, 9.0]], np.float32)
    near = np.array([[False, True], [True, False]])
    assert dynamic_coloring(cost, near, 5.0).tolist() == [0, 0]


@pytest.mark.parametrize("colors", [2, 3, 4])
def test_indifferent_objects_on_a_line_get_a_valid_coloring(colors):
    n = 20
    near = np.eye(n, k=1, dtype=bool) | np.eye(n, k=-1, dtype=bool)
    cost = np.zeros((n, colors), np.float32)
    color = dynamic_coloring(cost, near, 5.0)
    assert (color[1:] != color[:-1]).all()


def test_no_objects_need_no_colors():
    assert dynamic_coloring(np.zeros((0, 3), np.float32), np.zeros((0, 0), bool), 5.0).shape == (0,)
