"""Data sets by name."""

import inspect
import os
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from fcrbench.datasets.base import Dataset
from fcrbench.datasets.bbbc006 import Bbbc006Dataset
from fcrbench.datasets.bbbc039 import Bbbc039Dataset
from fcrbench.datasets.dsb2018 import Dsb2018Dataset
from fcrbench.datasets.folder import FolderDataset
from fcrbench.datasets.sample import SampleDataset
from fcrbench.datasets.synthetic import SyntheticDataset
from fcrbench.errors import UsageError, unknown_name


def _classes() -> tuple[type[Dataset], ...]:
    from fcrbench.datasets.joined import JoinedDataset  # here, as it makes its parts by `create`

    return (
        SampleDataset,
        Bbbc039Dataset,
        Bbbc006Dataset,
        Dsb2018Dataset,
        FolderDataset,
        SyntheticDataset,
        JoinedDataset,
    )


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """What a user chooses a data set by. `options` are the keyword arguments of `create`, with defaults."""

    name: str
    title: str
    needs_root: bool
    licence: str
    citation: str
    source: str
    how_to_get: str
    options: dict[str, Any]


def available() -> tuple[DatasetSpec, ...]:
    """The known data sets; nothing is read from disk."""
    return tuple(
        DatasetSpec(
            name=cls.name,
            title=cls.title,
            needs_root=cls.needs_root,
            licence=cls.licence,
            citation=cls.citation,
            source=cls.source,
            how_to_get=cls.how_to_get,
            options=_options(cls),
        )
        for cls in _classes()
    )


def create(name: str, root: str | os.PathLike[str] | None = None, **options: Any) -> Dataset:
    """Build the data set `name` from the folder `root` (none for `sample`, `synthetic` and `joined`).

    Raises UsageError for an unknown name or option, a missing or needless root; DataError when the folder
    does not hold what it should.
    """
    classes = {cls.name: cls for cls in _classes()}
    if name not in classes:
        raise UsageError(unknown_name("data set", name, classes))
    cls = classes[name]
    known, types = _options(cls), get_type_hints(cls.__init__)
    for option, value in options.items():
        if option not in known:
            raise UsageError(unknown_name(f"option of data set {name}", option, known))
        if not _fits(value, types[option]):
            wanted = getattr(types[option], "__name__", types[option])
            raise UsageError(f"data set {name}: {option} is {value!r}, expected {wanted}")
    if cls.needs_root:
        if root is None:
            raise UsageError(f"data set {name} needs its folder (root); to get it: {cls.how_to_get}")
        return cls(root, **options)  # type: ignore[call-arg]
    if root is not None:
        raise UsageError(f"data set {name} takes no folder, found root = {os.fspath(root)!r}")
    return cls(**options)


def _options(cls: type[Dataset]) -> dict[str, Any]:
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "root"}


def _fits(value: Any, type_: Any) -> bool:
    """Whether a value out of a TOML file or from a command line is of an option's type."""
    if isinstance(type_, UnionType):
        return any(_fits(value, member) for member in get_args(type_))
    if get_origin(type_) is tuple:
        members = get_args(type_)
        if members[-1] is Ellipsis and isinstance(value, (list, tuple)):
            members = members[:1] * len(value)
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(members)
            and all(map(_fits, value, members))
        )
    if isinstance(value, bool) or type_ is bool:
        return isinstance(value, bool) and type_ is bool
    return isinstance(value, (int, float) if type_ is float else type_)
