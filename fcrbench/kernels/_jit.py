"""The one place where the compilation options of every kernel are set."""

from numba import njit

# cache: compiled once per machine, not once per process. nogil: images are worked on by threads.
jit = njit(cache=True, nogil=True)
inline = njit(cache=True, nogil=True, inline="always")
