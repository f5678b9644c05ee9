"""Speed: asv benchmarks, and `python -m benchmarks.peers` to compare with other implementations."""
