"""FCRNet, the method of the paper: spec (options) -> model -> targets, loss -> method (decoding)."""
