"""The one place where the compilation options of every kernel are set.

Compiling is part of the first call, so the kernels keep it short: no slice assignment, concatenation or
reduction of NumPy (each compiles its own error messages or iterators), plain loops instead; arrays of one
layout and few dtypes; no literal as an argument between kernels, as each literal makes a version of its own.
"""

from typing import Any

from numba import njit

# cache: compiled once per machine, not once per process (next to the file, or in the user's cache folder
# where that is read-only). nogil: images are worked on by threads. error_model: no test for division by zero.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}

_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

jit = njit(**_OPTIONS)
# For work of microseconds on tables: giving up the interpreter's lock and waiting for it again would cost
# threads more than the work itself.
short = njit(**_OPTIONS | {"nogil": False})
# Called from other kernels only: nothing is compiled for calls from Python. Left to itself, LLVM calls even
# functions of three instructions, with every array taken apart into seven arguments.
inner = njit(**_OPTIONS, **_NO_WRAPPERS, forceinline=True)
