"""DCAN (Chen et al. 2016): objects and their contours in one network, fused into instances."""
