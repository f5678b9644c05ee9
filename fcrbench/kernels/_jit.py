"""The compilation options of all kernels.

Kernels are compiled at their first call, so they are written to compile quickly. They use plain loops instead
of NumPy's slice assignment, concatenation or reductions, each of which compiles its own error messages or
iterators. They take arrays of one layout and few dtypes. Kernels do not pass literals to each other, as each
literal would be compiled as a version of its own.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit

# nogil: threads work on several images at once. error_model: do not test for division by zero.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _cached(**options: Any) -> Callable[[Callable], Any]:
    """Return `njit` with a cache on disk, so that kernels are compiled once per machine.

    The cache is next to the file or, if that folder is read-only, in the user's cache folder. If no folder
    can be written to, each process compiles the kernels again.
    """

    def decorate(function: Callable) -> Any:
        kernel: Any = njit(**options)(function)
        try:
            kernel.enable_caching()
        except RuntimeError:  # no folder is writable
            return kernel
        # Numba ignores disk errors on Windows only, but a full disk must not stop the work on any system.
        kernel._cache._guard_against_spurious_io_errors = lambda: suppress(OSError)
        return kernel

    return decorate


jit = _cached(**_OPTIONS)
# For kernels that take microseconds: releasing the interpreter's lock and waiting for it again would cost
# threads more time than the work itself.
jit_with_gil = _cached(**_OPTIONS | {"nogil": False})
# For functions that only other kernels call: no wrapper for calls from Python is compiled. Without forced
# inlining, LLVM calls even functions of three instructions and passes every array as seven arguments.
jit_inline = _cached(**_OPTIONS, **_NO_WRAPPERS, forceinline=True)
