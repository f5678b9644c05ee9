"""Can every method learn four real fields by heart? One that cannot has a wrong loss, target or decoder.

    python -m benchmarks.overfit -o overfit/

makes a data set of the first four training fields of `sample`, the same ones to train and to validate on, and
calls `fcrbench table` on it; further arguments go to that command.
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
    """The same fields below root/train and root/val, where their names end in _again."""
    for sample in islice(datasets.create("sample").samples("train"), FIELDS):
        for split, stem in (("train", sample.id), ("val", f"{sample.id}_again")):
            write_png(root / split / "images" / f"{stem}.png", sample.image)
            write_labels(root / split / "masks" / f"{stem}.tif", sample.labels)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen, further = parser.parse_known_args()
    write_fields(chosen.output / "fields")
    command = [sys.executable, "-m", "fcrbench", "table", "--dataset", "folder"]
    command += ["--root", str(chosen.output / "fields"), "--output", str(chosen.output)]
    return subprocess.run([*command, *BUDGET, "--set", "training.augment=false", *further]).returncode


if __name__ == "__main__":
    sys.exit(main())
