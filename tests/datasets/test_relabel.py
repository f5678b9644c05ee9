"""Ids to 1..N in raster order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fcrbench.datasets.relabel import consecutive


def naive(labels, min_size=0):
    table = {0: 0}
    for value in labels.reshape(-1).tolist():
        if value not in table and np.count_nonzero(labels == value) >= min_size:
            table[value] = len(table)
    return np.array([table.get(v, 0) for v in labels.reshape(-1).tolist()]).reshape(labels.shape)


@settings(deadline=None)
@given(
    labels=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.uint32, np.int64, np.uint64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=10),
        elements=st.sampled_from([0, 1, 2, 5, 90, 127]),
    ),
    scale=st.sampled_from([1, 10**6, 2**40]),
    min_size=st.integers(0, 6),
)
def test_equals_the_definition(labels, scale, min_size):
    if labels.dtype.itemsize == 8:
        labels = labels * labels.dtype.type(scale)
    result = consecutive(labels, min_size)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, naive(labels, min_size))


def test_views_and_no_background():
    labels = np.arange(1, 13, dtype=np.uint8).reshape(3, 4).T[::-1]
    np.testing.assert_array_equal(consecutive(labels), naive(labels))
    np.testing.assert_array_equal(consecutive(labels.astype(np.int64) * 10**9), naive(labels))
