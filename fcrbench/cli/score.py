"""`fcrbench score`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def score(
    truth_dir: Path,
    pred_dir: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    workers: int = 1,
) -> None:
    """Score predicted label images against the truth of the same file name.

    Example: fcrbench score truth/ out/ -o scores.csv

    Parameters
    ----------
    truth_dir
        Folder of label images, PNG or TIFF, 0 = background.
    pred_dir
        Folder of predicted label images with the same stems.
    output
        CSV with one row an image.
    workers
        Threads.
    """
    from fcrbench.report.text import score_lines
    from fcrbench.scoring import score_folders

    scores = score_folders(truth_dir, pred_dir, output, workers)
    print("\n".join(score_lines(scores.summary())))
