"""Runs of several methods on the same fields: read back, checked, set side by side."""

from fcrbench.comparison.rows import Comparison, Estimate, Row, compare_runs

__all__ = ["Comparison", "Estimate", "Row", "compare_runs"]
