"""The one rule for outputs of all commands: a file that is read is never written."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fcrbench.errors import UsageError, WriteError
from fcrbench.work.streams import is_stream, open_stream

_Identity = tuple[
    int, int
]  # device and inode: the same for all links to a file, and for names in another case

_kept_outputs: list[Path] = []


def add_output(path: Path) -> None:
    """Remember an output of the whole command, such as its log. `check_outputs` then checks it, too."""
    _kept_outputs.append(path)


def forget_outputs() -> None:
    """Forget the outputs of a command that has ended."""
    _kept_outputs.clear()


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise UsageError if an output is an input, replaces a folder with an input, or lies in an input folder.

    outputs   files to write, and Zarr folders; not the folder that they are written to
    inputs    files and Zarr folders that are read
    Links are resolved. Call this before any work, whatever options allow to replace earlier outputs.
    """
    outputs = list(outputs)
    for kept in _kept_outputs:
        if os.path.realpath(kept) in map(os.path.realpath, outputs):
            raise UsageError(f"{kept} is given for two outputs; choose another one")
    outputs += _kept_outputs
    written = {identity: output for output in outputs if (identity := _identity(output)) is not None}
    replaced = {identity for identity, output in written.items() if output.is_dir()}
    around = {
        identity: folder
        for folder in {output.parent for output in outputs}
        for parent in _parents(folder / "file")
        if (identity := _identity(parent)) is not None
    }
    for given in inputs:
        identity = _identity(given)
        if identity in written:
            raise UsageError(_message(written[identity], given))
        if identity in around and given.is_dir():  # a Zarr image
            raise UsageError(
                f"the output folder {around[identity]} lies in the input {given}; choose another"
            )
        for parent in _parents(given) if replaced else ():
            if (identity := _identity(parent)) in replaced:
                raise UsageError(_message(written[identity], given))


def check_output_folder(folder: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if an output folder is a file, one of the input folders, or a run directory.

    A run directory has files of its own with the names of results, such as images.csv and failed.csv.
    """
    if folder.is_file():
        raise UsageError(f"the output {folder} is a file; expected a folder for the results")
    identity = _identity(folder)
    if identity is None:
        return
    for given in inputs:
        if _identity(given) == identity:
            raise UsageError(f"the output folder {folder} is the input {given}; choose another output folder")
    if (folder / "config.toml").is_file() and (folder / "manifest.json").is_file():
        raise UsageError(f"the output folder {folder} is a run directory; choose another output folder")


def check_output_file(path: Path) -> None:
    """Raise UsageError if an output that must be a file is a folder."""
    if path.is_dir():
        raise UsageError(f"the output {path} is a folder; expected the name of a file")


def prepare_output(path: Path, not_suffixes: Iterable[str] = (), *, resume: bool = False) -> bool:
    """Check an output file right before the work, and return whether it is a pipe or a device.

    A pipe or device is opened now. It cannot have other files beside it, such as a list of failures.

    not_suffixes  suffixes of images, which the output must not have
    resume        whether the output is to be continued, which a pipe or device cannot be
    Raises UsageError for what is wrong with the choice of the path, and WriteError for a path that cannot be
    written to.
    """
    for parent in path.parents:
        if parent.is_file():
            raise UsageError(f"{parent} is a file; expected a folder for the output {path.name}")
    if path.suffix.lower() in not_suffixes:
        raise UsageError(
            f"the output {path} has the name of an image; expected that of a table, such as .csv"
        )
    try:
        if not is_stream(path):
            return False
        if resume:
            raise UsageError(f"--resume needs a file as --output; {path} is a pipe or a device")
        open_stream(path)
    except OSError as error:
        raise WriteError(path, error) from error
    return True


def _message(output: Path, given: Path) -> str:
    same = "" if str(output) == str(given) else f" ({given})"
    return f"the output {output} is an input of this command{same}; choose another output"


def _parents(path: Path) -> Sequence[Path]:
    return Path(os.path.realpath(path)).parents


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except (OSError, ValueError):  # it is missing, or its name is impossible: reading or writing will say so
        return None
    return found.st_dev, found.st_ino
