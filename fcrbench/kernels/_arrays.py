"""Arrays made ready for the kernels, with as few compiled versions of each kernel as possible."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def flat_unsigned(array: NDArray) -> NDArray:
    """The pixels of an integer or boolean array as a flat unsigned array of the same width.

    No copy where the array is C-contiguous and in native byte order. Only equality matters to the kernels, so
    the sign is dropped: four compiled versions instead of eight.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    flat = np.ascontiguousarray(array).reshape(-1).view(UNSIGNED[array.dtype.itemsize])
    return writable(flat)


def writable(array: NDArray) -> NDArray:
    """The same memory of a C-contiguous array, not marked read-only.

    Numba compiles a kernel anew for read-only arrays. The kernels never write to their inputs, so a read-only
    one is handed over through its address.
    """
    if array.flags.writeable or array.size == 0:
        return array
    buffer: Any = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    buffer.owner = array  # an address alone would not keep the memory
    return np.frombuffer(memoryview(buffer), dtype=array.dtype).reshape(array.shape)
