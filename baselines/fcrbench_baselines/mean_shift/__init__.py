"""Flat-kernel mean shift of an embedding: what the methods that learn one share."""
