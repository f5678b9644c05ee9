"""The methods that FCRNet is compared with, as a plug-in for fcrbench."""

__version__ = "0.1.0"
