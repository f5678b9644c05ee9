"""Arrays on their way into the kernels."""

import gc
import weakref

import numpy as np
import pytest

from fcrbench.kernels._arrays import flat_unsigned, writable


class Tracked(np.ndarray):
    """An array that can be watched."""


def test_read_only_memory_is_shared_and_kept() -> None:
    array = np.arange(6, dtype=np.int16).view(Tracked)
    array.setflags(write=False)
    alive = weakref.ref(array)
    shared = writable(array)
    assert shared.flags.writeable
    assert shared.ctypes.data == array.ctypes.data
    del array
    gc.collect()
    assert alive() is not None
    assert shared.tolist() == [0, 1, 2, 3, 4, 5]
    del shared
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i2", ">i2", ">u4", "<i8", "<u8"])
def test_values_stay_apart(dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    flat = flat_unsigned(array)
    assert flat.dtype.kind == "u"
    assert flat.dtype.isnative
    assert flat.tolist() == [0, 1, 1, 0]
    assert flat_unsigned(array.T).flags.c_contiguous


def test_no_copy_of_what_is_contiguous() -> None:
    array = np.ones((3, 4), np.int32)
    assert np.shares_memory(array, flat_unsigned(array))
