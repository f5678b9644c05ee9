"""Numba kernels, which take and return contiguous arrays and check nothing; their callers check arguments."""
