"""Writes the weights of a network to a file, and loads them from it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from fcrbench.errors import DataError
from fcrbench.io.choice import ANY, Choice
from fcrbench.weights import FORMAT, openable
from fcrbench.work.atomic import write_bytes

if TYPE_CHECKING:
    from fcrbench.methods.base import Method

_CHOSEN = ("channel", "plane")
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def save_weights(path: Path, network: nn.Module, name: str, method: "Method", choice: Choice = ANY) -> None:
    """Write weights as safetensors, atomically, with the method's name and options in the header.

    choice  the channel and plane of the training images, which a prediction repeats
    """
    header = {"format": FORMAT, "method": name, "options": json.dumps(asdict(method.options))}
    if chosen := {key: getattr(choice, key) for key in _CHOSEN if getattr(choice, key) is not None}:
        header["choice"] = json.dumps(chosen)
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_bytes(path, save(tensors, metadata=header))


def load_weights(path: Path, network: nn.Module) -> None:
    """Load the weights in `path`, of any float type, into `network`.

    Raises DataError if they cannot be read, do not fit, or are not finite.
    """
    try:
        with openable(path) as place, safe_open(place, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is not a readable safetensors file: {error}") from error
    expected = network.state_dict()
    for key in [*expected, *tensors]:
        found, wanted = (tuple(of[key].shape) if key in of else "none" for of in (tensors, expected))
        if found != wanted:
            raise DataError(f"{path} does not fit the network: {key} is {found}, expected {wanted}")
        given, own = tensors[key].dtype, expected[key].dtype
        if given not in (_FLOATS if own in _FLOATS else (own,)):
            raise DataError(f"{path} does not fit the network: {key} is {given}, expected {own}")
        if tensors[key].is_floating_point() and not tensors[key].isfinite().all():
            raise DataError(f"{path} is damaged: {key} holds NaN or infinity")
    network.load_state_dict(tensors)  # casts each tensor to the type of its parameter
