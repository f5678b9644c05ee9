"""Draw the picture of the README: python tools/readme_picture.py RUN FIELD OUTPUT.png

It has three panels of one validation field of the data set `sample`: image, colours, outlines.
"""

import sys
from pathlib import Path

import numpy as np

from fcrbench import datasets
from fcrbench.inference import load_predictor
from fcrbench.io import write_png
from fcrbench.report import overlay

SIDE = 300  # pixels of a panel
COLORS = np.array([[16, 16, 20], [213, 94, 0], [0, 158, 115], [86, 180, 233]], np.uint8)


def main(run: Path, field: str, output: Path) -> None:
    sample = datasets.create("sample").load(field)
    predictor = load_predictor(run)
    window = (slice(100, 100 + SIDE), slice(250, 250 + SIDE))
    plain = overlay(sample.image, np.zeros_like(sample.labels))[window]
    colors = COLORS[predictor.scores(sample.image).argmax(axis=0)][window]
    outlines = overlay(sample.image, predictor(sample.image), sample.labels)[window]
    gap = np.full((SIDE, 6, 3), 255, np.uint8)
    write_png(output, np.concatenate([plain, gap, colors, gap, outlines], axis=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
