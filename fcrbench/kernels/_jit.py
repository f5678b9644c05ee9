"""The compilation options of all kernels.

Kernels are compiled at their first call, so they are written to compile quickly. They use plain loops instead
of NumPy's slice assignment, concatenation or reductions, each of which compiles its own error messages or
iterators. They take arrays of one layout and few dtypes. Kernels do not pass literals to each other, as each
literal would be compiled as a version of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numba
from numba import njit

# nogil: threads work on several images at once. error_model: do not test for division by zero.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _cached(**options: Any) -> Callable[[Callable], Any]:
    """Return `njit` with a cache on disk, so that kernels are compiled once per machine.

    The cache is next to the file or, if that folder is read-only, in the user's cache folder. If no folder
    can be written to, each process compiles the kernels again. Files of the cache that are damaged are
    replaced.
    """

    def decorate(function: Callable) -> Any:
        with _compilation_enabled():
            kernel: Any = njit(**options)(function)
        try:
            kernel.enable_caching()
        except RuntimeError:  # no folder is writable
            return kernel
        kernel._cache._guard_against_spurious_io_errors = lambda: _ignore_cache_errors(kernel._cache)
        return kernel

    return decorate


@contextmanager
def _compilation_enabled() -> Iterator[None]:
    """Compile even with NUMBA_DISABLE_JIT, which users set to debug their own code."""
    config: Any = numba.config
    disabled, config.DISABLE_JIT = config.DISABLE_JIT, 0
    try:
        yield
    finally:
        config.DISABLE_JIT = disabled


@contextmanager
def _ignore_cache_errors(cache: Any) -> Iterator[None]:
    """Go on without the cache if its disk is full or its files are damaged; then begin a new one.

    Numba itself ignores errors of the disk on Windows only.
    """
    try:
        yield
    except OSError:
        pass
    except Exception:  # an empty or truncated file, after a power cut or on a full disk
        with suppress(OSError):
            cache.flush()


jit = _cached(**_OPTIONS)
# For kernels that take microseconds: releasing the interpreter's lock and waiting for it again would cost
# threads more time than the work itself.
jit_with_gil = _cached(**_OPTIONS | {"nogil": False})
# For functions that only other kernels call: no wrapper for calls from Python is compiled. Without forced
# inlining, LLVM calls even functions of three instructions and passes every array as seven arguments.
jit_inline = _cached(**_OPTIONS, **_NO_WRAPPERS, forceinline=True)
