"""Many pieces of work: in parallel, in files that appear whole, with failures that stay with their piece."""
