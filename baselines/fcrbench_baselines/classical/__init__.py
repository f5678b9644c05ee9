"""Otsu's threshold, distance transform and watershed: a baseline without training."""
