"""Scores folders of label images: `fcrbench score`."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fcrbench import large, metrics
from fcrbench.errors import DataError, StoppedError, UsageError
from fcrbench.io import IMAGE_SUFFIXES, find_images, read_labels
from fcrbench.io.large import is_large, open_image
from fcrbench.metrics import DatasetScores
from fcrbench.metrics.scores import COLUMNS
from fcrbench.work.atomic import write_table
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.journal import Journal
from fcrbench.work.outputs import check_outputs, prepare_output
from fcrbench.work.parallel import ordered_map

if TYPE_CHECKING:
    import pandas as pd

Row = list[float | int]  # values of COLUMNS
_ROWS_PER_PART = 4096  # rows that become one data frame, which takes a fraction of the memory of lists


class Pair(NamedTuple):
    """One image to score. The paths are absolute, because a worker may have another working directory."""

    image: str
    truth: Path
    pred: Path


@dataclass(frozen=True)
class FolderScores:
    """The scores of all images that could be scored, the failures, and the number of images.

    earlier   how many images an interrupted call had scored, whose rows were kept
    """

    scores: DatasetScores
    failures: Failures
    images: int
    earlier: int = 0


def score_folders(
    truth: Path,
    pred: Path,
    output: Path | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    strict: bool = False,
    resume: bool = False,
    begin: Callable[[int, int], None] = lambda images, earlier: None,
    progress: Callable[[int], None] = lambda done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> FolderScores:
    """Score the label images in `pred` against those with the same stem in `truth`.

    truth, pred  two folders of PNG and TIFF files; or two images, which are files or OME-Zarr folders. Zarr
                 and TIFF of more than 2**28 pixels are read in tiles
    output     CSV file with one row per image in the order of the stems, written when all images are done.
               Until then, finished rows are kept in <output>.part. A pipe or device is written to, too
    workers    number of threads
    scheduler  address of a dask scheduler whose workers do the work instead; they must see the same files
    strict     stop at the first image that cannot be scored. Otherwise the others are finished, see
               `work.failures`
    resume     continue with the rows of an interrupted call that had the same folders and output
    begin      called once with the number of images, and how many of them an interrupted call has scored
    progress   called with the number of finished images
    stopped    asked before each image; the others are left for `resume` once it returns True

    Rows do not depend on the worker that computed them. Predictions without a truth are ignored, because a
    folder of predictions may contain more images than are annotated.

    Raises UsageError if an output is one of the images, and StoppedError if it was stopped before the last
    image. Raises DataError if a folder is missing or empty, or if no truth has a prediction. With `strict`,
    also raises it for the first image whose prediction is missing, cannot be read or has another shape.
    """
    if resume and output is None:
        raise UsageError("--resume needs the --output of the interrupted call")
    pairs = _find_pairs(truth, pred)
    failed = None
    if output is not None:
        failed = output.with_name(f"{output.stem}.failed.csv")
        journal_path = output.with_name(f"{output.name}.part")
        check_outputs(
            [output, journal_path, failed, failed.with_suffix(".log")],
            (path for pair in pairs for path in (pair.truth, pair.pred)),
        )
        if prepare_output(output, IMAGE_SUFFIXES):
            if resume:
                raise UsageError(f"--resume needs a file as --output; {output} is a pipe or a device")
            failed = None
    failures = Failures(failed)
    table = _TableBuilder()
    done: dict[str, Row] = {}
    journal = None
    if failed is not None:
        identity = {"truth": str(truth.resolve()), "pred": str(pred.resolve())}
        journal = Journal(journal_path, identity)
        done = journal.open(resume)
    earlier = sum(pair.image in done for pair in pairs)
    begin(len(pairs), earlier)
    results = ordered_map(
        score_pair,
        takewhile(lambda pair: not stopped(), (pair for pair in pairs if pair.image not in done)),
        workers,
        scheduler,
        lambda pair: pair.image,
        on_lost=_failure_of_lost,
    )
    n = 0
    try:
        for pair in pairs:
            kept = done.get(pair.image)
            result = next(results, None) if kept is None else kept
            if result is None:  # stopped
                break
            n += 1
            if isinstance(result, Failure):  # it is not added to the journal, so that `resume` tries it again
                failures.add(pair.image, result, strict)
            else:
                if kept is None and journal is not None:
                    journal.add(pair.image, result)
                table.add(pair.image, result)
            progress(n)
    except KeyboardInterrupt:
        if not stopped():
            raise
    finally:
        results.close()
        if journal is not None:
            journal.close()
    if n < len(pairs):
        how = (
            "continue with --resume" if journal is not None else "nothing is kept without a file as --output"
        )
        raise StoppedError(f"stopped: {n:,} of {len(pairs):,} images scored; {how}")
    scores = DatasetScores(table.frame())
    if output is not None:
        write_table(output, scores.table)
    if journal is not None:
        journal.remove()
    return FolderScores(scores, failures, len(pairs), earlier)


def _find_pairs(truth: Path, pred: Path) -> list[Pair]:
    single = [path.is_file() or is_large(path) for path in (truth, pred)]
    if any(single):
        if not all(single):
            raise UsageError(f"{truth} and {pred}: expected two folders or two images")
        return [Pair(truth.stem, truth.resolve(), pred.resolve())]
    truths, preds = find_images(truth), find_images(pred)
    if not truths:
        raise DataError(f"no label image in {truth}")
    if not truths.keys() & preds.keys():
        raise DataError(
            f"{pred} has no label image for {next(iter(truths.values())).name} or any other truth"
        )
    folder = pred.resolve()
    return [
        Pair(stem, path.resolve(), preds[stem].resolve() if stem in preds else folder / f"{stem}.tif")
        for stem, path in truths.items()
    ]


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
        self.rows.append([image, *row])
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
