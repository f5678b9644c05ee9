"""Predictions against the truth of a data set, and what a finished run has recorded of them."""
