"""The formats of image files, one module each, that decode a whole file to a `Stack`."""
