"""Training: augment (crops) -> engine (the loop) -> checkpoint (what a resumed run needs)."""
