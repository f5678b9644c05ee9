"""Discriminative Loss: an embedding whose objects are far apart, clustered by mean shift."""
