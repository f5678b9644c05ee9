"""Scores folders of label images: `fcrbench score`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fcrbench import large, metrics
from fcrbench.errors import DataError, UsageError
from fcrbench.io import read_labels
from fcrbench.io.large import is_large, open_image
from fcrbench.jobs.score_pairs import Pair, find_pairs
from fcrbench.metrics import DatasetScores
from fcrbench.metrics.scores import COLUMNS
from fcrbench.text import to_unicode
from fcrbench.work.atomic import write_table
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.journal import Journal
from fcrbench.work.parallel import ordered_map

if TYPE_CHECKING:
    import pandas as pd

Row = list[float | int]  # values of COLUMNS
_ROWS_PER_PART = 4096  # rows that become one data frame, which takes a fraction of the memory of lists


@dataclass(frozen=True)
class FolderScores:
    """The scores of all images that could be scored, the failures, and the number of images."""

    scores: DatasetScores
    failures: Failures
    images: int


def score_folders(
    truth: Path,
    pred: Path,
    output: Path | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    suffix: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> FolderScores:
    """Score the label images in `pred` against those with the same name in `truth`.

    truth, pred  two folders of label images, also in folders below; or two images, which are files or
                 OME-Zarr folders. Zarr and TIFF of more than 2**28 pixels are read in tiles
    output     CSV file with one row per image in the order of the names, written when all images are done.
               Until then, finished rows are kept in <output>.part
    workers    number of threads
    scheduler  address of a dask scheduler whose workers do the work instead; they must see the same files
    strict     stop at the first image that cannot be scored. Otherwise the others are finished, see
               `work.failures`
    resume     continue with the rows of an interrupted call that had the same folders and output
    suffix     the prediction of NAME is NAME + suffix, for example "_cp_masks". Without it equal names pair,
               or if there are none, those with the suffixes of well-known programs, see `io.pairing`
    progress   called with the number of finished images

    Rows do not depend on the worker that computed them. Predictions without a truth are ignored, because a
    folder of predictions may contain more images than are annotated.

    Raises DataError if a folder is missing or empty, or if no truth has a prediction. With `strict`, also
    raises it for the first image whose prediction is missing, cannot be read or has another shape.
    """
    if resume and output is None:
        raise UsageError("--resume needs the --output of the interrupted call")
    pairs = find_pairs(truth, pred, suffix)
    failures = Failures(output.with_name(f"{output.stem}.failed.csv") if output is not None else None)
    table = _TableBuilder()
    done: dict[str, Row] = {}
    journal = None
    if output is not None:
        identity = {"truth": str(truth.resolve()), "pred": str(pred.resolve())}
        if suffix is not None:
            identity["suffix"] = suffix
        journal = Journal(output.with_name(f"{output.name}.part"), identity)
        done = journal.open(resume)
    todo = (pair for pair in pairs if pair.image not in done)
    results = ordered_map(
        score_pair, todo, workers, scheduler, lambda pair: pair.image, on_lost=_failure_of_lost
    )
    try:
        for n, pair in enumerate(pairs, 1):
            earlier = done.get(pair.image)
            result = next(results) if earlier is None else earlier
            if isinstance(result, Failure):  # it is not added to the journal, so that `resume` tries it again
                failures.add(pair.image, result, strict)
            else:
                if earlier is None and journal is not None:
                    journal.add(pair.image, result)
                table.add(pair.image, result)
            progress(n)
    finally:
        results.close()
        if journal is not None:
            journal.close()
    scores = DatasetScores(table.frame())
    if output is not None and journal is not None:
        write_table(output, scores.table)
        journal.remove()
    return FolderScores(scores, failures, len(pairs))


def score_pair(pair: Pair) -> Row | Failure:
    """Score one image, on any worker. Return the scores, or the reason why it failed."""
    return attempt(lambda: _score(pair), str(pair.truth), str(pair.pred), str(pair.pred.parent))


def _failure_of_lost(pair: Pair, why: str) -> Failure:
    return Failure(f"{pair.truth}: {why}")


def _score(pair: Pair) -> Row:
    if is_large(pair.truth) or is_large(pair.pred):
        return _score_by_tiles(pair)
    labels = read_labels(pair.truth)
    if not pair.pred.exists():
        raise DataError(f"{pair.pred.parent} has no label image for {pair.truth.name}")
    predicted = read_labels(pair.pred)
    if labels.shape != predicted.shape:
        raise DataError(f"{pair.pred} has shape {predicted.shape}, its truth {pair.truth} has {labels.shape}")
    return list(metrics.score(labels, predicted).to_dict().values())


def _score_by_tiles(pair: Pair) -> Row:
    truth, pred = open_image(pair.truth), open_image(pair.pred)
    if truth.shape != pred.shape:
        raise DataError(f"{pair.pred} has shape {pred.shape}, its truth {pair.truth} has {truth.shape}")
    try:
        return list(large.score(truth, pred).to_dict().values())
    except (TypeError, ValueError) as error:
        raise DataError(f"{pair.truth} and {pair.pred}: {error}") from error


class _TableBuilder:
    """Collects rows for a data frame in little memory."""

    def __init__(self) -> None:
        self.parts: list[pd.DataFrame] = []
        self.rows: list[list] = []

    def add(self, image: str, row: Row) -> None:
        self.rows.append([to_unicode(image), *row])
        if len(self.rows) == _ROWS_PER_PART:
            self._pack()

    def _pack(self) -> None:
        import pandas as pd

        self.parts.append(pd.DataFrame(self.rows, columns=["image", *COLUMNS]))
        self.rows = []

    def frame(self) -> "pd.DataFrame":
        import pandas as pd

        if self.rows or not self.parts:
            self._pack()
        return pd.concat(self.parts, ignore_index=True) if len(self.parts) > 1 else self.parts[0]
