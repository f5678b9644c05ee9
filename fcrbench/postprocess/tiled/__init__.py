"""Label images of class maps larger than memory, tile by tile, with the ids that the whole image gets."""
