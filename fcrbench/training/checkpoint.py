"""The state of an interrupted training."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fcrbench.errors import DataError
from fcrbench.work.atomic import atomic_path


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the training state atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(dict(state), file)
        except RuntimeError as error:  # torch reports a failed write this way
            raise OSError(0, f"the checkpoint could not be written ({str(error).splitlines()[0]})") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state, without executing code from it. Raises DataError if it is invalid or damaged."""
    if not path.is_file():
        raise DataError(f"no checkpoint at {path}")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not verify the checksums of its own format
            if damaged := archive.testzip():
                raise DataError(f"{path} is damaged: the checksum of {damaged} in it is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} is not a readable checkpoint: truncated or not from fcrbench") from error
    if not isinstance(state, dict) or "network" not in state:
        raise DataError(f"{path} is not a checkpoint of fcrbench: it holds no network")
    return state
