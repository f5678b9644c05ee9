"""Training: augment (crops) -> engine (the training loop) -> checkpoint (the state to resume from)."""
