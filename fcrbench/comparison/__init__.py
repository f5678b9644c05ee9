"""Compares finished runs of several methods on the same fields."""

from fcrbench.comparison.rows import Comparison, Estimate, Row, compare_runs

__all__ = ["Comparison", "Estimate", "Row", "compare_runs"]
