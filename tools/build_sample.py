"""Rebuild the embedded data set `sample` from BBBC039.

    python tools/build_sample.py BBBC039_FOLDER fcrbench/datasets/data/sample

BBBC039_FOLDER holds the unpacked official archives (images/, masks/, metadata/). The rule, fixed before any
result was seen: of the official training and validation lists, sorted by file name, every field i*n//k for
i = 0..k-1, with k = 36 and 10. Every file written is read back and compared with its source.
"""

import argparse
import hashlib
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from fcrbench import datasets
from fcrbench.io import read_image, read_labels, write_labels
from fcrbench.work.atomic import atomic_path, write_text

COUNTS = {"train": 36, "val": 10}
NOTICE = """\
# The data set `sample`

{n_train} training and {n_val} validation fields of BBBC039v1 (U2OS cells, Hoechst 33342, 520x696 pixels,
16-bit container, 12-bit camera), pixel values and annotated objects unchanged.

- Source: <https://bbbc.broadinstitute.org/BBBC039>, image set BBBC039v1 of the Broad Bioimage Benchmark
  Collection.
- Licence: CC0 1.0 (public domain dedication), as the source states.
- Cite: Caicedo et al., "Evaluation of Deep Learning Strategies for Nucleus Segmentation in Fluorescence
  Images", Cytometry Part A 95:952-965 (2019); Ljosa, Sokolnicki and Carpenter, "Annotated high-throughput
  microscopy image sets for validation", Nature Methods 9:637 (2012).
- Rule of choice, fixed before any result was seen: of the official training (100 fields) and validation (50
  fields) lists, sorted by file name, the fields at positions i*n//k for i = 0..k-1, where n is the length
  of the list and k = {n_train} or {n_val}. `train/` comes from the official training list only, `val/` from
  the official validation list only. Nothing of the official test list is here. File stems are the official
  ones.
- images/: TIFF with lossless JPEG XL (readable with tifffile + imagecodecs, GDAL, libvips). masks/: TIFF
  with zlib, uint16, 0 = background, ids 1..N in raster order of the first pixel; objects are the
  8-connected components of equal red value of the official masks.
- Rebuilt by `python tools/build_sample.py BBBC039_FOLDER fcrbench/datasets/data/sample`, which compares
  each file with its source. SHA256SUMS lists the sha256 of every file.
"""


def write_image(path: Path, image: np.ndarray) -> None:
    """A TIFF with one lossless JPEG XL strip: 30 % smaller than PNG, decoded in about 30 ms."""
    arguments = {"lossless": True, "effort": 7}
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            compression="jpegxl",
            compressionargs=arguments,
            rowsperstrip=len(image),
            metadata=None,
        )


def build(source: Path, destination: Path) -> None:
    dataset = datasets.create("bbbc039", root=source)
    for split, count in COUNTS.items():
        ids = sorted(dataset.splits[split])
        for stem in (ids[i * len(ids) // count] for i in range(count)):
            sample = dataset.load(stem)
            image, mask = (destination / split / part / f"{stem}.tif" for part in ("images", "masks"))
            write_image(image, sample.image)
            write_labels(mask, sample.labels)
            assert np.array_equal(read_image(image), sample.image), image
            assert np.array_equal(read_labels(mask), sample.labels), mask
    files = sorted(destination.glob("*/*/*.tif"))
    sums = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(destination).as_posix()}"
        for file in files
    )
    write_text(destination / "SHA256SUMS", "\n".join(sums) + "\n")
    write_text(destination / "NOTICE.md", NOTICE.format(n_train=COUNTS["train"], n_val=COUNTS["val"]))
    total = sum(file.stat().st_size for file in destination.rglob("*") if file.is_file())
    print(f"{len(files)} files, {total:,} bytes with the notice, imagecodecs {imagecodecs.__version__}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    arguments = parser.parse_args()
    build(arguments.source, arguments.destination)
