"""Numba kernels: contiguous arrays in, arrays out, no checks. The checked API is one level up."""
