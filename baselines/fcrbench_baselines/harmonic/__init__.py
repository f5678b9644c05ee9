"""Harmonic Embedding (Kulikov & Lempitsky 2020): pixels regress the guide values of their object."""
