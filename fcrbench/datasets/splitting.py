"""Seeded splits that stay the same on every machine and with every library version."""

import hashlib
from collections.abc import Callable, Iterable

from fcrbench.errors import DataError, UsageError


def seeded_split(
    ids: Iterable[str], val_fraction: float, seed: int, group: Callable[[str], str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Split ids into "train" and "val", about `val_fraction` of them in "val"; both sorted.

    The order is that of sha256(seed, group of the id), so that neither a random generator's version nor
    the order of the ids matters. Ids of one group stay on one side: whole groups go to "val" in that order
    as long as they fit. With a fraction between 0 and 1 both sides get at least one group; a single
    group then raises DataError. Raises UsageError for a fraction outside 0..1.
    """
    if not 0 <= val_fraction <= 1:
        raise UsageError(f"val_fraction is {val_fraction}, expected 0 to 1")
    members: dict[str, list[str]] = {}
    for id_ in sorted(ids):
        members.setdefault(group(id_) if group else id_, []).append(id_)
    total = sum(map(len, members.values()))
    if total and 0 < val_fraction < 1 and len(members) == 1:
        raise DataError(f"{total} field(s) that must stay together, expected at least two to split")
    room = round(total * val_fraction)
    names = sorted(members, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    val: list[str] = []
    train: list[str] = []
    for position, name in enumerate(names):
        first, last = position == 0, position == len(names) - 1
        to_val = len(val) + len(members[name]) <= room
        if 0 < val_fraction < 1:
            to_val = (to_val or first) and not (last and not train)
        (val if to_val else train).extend(members[name])
    return {"train": tuple(sorted(train)), "val": tuple(sorted(val))}
