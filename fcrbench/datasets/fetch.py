"""`fcrbench data fetch`: the published archives, checked and unpacked into a folder `create` accepts."""

import csv
import hashlib
import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcrbench.datasets.download import Progress, ResumingDownloader
from fcrbench.datasets.unpack import unpack
from fcrbench.errors import DataError, FcrbenchError, UsageError, unknown_name
from fcrbench.work.atomic import write_text

BASE_URL = "https://data.broadinstitute.org/bbbc"
SOURCES = "SOURCES.csv"  # in the folder of the data set: what was fetched, and the hash found

# sha256 of BBBC006 planes and labels as other projects recorded them; BBBC039: the same three values in
# eight independent public repositories. None is known for BBBC038.
_BBBC006_PLANES = {
    0: "ca6a7c023fd3258c0175ec74fe4568203fc158c5022b765e07d0b202ab5c19bc",
    15: "bf17883413e4625b942753773db53b8f30b94c8177c978402f0e29e5aef44697",
    16: "6e1515d08f6365c075e4ce813d7d1670e620b51d5b87339c7f02d9fa56313d0e",
}


@dataclass(frozen=True, slots=True)
class Archive:
    """One published zip file: path below the base URL, the folder it becomes, its sha256 where known."""

    path: str
    folder: str
    sha256: str | None


def archives(name: str, z: int = 16) -> tuple[Archive, ...]:
    """What `fetch` gets for a data set. Raises UsageError for a name that cannot be fetched."""
    known = {
        "bbbc006": (
            Archive(
                f"BBBC006/BBBC006_v1_images_z_{z:02d}.zip",
                f"BBBC006_v1_images_z_{z:02d}",
                _BBBC006_PLANES.get(z),
            ),
            Archive(
                "BBBC006/BBBC006_v1_labels.zip",
                "BBBC006_v1_labels",
                "2d3ec4e5a3ec0bb94820c9bcd6f102821862f526df2552ff9065a75b1c5e33ac",
            ),
        ),
        "bbbc039": (
            Archive(
                "BBBC039/images.zip",
                "images",
                "6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7",
            ),
            Archive(
                "BBBC039/masks.zip",
                "masks",
                "f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710",
            ),
            Archive(
                "BBBC039/metadata.zip",
                "metadata",
                "a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2",
            ),
        ),
        "dsb2018": (Archive("BBBC038/stage1_train.zip", "stage1_train", None),),
    }
    if name not in known:
        raise UsageError(unknown_name("data set to fetch", name, known))
    return known[name]


def fetch(
    name: str,
    destination: str | os.PathLike[str],
    base_url: str | None = None,
    *,
    z: int = 16,
    show_progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Download and unpack a data set; returns its folder, the `root` for `create(name, root)`.

    name         bbbc006, bbbc039 or dsb2018
    destination  where to make the data set's own folder, called `name`
    base_url     a mirror of https://data.broadinstitute.org/bbbc
    z            plane of bbbc006, 0 to 33
    say          gets one line for every archive: what was done, and its sha256

    Each archive is checked against its sha256 (where none is known, that is said), then becomes one
    folder, which appears only when it is complete. Folders that are there are left alone, so a second call
    does nothing and an interrupted one goes on. SOURCES.csv in the folder records URL, size and hash.
    Raises UsageError for a name, FcrbenchError for network or disk, DataError for a wrong hash or a bad zip.
    """
    if not 0 <= z <= 33:
        raise UsageError(f"z is {z}, expected a plane 0 to 33")
    wanted = archives(name, z)
    root = Path(destination) / name
    base = (base_url or BASE_URL).rstrip("/")
    try:
        for archive in wanted:
            folder = root / archive.folder
            if folder.is_dir() and any(folder.iterdir()):
                say(f"{folder}: already there")
                continue
            _fetch_one(archive, f"{base}/{archive.path}", root, show_progress, say)
    except OSError as error:
        raise FcrbenchError(f"cannot write to {root}: {error.strerror or error}") from error
    return root


def _fetch_one(
    archive: Archive, url: str, root: Path, show_progress: bool, say: Callable[[str], None]
) -> None:
    downloads = root / ".download"
    downloads.mkdir(parents=True, exist_ok=True)
    with _progress_bar(Path(archive.path).name, show_progress) as progress:
        file = _download(url, archive.sha256, downloads, progress)
    size, found = file.stat().st_size, _sha256(file)
    try:
        unpack(file, root / archive.folder)
    except DataError:
        file.unlink()  # else the next call would find the same bad archive
        raise
    checked = "as expected" if archive.sha256 else "not checked: no published value is known"
    _record(root / SOURCES, [archive.folder, url, str(size), found, "yes" if archive.sha256 else "no"])
    file.unlink()
    if not any(downloads.iterdir()):
        downloads.rmdir()
    say(f"{root / archive.folder}: {size:,} bytes from {url}, sha256 {found} ({checked})")


def _download(url: str, sha256: str | None, folder: Path, progress: Progress) -> Path:
    import pooch

    name = url.rpartition("/")[2]
    downloader = ResumingDownloader(folder / f"{name}.part", progress)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # `say` tells it
    try:
        return Path(pooch.retrieve(url, sha256, fname=name, path=folder, downloader=downloader))
    except FcrbenchError:
        raise
    except ValueError as error:  # how pooch reports a hash that does not match
        raise DataError(f"{url}: {' '.join(str(error).split())}") from error
    finally:
        logger.setLevel(level)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _record(path: Path, row: list[str]) -> None:
    header = ["folder", "url", "bytes", "sha256", "checked"]
    rows: list[list[str]] = []
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as opened:
            rows = [old for old in csv.reader(opened) if old and old[0] not in (row[0], header[0])]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows, row])
    write_text(path, text.getvalue())


@contextmanager
def _progress_bar(title: str, show: bool) -> Iterator[Progress]:
    """A bar on stderr with size, speed and time left, where stderr is a terminal."""
    if not show:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
