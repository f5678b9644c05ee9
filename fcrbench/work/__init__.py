"""Processing many images: parallel, with complete files, and with failures that do not stop the others."""
