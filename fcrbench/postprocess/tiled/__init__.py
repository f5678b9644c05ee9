"""Label images of class maps larger than memory, computed tile by tile, with the same ids as in memory."""
