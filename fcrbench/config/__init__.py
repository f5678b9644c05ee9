"""The configuration of a run: its schema, and the forms in which a user writes it."""

from fcrbench.config.schema import DatasetConfig, RunConfig, TrainingConfig, build, merge, read_toml

__all__ = ["DatasetConfig", "RunConfig", "TrainingConfig", "build", "merge", "read_toml"]
