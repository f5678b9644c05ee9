"""The state of an interrupted training, and the weights of a finished one."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from fcrbench.atomic import atomic_path, write_bytes
from fcrbench.errors import DataError
from fcrbench.methods.base import Method
from fcrbench.weights import FORMAT

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the whole training state, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(dict(state), file)
        except RuntimeError as error:  # torch reports a failed write this way
            raise OSError(0, f"the checkpoint could not be written ({str(error).splitlines()[0]})") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state; nothing of it is executed. Raises DataError when it is none, or damaged."""
    if not path.is_file():
        raise DataError(f"no checkpoint at {path}")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums of its own format
            if damaged := archive.testzip():
                raise DataError(f"{path} is damaged: the checksum of {damaged} in it is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} is not a readable checkpoint: truncated or of another program") from error
    if not isinstance(state, dict) or "network" not in state:
        raise DataError(f"{path} is not a checkpoint of fcrbench: it holds no network")
    return state


def save_weights(path: Path, network: nn.Module, name: str, method: Method) -> None:
    """Write weights as safetensors, with the method's name and options in the header, atomically."""
    header = {"format": FORMAT, "method": name, "options": json.dumps(asdict(method.options))}
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_bytes(path, save(tensors, metadata=header))


def load_weights(path: Path, network: nn.Module) -> None:
    """Put the weights of `path`, of any float type, into `network`.

    Raises DataError when they cannot be read, do not fit, or are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
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
    network.load_state_dict(tensors)  # casts to the type of each parameter
