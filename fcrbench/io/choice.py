"""Which channel and plane of a file are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fcrbench.errors import DataError, UsageError, short_repr
from fcrbench.io.inspect_planes import (
    are_equal,
    count_not_opaque,
    find_informative,
    find_sharpest,
    is_opaque,
)
from fcrbench.io.orientation import UPRIGHT, Turned
from fcrbench.io.stack import ALPHA, CHANNEL_AXES, PLANE_AXES, RGB, Stack
from fcrbench.io.view import View
from fcrbench.tiles import Source

PROJECTIONS = ("max", "mean", "sharpest")
GRAY = "gray"
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and libjpeg convert colours to gray
_MAX_COMPARED = 1000  # channels or pages that are compared with each other
_MAX_LISTED = 12  # channels in a message


@dataclass(frozen=True)
class Choice:
    """Which channel and plane of a file are read.

    Attributes:
        channel: index from 0, or a name: "gray", "red", "green", "blue" or one that the file gives; None
            reads the only channel, or the only one that is not constant.
        plane: index from 0; "max" or "mean" of all planes; "sharpest", the plane with the strongest
            gradients; None reads the only plane.
        remembered: whether the choice comes with weights. It is then ignored for a file that has only one
            channel or plane.
    """

    channel: int | str | None = None
    plane: int | str | None = None
    remembered: bool = False

    def __post_init__(self) -> None:
        """Read digits as numbers. Raise UsageError for a value that no file can have."""
        for name in ("channel", "plane"):
            value = getattr(self, name)
            if isinstance(value, str):
                value = value.strip()
                object.__setattr__(self, name, int(value) if value.isdecimal() else value or None)
        if isinstance(self.channel, int) and self.channel < 0:
            raise UsageError(f"channel {self.channel}: expected an index from 0 or a name")
        is_index = isinstance(self.plane, int) and self.plane >= 0
        if self.plane is not None and not is_index and self.plane not in PROJECTIONS:
            raise UsageError(
                f"plane {short_repr(self.plane)}: expected an index from 0, {' or '.join(PROJECTIONS)}"
            )


ANY = Choice()  # the only channel, the only plane


def complete(given: Choice, remembered: Choice) -> Choice:
    """Return the choice of the user, completed by that of the weights."""
    if given == ANY:
        return remembered
    channel = remembered.channel if given.channel is None else given.channel
    return Choice(channel, remembered.plane if given.plane is None else given.plane)


def choose_plane(stack: Stack, choice: Choice, path: object) -> Source:
    """Return the chosen plane of a file, (H, W), upright, to be read by slices.

    Raises DataError naming the file and its channels or planes if the choice does not name one of them.
    """
    chooser = _Chooser(stack, choice, path)
    view = chooser.choose()
    return view if stack.orientation == UPRIGHT else Turned(view, stack.orientation)


class _Chooser:
    """The axes of a stack by kind, and what a choice takes of them."""

    def __init__(self, stack: Stack, choice: Choice, path: object) -> None:
        self.stack, self.choice, self.path = stack, choice, path
        self.leading = stack.axes[:-2]
        self.lengths = tuple(stack.pixels.shape[:-2])
        longer = [axis for axis, n in enumerate(self.lengths) if n > 1]
        self.channel_axes = [axis for axis in longer if self.leading[axis] in CHANNEL_AXES]
        self.plane_axes = [axis for axis in longer if self.leading[axis] in PLANE_AXES]
        self.unnamed = [axis for axis in longer if axis not in self.channel_axes + self.plane_axes]
        if len(self.unnamed) == 1:  # pages of which the file does not say what they are: the user says it
            if isinstance(choice.channel, int) and not self.channel_axes:
                self.channel_axes, self.unnamed = self.unnamed, []
            elif choice.plane is not None and not self.plane_axes:
                self.plane_axes, self.unnamed = self.unnamed, []

    def choose(self) -> View:
        if len(self.channel_axes) > 1 or len(self.plane_axes) > 1 or len(self.unnamed) > 1:
            raise self.error(
                f"{self.describe_axes()}, expected at most one axis of channels and one of planes"
            )
        if self.unnamed:
            return self.only_page()
        index: list[int | slice] = [0] * len(self.leading)
        project: Literal["max", "mean", ""] = ""
        sharpest = False
        if self.plane_axes:
            axis = self.plane_axes[0]
            plane = self.choice.plane
            if plane is None:
                raise self.error(
                    f"{self.describe_axes()}, expected one plane; choose it with --plane: an index from 0, "
                    f"{', '.join(PROJECTIONS[:-1])} or {PROJECTIONS[-1]}"
                )
            if isinstance(plane, int):
                if plane >= self.lengths[axis]:
                    raise self.error(
                        f"{self.lengths[axis]} planes, plane {plane} is not one of 0 to "
                        f"{self.lengths[axis] - 1}"
                    )
                index[axis] = plane
            elif plane == "sharpest":
                sharpest = True
            else:
                index[axis], project = slice(None), "max" if plane == "max" else "mean"
        elif isinstance(self.choice.plane, int) and self.choice.plane > 0 and not self.choice.remembered:
            raise self.error(f"one plane, there is no plane {self.choice.plane}")
        weights: Sequence[float] = ()
        if self.channel_axes:
            axis = self.channel_axes[0]
            if sharpest and self.choice.channel is None:
                # The channel is found in the first plane, the sharpest plane then in this channel.
                index[self.plane_axes[0]] = 0
            found = self.find_channel(index, project)
            index[axis] = slice(None) if found == GRAY else int(found)
            weights = _LUMA if found == GRAY else ()
        else:
            self.check_single_channel()
        if sharpest:
            axis = self.plane_axes[0]
            views = (self.view(_with(index, axis, k), "", weights) for k in range(self.lengths[axis]))
            index[axis] = find_sharpest(views)
        return self.view(index, project, weights)

    def view(
        self,
        index: Sequence[int | slice],
        project: Literal["max", "mean", ""] = "",
        weights: Sequence[float] = (),
    ) -> View:
        return View(self.stack, self.path, index, project, weights)

    def find_channel(self, index: Sequence[int | slice], project: Literal["max", "mean", ""]) -> int | str:
        """Return the index of the chosen channel, or "gray" for the mixture of the three colours."""
        axis = self.channel_axes[0]
        n, names = self.lengths[axis], self.names
        wanted = self.choice.channel
        if isinstance(wanted, int):
            if wanted >= n:
                raise self.error(f"{self.describe_channels()}, channel {wanted} is not one of them")
            return wanted
        if isinstance(wanted, str):
            matches = [k for k, name in enumerate(names) if name.casefold() == wanted.casefold()]
            if len(matches) == 1:
                return matches[0]
            if wanted.casefold() == GRAY and names[:3] == RGB and self.leading[axis] == "S":
                return GRAY
            which = "names several of them" if matches else "is not one of them"
            raise self.error(f"{self.describe_channels()}, channel {short_repr(wanted)} {which}")
        if n > _MAX_COMPARED:
            raise self.error(f"{self.describe_channels()}, expected one; choose it with --channel")
        views = [self.view(_with(index, axis, k), project) for k in range(n)]
        if all(are_equal(views[0], other) for other in views[1:]):
            return 0
        if self.leading[axis] == "S" and n in (2, 4):
            if is_opaque(views[-1]):
                views.pop()
            elif names and names[-1] == ALPHA:
                raise self.error(
                    f"transparency in {count_not_opaque(views[-1])} pixels, expected an opaque image; "
                    f"flatten it, or ignore the transparency with --channel ({self.describe_channels()})"
                )
        only = find_informative(views, self.stack.lossy)
        if only is None:
            raise self.error(f"{self.describe_channels()}, expected one; choose it with --channel")
        return only

    def only_page(self) -> View:
        """Return the first page of a file whose pages are equal."""
        axis = self.unnamed[0]
        n = self.lengths[axis]
        if self.plane_axes or self.channel_axes:
            raise self.error(f"{self.describe_axes()}, of which the last are not named, expected one plane")
        views = [self.view(_with([0] * len(self.leading), axis, k)) for k in range(min(n, _MAX_COMPARED))]
        if n <= _MAX_COMPARED and all(are_equal(views[0], other) for other in views[1:]):
            return views[0]
        wanted = self.choice.channel
        if isinstance(wanted, str):
            raise self.error(
                f"{n} pages that the file does not name, channel {short_repr(wanted)} is unknown; "
                "choose an index from 0"
            )
        raise self.error(
            f"{n} pages that differ, and the file does not say whether they are channels or planes; "
            "choose one with --channel INDEX or --plane INDEX, or all with --plane max or mean"
        )

    def check_single_channel(self) -> None:
        """Refuse the choice of a channel that a file with one channel does not have."""
        wanted = self.choice.channel
        if self.choice.remembered or wanted in (None, 0, GRAY):
            return
        if isinstance(wanted, str) and wanted.casefold() in (name.casefold() for name in self.names):
            return
        name = f" ({self.names[0]})" if len(self.names) == 1 else ""
        raise self.error(f"one channel{name}, there is no channel {short_repr(wanted)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels or samples of colour, or () if they are not known."""
        n = self.lengths[self.channel_axes[0]] if self.channel_axes else 1
        return self.stack.channels if len(self.stack.channels) == n else ()

    def describe_channels(self) -> str:
        n = self.lengths[self.channel_axes[0]]
        names = self.names or ("",) * min(n, _MAX_LISTED)
        listed = ", ".join(f"{k} {name}".strip() for k, name in enumerate(names[:_MAX_LISTED]))
        more = f", .. {n - 1}" if n > _MAX_LISTED else ""
        return f"{n} channels ({listed}{more})"

    def describe_axes(self) -> str:
        kinds = {"C": "channels", "S": "colours", "Z": "planes", "T": "time points"}
        parts = [
            f"{n} {kinds.get(name, 'pages')}"
            for name, n in zip(self.leading, self.lengths, strict=True)
            if n > 1
        ]
        return " x ".join(parts)

    def error(self, found: str) -> DataError:
        chosen = {"channel": self.choice.channel, "plane": self.choice.plane}
        named = [f"{name} {value}" for name, value in chosen.items() if value is not None]
        of_weights = (
            f"; the weights were trained on {', '.join(named)}" if self.choice.remembered and named else ""
        )
        return DataError(f"{self.path}: {found}{of_weights}")


def _with(index: Sequence[int | slice], axis: int, k: int) -> list[int | slice]:
    return [*index[:axis], k, *index[axis + 1 :]]
