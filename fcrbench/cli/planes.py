"""The options --channel and --plane, which several commands share."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class Planes:
    """Which channel and plane of image files with several are read, see `io.choice.Choice`."""

    channel: Annotated[
        str | None,
        Parameter(
            help="Channel of images with several: an index from 0, gray, red, green, blue, or a name that "
            "the file gives. The default is that of the weights, or the only one that is not constant."
        ),
    ] = None
    plane: Annotated[
        str | None,
        Parameter(
            help="Plane of a stack: an index from 0, max, mean or sharpest. "
            "The default is that of the weights."
        ),
    ] = None

    def options(self) -> dict[str, str | int]:
        """Return the keys of the configuration that this sets."""
        chosen = {"channel": self.channel, "plane": self.plane}
        return {
            f"dataset.options.{key}": int(value) if value.isdecimal() else value
            for key, value in chosen.items()
            if value is not None
        }


PLANES = Planes()  # the default of the commands
