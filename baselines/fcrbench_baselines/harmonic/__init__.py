"""Harmonic Embedding (Kulikov & Lempitsky 2020): each pixel predicts the guide values of its object."""
