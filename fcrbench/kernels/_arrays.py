"""Preparation of arrays for the kernels, so that few versions of each kernel are compiled."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def flat_unsigned(array: NDArray) -> NDArray:
    """Return the pixels of an integer or boolean array as a flat unsigned array of the same width.

    The array is not copied if it is C-contiguous and in native byte order. The kernels only compare pixels
    for equality, so the sign is dropped, which makes four compiled versions instead of eight.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    flat = np.ascontiguousarray(array).reshape(-1).view(UNSIGNED[array.dtype.itemsize])
    return writable(flat)


def writable(array: NDArray) -> NDArray:
    """Return a view of a C-contiguous array that is not marked read-only.

    Numba compiles another version of a kernel for read-only arrays. The kernels never write to their inputs,
    so a read-only array is passed to them as a writable array at its address.
    """
    if array.flags.writeable or array.size == 0:
        return array
    buffer: Any = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    buffer.owner = array  # keeps the memory alive
    return np.frombuffer(memoryview(buffer), dtype=array.dtype).reshape(array.shape)
