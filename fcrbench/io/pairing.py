"""Pairs the files of two folders by their names: label images with predictions, masks or images."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePath
from typing import NamedTuple

from fcrbench.errors import DataError
from fcrbench.io.find import Entry, Listing, same_name_error
from fcrbench.io.matching import AmbiguousNamesError, match_endings, match_names, suggest_suffix
from fcrbench.io.names import LABEL_SUFFIXES, file_name_of, split_name
from fcrbench.io.roles import IMAGE_ENDINGS, LABEL_ENDINGS
from fcrbench.text import name_key, printable

log = logging.getLogger(__name__)
_SHOWN = 3  # names of a folder in an error message

_ON_IMAGES = ("", *IMAGE_ENDINGS)
_ON_MASKS = ("", *LABEL_ENDINGS)
_ON_LABELS = (*_ON_MASKS, *IMAGE_ENDINGS, *(i + m for i in IMAGE_ENDINGS for m in LABEL_ENDINGS))


class Kind(NamedTuple):
    """What is paired with what: the words for both in messages, and their usual endings.

    option  how the user gives an ending, for messages; "" if that is not possible
    """

    left: str
    right: str
    left_endings: Sequence[str]
    right_endings: Sequence[str]
    option: str = ""


TRUTH_WITH_PREDICTION = Kind("truth", "label image", _ON_MASKS, _ON_LABELS, "--suffix")
IMAGE_WITH_MASK = Kind("image", "mask", _ON_IMAGES, _ON_MASKS)
LABELS_WITH_IMAGE = Kind("label image", "image", _ON_LABELS, _ON_IMAGES)


def pair_files(
    left: Mapping[str, Path], right: Listing, kind: Kind, where: str, suffix: str | None = None
) -> dict[str, Path]:
    """Return the partners of the files `left` in the folder `right`, by the names of `left`.

    where   the folder of `left`, for messages
    suffix  the partner of NAME is NAME + suffix; if nothing pairs, an ending of `kind` is first removed from
            NAME. "" pairs equal names only. None tries equal names and then the endings of `kind`

    Names without a partner are missing in the result. One line of the log says which endings were used.
    Raises DataError naming files of both folders if nothing pairs, or if it is ambiguous.
    """
    offered: dict[str, list[Entry]] = {}
    for entry in right.entries:
        offered.setdefault(name_key(entry.name), []).append(entry)
    names, others = list(left), list(offered)
    try:
        if suffix is None:
            found = match_names(names, others, kind.left_endings, kind.right_endings)
        else:
            end = [name_key(_without_image_suffix(suffix))]
            found = match_endings(names, others, [""], end)
            if not found and end != [""]:
                found = match_endings(names, others, kind.left_endings, end)
    except AmbiguousNamesError as error:
        either = " or ".join(
            f"{printable(offered[one.right][0].file_name)} to {printable(one.left)} ({one.ending})"
            for one in (error.first, error.second)
        )
        hint = f"; choose with {kind.option}" if kind.option else ""
        raise DataError(f"{right.folder}: cannot tell what belongs together: {either}{hint}") from None
    if not found:
        raise DataError(_describe_no_pair(left, right, kind, where, suffix))
    for candidate in found:
        if len(files := offered[candidate.right]) > 1:
            raise same_name_error(right.folder, *files[:2])
    if suffix is None and any(found[0].ending):
        log.info("%s: paired by the %s", printable(right.folder), found[0].ending)
    return {candidate.left: offered[candidate.right][0].path for candidate in found}


def _without_image_suffix(suffix: str) -> str:
    """Return "_seg" for "_seg.npy", because a user may give either."""
    name, end = split_name(f"x{suffix}")
    return name.removeprefix("x") if PurePath(f"x{end}").suffix.lower() in LABEL_SUFFIXES else suffix


def _describe_no_pair(
    left: Mapping[str, Path], right: Listing, kind: Kind, where: str, suffix: str | None
) -> str:
    mine = [file_name_of(name, path) for name, path in left.items()]
    first = f"{printable(mine[0])} or any other {kind.left}" if mine else f"any {kind.left}"
    message = f"{right.folder} has no {kind.right} for {first}"
    if not right.entries:
        ends = f"no file there ends in {', '.join(LABEL_SUFFIXES)}"
        return f"{message}: {right.describe_left_out() or ends}"
    theirs = _some(entry.file_name for entry in right.entries)
    message += f": {right.folder} has {theirs}; {where} has {_some(mine)}"
    if suffix:
        return f"{message}; expected names with {printable(suffix)} added"
    guess = suggest_suffix(left, (entry.name for entry in right.entries)) if kind.option else ""
    return f"{message}: give {kind.option} {printable(guess)}" if guess and suffix is None else message


def _some(names: Iterable[str | os.PathLike[str]]) -> str:
    shown = [printable(name) for name in islice(names, _SHOWN + 1)]
    return ", ".join([*shown[:_SHOWN], *(["..."] if len(shown) > _SHOWN else [])])
