"""Discriminative Loss: an embedding that separates objects, clustered by mean shift."""
