"""FCRNet, the method of the paper: spec (options), model (network), targets and loss, method (decoding)."""
