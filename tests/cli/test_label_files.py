"""`fcrbench score` on label images as other programs write them: each is the same truth."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from drawn_fields import blocks
from PIL import Image

from fcrbench import metrics

LABELS = blocks(1)[0].labels.astype(np.uint16)
MASK = LABELS > 0


def write_kinds(folder, kinds):
    """Write the same labels in several ways, and return the names."""
    folder.mkdir(parents=True)
    for name, write in kinds.items():
        write(folder / name)
    return sorted(name.partition(".")[0] for name in kinds)


def packed():
    colours = np.stack([0 * LABELS, LABELS >> 8, LABELS & 255], -1).astype(np.uint8)
    return np.dstack([colours, np.full(LABELS.shape, 255, np.uint8)])


def palette():
    image = Image.fromarray(LABELS.astype(np.uint8), "P")
    image.putpalette([value for k in range(256) for value in (k * 37 % 256, k * 91 % 256, 255 - k)])
    return image


GRAY8, GRAY16 = Image.fromarray(LABELS.astype(np.uint8)), Image.fromarray(LABELS)
LABEL_FILES = {
    "clear8.png": lambda path: GRAY8.save(path, transparency=0),
    "clear16.png": lambda path: GRAY16.save(path, transparency=0),
    "alpha.png": lambda path: Image.merge("LA", [GRAY8, GRAY8.point(lambda v: 255 * (v > 0))]).save(path),
    "palette.png": lambda path: palette().save(path, transparency=0),
    "qupath.png": lambda path: Image.fromarray(packed()).save(path),
    "float.tif": lambda path: tifffile.imwrite(path, LABELS.astype(np.float64)),
    "turned.tif": lambda path: tifffile.imwrite(
        path, LABELS[::-1, ::-1], metadata=None, extratags=[(274, "H", 1, 3, True)]
    ),
    "lossless.webp": lambda path: Image.merge("RGB", [GRAY8] * 3).save(path, lossless=True),
    "bitmap.bmp": GRAY8.save,
    "array.npy": lambda path: np.save(path, LABELS.astype(np.int64)),
}
MASK_FILES = {
    "raw.tif": lambda path: Image.fromarray(MASK).save(path),
    "fax.tif": lambda path: Image.fromarray(MASK).save(path, compression="group4"),
    "white.tif": lambda path: Image.fromarray(MASK).save(path, tiffinfo={262: 0}),
    "tifffile.tif": lambda path: tifffile.imwrite(path, MASK),
    "pillow.png": lambda path: Image.fromarray(MASK).save(path),
}


@pytest.mark.parametrize("kinds", [LABEL_FILES, MASK_FILES], ids=["labels", "masks"])
def test_the_same_truth_in_every_file(cli, kinds):
    names = write_kinds(cli.folder / "truth", kinds)
    for name in names:
        (cli.folder / "pred").mkdir(exist_ok=True)
        tifffile.imwrite(cli.folder / "pred" / f"{name}.tif", LABELS, metadata=None)
    options = ["--label-mask", "truth"] if kinds is MASK_FILES else []
    cli("score", "truth", "pred", "-o", "scores.csv", *options)
    table = pd.read_csv(cli.folder / "scores.csv").set_index("image")
    assert table.index.tolist() == names
    assert (table["pq"] == 1).all(), table["pq"]
    assert (table["n_true"] == 4).all()


def test_stacks_are_scored_as_volumes(cli):
    truth = np.stack([LABELS, LABELS, 0 * LABELS])
    pred = np.stack([0 * LABELS, LABELS, LABELS])
    for name, volume in (("truth", truth), ("pred", pred)):
        (cli.folder / name).mkdir()
        tifffile.imwrite(cli.folder / name / "a.tif", volume, imagej=True, metadata={"axes": "ZYX"})
    done = cli("score", "truth", "pred")
    wanted = metrics.score(truth, pred)
    assert f"{wanted.pq:.4f}" in done.stdout
    assert f"{wanted.dice:.4f}" in done.stdout
