"""Test whether every method can overfit four real fields. If not, its loss, targets or decoder are wrong.

    python -m benchmarks.overfit -o overfit/

The command makes a data set of the first four training fields of `sample`, with the same fields for training
and validation, and calls `fcrbench table` on it. Further arguments are passed to that command.
"""

import argparse
import subprocess
import sys
from itertools import islice
from pathlib import Path

from fcrbench import datasets
from fcrbench.io import write_labels, write_png

FIELDS = 4
BUDGET = ("--epochs", "3", "--set", "training.crops_per_image=50", "--set", "training.validate_every=3")


def write_fields(root: Path) -> None:
    """Write the same fields to root/train and root/val; names in root/val end in _again."""
    for sample in islice(datasets.create("sample").samples("train"), FIELDS):
        for split, stem in (("train", sample.id), ("val", f"{sample.id}_again")):
            write_png(root / split / "images" / f"{stem}.png", sample.image)
            write_labels(root / split / "masks" / f"{stem}.tif", sample.labels)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options, further = parser.parse_known_args()
    write_fields(options.output / "fields")
    command = [sys.executable, "-m", "fcrbench", "table", "--dataset", "folder"]
    command += ["--root", str(options.output / "fields"), "--output", str(options.output)]
    return subprocess.run([*command, *BUDGET, "--set", "training.augment=false", *further]).returncode


if __name__ == "__main__":
    sys.exit(main())
