"""Pairs the names of two folders: equal ones, or those that differ by an ending that programs add."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fcrbench.text import name_key, printable


class Ending(NamedTuple):
    """What two names have at their ends, after a beginning that is equal."""

    left: str
    right: str

    def __str__(self) -> str:
        ends = [printable(end) for end in self if end]
        return f"suffix{'es' * (len(ends) > 1)} {' and '.join(ends)}" if ends else "same name"


class Candidate(NamedTuple):
    """Two names that may belong together."""

    left: str
    right: str
    ending: Ending


class AmbiguousNamesError(ValueError):
    """Two candidates that exclude each other."""

    def __init__(self, first: Candidate, second: Candidate) -> None:
        super().__init__(first, second)
        self.first, self.second = first, second


def match_names(
    left: Sequence[str],
    right: Sequence[str],
    left_endings: Sequence[str] = ("",),
    right_endings: Sequence[str] = ("",),
) -> list[Candidate]:
    """Return the pairs of names, in the order of `left`.

    left, right                  names, each of them once; "/" separates folders
    left_endings, right_endings  endings that names may have after what they share; "" for none

    If any name occurs on both sides, exactly the equal names are paired. Otherwise two names are candidates
    if what remains without an ending of each side is equal, and not empty after the last "/". The candidates
    are the result if no name has two of them and one pair of endings explains them all.

    Names that differ only in how accents are encoded are equal. Raises AmbiguousNamesError.
    """
    return match_endings(left, right, [""], [""]) or match_endings(left, right, left_endings, right_endings)


def match_endings(
    left: Iterable[str], right: Iterable[str], left_endings: Sequence[str], right_endings: Sequence[str]
) -> list[Candidate]:
    """Return the pairs like `match_names`, without a preference for equal names."""
    ways: dict[tuple[str, str], list[Candidate]] = {}  # by pair
    for candidate in _candidates(left, right, left_endings, right_endings):
        ways.setdefault(candidate[:2], []).append(candidate)
    if not ways:
        return []
    used: dict[tuple[str, str], Candidate] = {}
    first = next(iter(ways.values()))
    common = {way.ending for way in first}
    for found in ways.values():
        for side, name in (("left", found[0].left), ("right", found[0].right)):
            other = used.setdefault((side, name), found[0])
            if other is not found[0]:
                raise AmbiguousNamesError(other, found[0])
        common &= {way.ending for way in found}
        if not common:
            raise AmbiguousNamesError(first[0], found[0])
    ending = min(common, key=lambda ending: (len(ending.left) + len(ending.right), ending))
    return [Candidate(name, other, ending) for name, other in ways]


def _candidates(
    left: Iterable[str], right: Iterable[str], left_endings: Sequence[str], right_endings: Sequence[str]
) -> Iterator[Candidate]:
    by_beginning: dict[str, list[tuple[str, str]]] = {}
    for name in right:
        for beginning, ending in _beginnings(name, right_endings):
            by_beginning.setdefault(beginning, []).append((name, ending))
    for name in left:
        for beginning, ending in _beginnings(name, left_endings):
            for other, other_ending in by_beginning.get(beginning, ()):
                yield Candidate(name, other, Ending(ending, other_ending))


def _beginnings(name: str, endings: Sequence[str]) -> Iterator[tuple[str, str]]:
    key = name_key(name)
    for ending in endings:
        beginning = key.removesuffix(ending)
        if len(beginning) + len(ending) == len(key) and beginning and not beginning.endswith("/"):
            yield beginning, ending


def suggest_suffix(left: Iterable[str], right: Iterable[str]) -> str:
    """Return what most names of `right` have after a name of `left`, such as "_result"; or ""."""
    wanted = {name_key(name) for name in left}
    ends: Counter[str] = Counter()
    for name in map(name_key, right):
        for cut in range(len(name) - 1, 0, -1):
            if name[:cut] in wanted and not name[cut].isalnum() and name[cut] != "/":
                ends[name[cut:]] += 1
                break
    return ends.most_common(1)[0][0] if ends else ""
