"""Flat-kernel mean shift of an embedding, used by all methods that learn one."""
