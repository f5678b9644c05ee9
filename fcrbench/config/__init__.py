"""The configuration of a run: its schema, and how it is read from TOML and KEY=VALUE."""

from fcrbench.config.schema import DatasetConfig, RunConfig, TrainingConfig, build, merge, read_toml

__all__ = ["DatasetConfig", "RunConfig", "TrainingConfig", "build", "merge", "read_toml"]
