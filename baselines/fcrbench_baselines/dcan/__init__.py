"""DCAN (Chen et al. 2016): one network predicts objects and contours, which are fused into instances."""
