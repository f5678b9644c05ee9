"""Images that could not be worked on, among those that could."""

from dataclasses import dataclass, field
from pathlib import Path

from fcrbench.atomic import write_table
from fcrbench.errors import DataError

_SHOWN = 5


@dataclass
class Failures:
    """Reasons by image, in the order they were met.

    path  CSV for all of them; the error shows the first few
    """

    path: Path | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    def finish(self, total: int, what: str) -> None:
        """Write the file, or remove that of an earlier attempt; DataError if there are any.

        what  as in "3 of 7 images could not be <what>"
        """
        if self.path is not None:
            if self.reasons:
                self._write(self.path)
            else:
                self.path.unlink(missing_ok=True)
        if self.reasons:
            raise DataError(self.message(total, what))

    def message(self, total: int, what: str) -> str:
        shown = "; ".join(list(self.reasons.values())[:_SHOWN])
        more = len(self.reasons) - _SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        where = f"; all in {self.path}" if self.path is not None and more > 0 else ""
        return f"{len(self.reasons)} of {total} images could not be {what}: {shown}{rest}{where}"

    def _write(self, path: Path) -> None:
        import pandas as pd

        rows = {"image": list(self.reasons), "reason": list(self.reasons.values())}
        write_table(path, pd.DataFrame(rows))
