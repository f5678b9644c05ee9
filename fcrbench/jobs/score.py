"""Scores folders of label images: `fcrbench score`."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fcrbench import large
from fcrbench.errors import DataError, StoppedError, UsageError
from fcrbench.io import IMAGE_SUFFIXES, read_labels
from fcrbench.io.large import needs_tiles, open_image
from fcrbench.jobs.score_pairs import LabelMask, Pair, find_pairs
from fcrbench.label_checks import Finding, Findings, components_of_mask, looks_like
from fcrbench.metrics import DatasetScores, overlap_table
from fcrbench.metrics.scores import COLUMNS, Scores, scores_from_table
from fcrbench.text import to_unicode
from fcrbench.tiles import Source
from fcrbench.work.atomic import write_table
from fcrbench.work.failures import Failure, Failures, attempt
from fcrbench.work.journal import Journal
from fcrbench.work.outputs import check_output_file, check_outputs, prepare_output
from fcrbench.work.parallel import ordered_map

if TYPE_CHECKING:
    import pandas as pd

Row = list[float | int]  # values of COLUMNS
_EXAMINED = 2048  # pixels, the side of the part of an image in tiles that is examined
_ROWS_PER_PART = 4096  # rows that become one data frame, which takes a fraction of the memory of lists


class Scored(NamedTuple):
    """The scores of one image, and what its files look like if they do not look like label images."""

    row: Row
    findings: dict[str, Finding | None]

    def to_json(self) -> Any:
        """Return the row alone if nothing was found, as journals of earlier versions have it."""
        found = {role: finding for role, finding in self.findings.items() if finding is not None}
        return {"row": self.row, "looks_like": found} if found else self.row

    @classmethod
    def from_json(cls, value: Any) -> "Scored":
        kept = value if isinstance(value, dict) else {"row": value, "looks_like": {}}
        found = {role: Finding(*finding) for role, finding in kept["looks_like"].items()}
        return cls(kept["row"], {"truth": None, "pred": None} | found)


@dataclass(frozen=True)
class FolderScores:
    """The scores of all images that could be scored, the failures, and the number of images.

    findings  what truth and prediction look like if they do not look like label images
    earlier   how many images an interrupted call had scored, whose rows were kept
    """

    scores: DatasetScores
    failures: Failures
    images: int
    findings: Findings
    label_mask: LabelMask | None = None
    earlier: int = 0

    def warnings(self, option: str) -> list[str]:
        """Return what truth and prediction look like, as sentences for the user.

        option  how the user asks for the components of masks, as "--label-mask {}"
        """
        masks = self.findings.roles("mask") | ({self.label_mask} if self.label_mask else set())
        value = masks.pop() if len(masks) == 1 else "both"
        return self.findings.messages({"mask": f"{option.format(value)} labels its components"})


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
    label_mask: LabelMask | None = None,
    begin: Callable[[int, int], None] = lambda images, earlier: None,
    progress: Callable[[int], None] = lambda done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> FolderScores:
    """Score the label images in `pred` against those with the same name in `truth`.

    truth, pred  two folders of label images, also in folders below; or two images, which are files or
                 OME-Zarr folders. Zarr and TIFF of more than 2**28 pixels are read in tiles
    output     CSV file with one row per image in the order of the names, written when all images are done.
               Until then, finished rows are kept in <output>.part. A pipe or device is written to, too
    workers    number of threads
    scheduler  address of a dask scheduler whose workers do the work instead; they must see the same files
    strict     stop at the first image that cannot be scored. Otherwise the others are finished, see
               `work.failures`
    resume     continue with the rows of an interrupted call that had the same folders and output
    suffix     the prediction of NAME is NAME + suffix, for example "_cp_masks". Without it equal names pair,
               or if there are none, those with the suffixes of well-known programs, see `io.pairing`
    label_mask "truth", "pred" or "both": these files are masks, whose 4-connected components become objects
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
    if output is not None:
        check_output_file(output)
    pairs = [pair._replace(label_mask=label_mask) for pair in find_pairs(truth, pred, suffix)]
    failed = None
    if output is not None:
        failed = output.with_name(f"{output.stem}.failed.csv")
        journal_path = output.with_name(f"{output.name}.part")
        check_outputs(
            [output, journal_path, failed, failed.with_suffix(".log")],
            (path for pair in pairs for path in (pair.truth, pair.pred)),
        )
        if prepare_output(output, IMAGE_SUFFIXES, resume=resume):
            failed = None
    failures = Failures(failed)
    table = _TableBuilder()
    findings = Findings()
    done: dict[str, Any] = {}
    journal = None
    if failed is not None:
        identity = {"truth": str(truth.resolve()), "pred": str(pred.resolve())}
        if suffix is not None:
            identity["suffix"] = suffix
        if label_mask is not None:
            identity["label_mask"] = label_mask
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
            result = next(results, None) if kept is None else Scored.from_json(kept)
            if result is None:  # stopped
                break
            n += 1
            if isinstance(result, Failure):  # it is not added to the journal, so that `resume` tries it again
                failures.add(pair.image, result, strict)
            else:
                if kept is None and journal is not None:
                    journal.add(pair.image, result.to_json())
                table.add(pair.image, result.row)
                findings.add(pair.truth.name, result.findings)
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
    return FolderScores(scores, failures, len(pairs), findings, label_mask, earlier)


def score_pair(pair: Pair) -> Scored | Failure:
    """Score one image, on any worker. Return the scores, or the reason why it failed."""
    return attempt(lambda: _score(pair), str(pair.truth), str(pair.pred), str(pair.pred.parent))


def _failure_of_lost(pair: Pair, why: str) -> Failure:
    return Failure(f"{pair.truth}: {why}")


def _score(pair: Pair) -> Scored:
    if needs_tiles(pair.truth) or needs_tiles(pair.pred):
        return _score_by_tiles(pair)
    labels = _read(pair.truth, pair.label_mask in ("truth", "both"))
    if not pair.pred.exists():
        raise DataError(f"{pair.pred.parent} has no label image for {pair.truth.name}")
    predicted = _read(pair.pred, pair.label_mask in ("pred", "both"))
    if labels.shape != predicted.shape:
        raise DataError(f"{pair.pred} has shape {predicted.shape}, its truth {pair.truth} has {labels.shape}")
    scores = scores_from_table(overlap_table(labels, predicted))
    return _to_scored(scores, looks_like(labels), looks_like(predicted))


def _read(path: Path, is_mask: bool) -> np.ndarray:
    labels = read_labels(path, volume=True)
    return components_of_mask(labels, str(path)) if is_mask else labels


def _score_by_tiles(pair: Pair) -> Scored:
    if pair.label_mask is not None:
        raise DataError(
            f"{pair.truth} and {pair.pred}: masks that are read in tiles cannot be labelled here; "
            "use fcrbench.large.label"
        )
    truth, pred = (
        open_image(path) if needs_tiles(path) else read_labels(path) for path in (pair.truth, pair.pred)
    )
    if truth.shape != pred.shape:
        raise DataError(f"{pair.pred} has shape {pred.shape}, its truth {pair.truth} has {truth.shape}")
    try:
        scores = large.score(truth, pred)
        return _to_scored(scores, _examine(truth, scores.n_true), _examine(pred, scores.n_pred))
    except (TypeError, ValueError) as error:
        raise DataError(f"{pair.truth} and {pair.pred}: {error}") from error


def _examine(image: Source, objects: int) -> Finding | None:
    """Return what the middle of a large label image looks like; only a mask has a single object."""
    row, column = (max(0, (length - _EXAMINED) // 2) for length in image.shape)
    finding = looks_like(image[row : row + _EXAMINED, column : column + _EXAMINED])
    return None if finding and finding.kind == "mask" and objects > 1 else finding


def _to_scored(scores: Scores, truth: Finding | None, pred: Finding | None) -> Scored:
    return Scored(list(scores.to_dict().values()), {"truth": truth, "pred": pred})


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
