"""The schedule of the learning rate."""

import math

from fcrbench.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """Return the rate of a step. It depends only on the step, so resuming needs no scheduler state."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "staircase":
        return config.learning_rate * config.decay ** (step // (steps_per_epoch * config.decay_epochs))
    after_warmup = max(config.epochs * steps_per_epoch - config.warmup_steps, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup_steps) / after_warmup))
