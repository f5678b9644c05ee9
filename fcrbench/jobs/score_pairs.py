"""Pairs true with predicted label images: two files, or those of two folders."""

import logging
from pathlib import Path
from typing import Literal, NamedTuple

from fcrbench.errors import DataError, UsageError
from fcrbench.io.large import is_large
from fcrbench.io.names import image_name
from fcrbench.io.pairing import TRUTH_WITH_PREDICTION, pair_files
from fcrbench.io.roles import labels_in

LabelMask = Literal["truth", "pred", "both"]
log = logging.getLogger(__name__)


class Pair(NamedTuple):
    """One image to score. The paths are absolute, because a worker may have another working directory.

    label_mask  the files whose components are labelled
    """

    image: str
    truth: Path
    pred: Path
    label_mask: LabelMask | None = None


def find_pairs(truth: Path, pred: Path, suffix: str | None = None) -> list[Pair]:
    """Return a pair for each label image in `truth`, in the order of the names; see `io.pairing`.

    truth, pred  two folders, which are searched with the folders below them, or two images
    suffix       the prediction of NAME is NAME + suffix; None tries equal names and then the usual suffixes

    A truth without a prediction is paired with a file that does not exist. Raises DataError if a folder
    cannot be listed, holds no label image, or no truth has a prediction.
    """
    single = [path.is_file() or is_large(path) for path in (truth, pred)]
    if any(single):
        if not all(single):
            raise UsageError(f"{truth} and {pred}: expected two folders or two images")
        return [Pair(image_name(truth), truth.resolve(), pred.resolve())]
    same = truth.resolve() == pred.resolve()
    truths = labels_in(truth, skip=[] if same else [pred]).by_name()
    if not truths:
        raise DataError(f"no label image in {truth}")
    # With a suffix, the user has said which files are predictions.
    preds = labels_in(pred, skip=[] if same else [truth], report=not same, all_files=suffix is not None)
    if same and suffix:
        truths = {name: path for name, path in truths.items() if not name.endswith(suffix)}
    elif same:
        log.warning("%s: the truth and the predictions are the same files", truth)
    partners = pair_files(truths, preds, TRUTH_WITH_PREDICTION, str(truth), suffix)
    folder = pred.absolute()
    return [
        Pair(
            name,
            path.absolute(),
            partners[name].absolute() if name in partners else folder / f"{name}{suffix or ''}.tif",
        )
        for name, path in truths.items()
    ]
