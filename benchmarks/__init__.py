"""Speed: asv benchmarks, and `python -m benchmarks.peers` for a table against other implementations."""
