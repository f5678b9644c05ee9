"""Prediction: load a network as a function from an image to its instances."""

from fcrbench.inference.predictor import Predictor, load_predictor, read_method

__all__ = ["Predictor", "load_predictor", "read_method"]


def __dir__() -> list[str]:
    return __all__
