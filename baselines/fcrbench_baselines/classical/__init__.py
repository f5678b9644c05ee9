"""Otsu's threshold, distance transform and watershed: no training, what any method must beat."""
