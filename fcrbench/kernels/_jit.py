"""The one place where the compilation options of every kernel are set.

Compiling is part of the first call, so the kernels keep it short: no slice assignment, concatenation or
reduction of NumPy (each compiles its own error messages or iterators), plain loops instead; arrays of one
layout and few dtypes; no literal as an argument between kernels, as each literal makes a version of its own.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit

# nogil: images are worked on by threads. error_model: no test for division by zero.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _cached(**options: Any) -> Callable[[Callable], Any]:
    """njit, compiled once per machine, not once per process: kept next to the file, or in the user's cache
    folder where that is read-only. Where no folder takes it, each process compiles for itself."""

    def decorate(function: Callable) -> Any:
        kernel: Any = njit(**options)(function)
        try:
            kernel.enable_caching()
        except RuntimeError:  # no folder can be written to
            return kernel
        # Numba guards against errors of the disk on Windows only; a full one must not stop the work.
        kernel._cache._guard_against_spurious_io_errors = lambda: suppress(OSError)
        return kernel

    return decorate


jit = _cached(**_OPTIONS)
# For work of microseconds on tables: giving up the interpreter's lock and waiting for it again would cost
# threads more than the work itself.
short = _cached(**_OPTIONS | {"nogil": False})
# Called from other kernels only: nothing is compiled for calls from Python. Left to itself, LLVM calls even
# functions of three instructions, with every array taken apart into seven arguments.
inner = _cached(**_OPTIONS, **_NO_WRAPPERS, forceinline=True)
