"""The methods that FCRNet is compared with, as a plug-in of fcrbench."""

__version__ = "0.1.0"
