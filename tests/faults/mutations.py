"""Give mutated image files, Zarr folders, TOML and safetensors files to all functions that read them.

    python tests/faults/mutations.py [--count 100000] [--seed 0]     give them all; list what goes wrong
    python tests/faults/mutations.py --seed 0 --only 4711 --keep f   one of them again, with its traceback

A reader has to return or raise FcrbenchError, in one line that names the file, within seconds and 2 GiB, and
print nothing. The files are read in a process of their own, so that one that dies or hangs is told as well.
"""

import argparse
import logging
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

LIMIT = 20.0  # seconds for one file; it takes milliseconds
MEMORY = 2 << 30  # bytes of addresses for it, above those of a process that has done nothing yet
WARM_UP = 200.0  # seconds for the imports


def run(count: int, seed: int = 0, script: str = __file__, limit: float = LIMIT) -> dict[int, str]:
    """Return the problems with `count` files, which `script --worker FIRST --count N --seed N` reads."""
    found: dict[int, str] = {}
    first = 0
    while first < count:
        command = [sys.executable, script, "--worker", str(first), "--count", str(count), "--seed", str(seed)]
        first = _run_until_it_ends(command, count, limit, found)
        if first < count:
            print(f"file {first - 1} {found[first - 1]}", file=sys.stderr, flush=True)
    return found


def _run_until_it_ends(command: list[str], count: int, limit: float, found: dict[int, str]) -> int:
    """Read files in one process until all are done or one kills or stops it. Return the next file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "stderr").open("w+b") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder) as process,
    ):
        assert process.stdout is not None
        pipe, rest, current, wait = process.stdout.fileno(), b"", None, WARM_UP
        while select.select([pipe], [], [], wait)[0]:
            data = os.read(pipe, 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                number, _, what = line.decode(errors="replace").partition(" ")
                current, wait = int(number), limit
                if current == count:
                    return count
                if what:
                    found[current] = what
        else:
            process.kill()
            if current is None:
                raise RuntimeError(f"the reading process did not start within {WARM_UP} s")
            found[current] = f"hangs: no result in {limit} s"
            return current + 1
        code = process.wait()
        if current is None:
            errors.seek(0)
            raise RuntimeError(f"the reading process did not start:\n{errors.read().decode()}")
        if code == 0:
            return count
        found[current] = f"the process died with code {code}"
        return current + 1


def _work(first: int, count: int, seed: int) -> None:
    """Print the number of each file before it is read, and again with the problem if there is one."""
    warnings.simplefilter("always")
    warnings.simplefilter("ignore", ResourceWarning)
    logging.getLogger("fcrbench").setLevel(logging.ERROR)  # what is read without its lost end is said there
    readers, files = _readers(), Files(seed)
    for kind, path in ((kind, Path(f"whole.{kind}")) for kind in readers):  # also imports and compiles
        write(path, files.originals[kind][0])
        if (problem := wrong(readers[kind], path)) is not None:
            raise RuntimeError(f"the original {kind} file is not read: {problem}")
    _limit_memory()
    for number in range(first, count):
        os.write(1, b"%d\n" % number)
        kind, data = files(number)
        path = Path(f"changed.{kind}")
        write(path, data)
        problem = wrong(readers[kind], path)
        printed = os.lseek(2, 0, os.SEEK_CUR)
        if printed:
            os.lseek(2, 0, os.SEEK_SET)
            lines = os.read(2, 2000).decode(errors="replace").splitlines()
            # Of compressed data of another length than the image's, libpng warns, and gives the image.
            lines = [line for line in lines if not line.startswith("PNG warning: IDAT: ")]
            if problem is None and lines:
                problem = f"prints {lines}"
            os.ftruncate(2, 0)
            os.lseek(2, 0, os.SEEK_SET)
        if problem is not None:
            os.write(1, f"{number} {kind}: {' '.join(problem.split())[:400]}\n".encode())
    os.write(1, b"%d\n" % count)
    os._exit(0)  # which is quicker than to take torch down


class Files:
    """Return the kind and the content of file `number`."""

    def __init__(self, seed: int) -> None:
        from mutators import KINDS, originals

        self.seed, self.kinds, self.originals = seed, KINDS, originals()

    def __call__(self, number: int) -> tuple[str, bytes]:
        from mutators import mutate

        rng = np.random.default_rng([self.seed, number])
        kind = self.kinds[number % len(self.kinds)]
        some = self.originals[kind]
        return kind, mutate(kind, some[rng.integers(len(some))], rng)


def write(path: Path, data: bytes) -> None:
    """Write a file, or the files of a Zarr folder."""
    from mutators import unpack_folder

    if path.suffix == ".zarr":
        unpack_folder(data, path)
    else:
        path.write_bytes(data)


def _readers() -> dict[str, list[Callable[[Path], None]]]:
    from mutators import network

    from fcrbench import datasets
    from fcrbench.config import read_toml
    from fcrbench.inference import read_method
    from fcrbench.io import read_image, read_labels
    from fcrbench.io.large import is_large, open_image
    from fcrbench.io.zarr_folder import images_inside
    from fcrbench.jobs.configure import configure
    from fcrbench.methods import registry
    from fcrbench.weights.tensors import load_weights

    into = network()

    def image(path: Path) -> None:
        found = read_image(path)
        assert found.ndim == 2
        assert found.dtype.kind in "iuf"

    def labels(path: Path) -> None:
        found = read_labels(path)
        assert found.ndim == 2
        assert found.dtype.kind in "iu"

    def large(path: Path) -> None:
        is_large(path)
        corner = open_image(path)[:64, :64]
        assert corner.ndim == 2

    def plate(path: Path) -> None:
        assert images_inside(path)

    def config(path: Path) -> None:
        chosen = configure(read_toml(path))
        chosen.to_toml()
        registry.create(chosen.method, chosen.preset, **chosen.options)
        data = chosen.dataset
        if data.name != "sample":  # which would be read again and again
            datasets.create(data.name, data.root or None, **data.options)

    return {
        "png": [image, labels],
        "tif": [image, labels, large],
        **{kind: [image, labels] for kind in ("jpg", "jp2", "bmp", "webp")},
        "zarr": [image, labels, large, plate],
        "toml": [config],
        "safetensors": [read_method, lambda path: load_weights(path, into)],
    }


def wrong(readers: list[Callable[[Path], None]], path: Path) -> str | None:
    """Return what is wrong when these functions read the file, or None."""
    from fcrbench.errors import FcrbenchError

    for read in readers:
        try:
            read(path)
        except FcrbenchError as error:
            if isinstance(error.__cause__, MemoryError):
                return f"takes too much memory: {_last_lines(error.__cause__)}"
            message = str(error)
            if "\n" in message or len(message) > 2000:
                return f"an error of more than one line: {message!r}"
            if path.suffix != ".toml" and str(path) not in message:
                return f"an error that does not name the file: {message!r}"
        except Exception as error:
            return _last_lines(error)
    return None


def _last_lines(error: BaseException) -> str:
    """Describe an error and where it was raised."""
    calls = [
        f"{Path(call.filename).name}:{call.lineno}" for call in traceback.extract_tb(error.__traceback__)
    ]
    return f"{type(error).__name__}: {error} ({' '.join(calls[-6:])})"


def _limit_memory() -> None:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # no Linux: all but this is tested
        return
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one file")
    parser.add_argument("--keep", type=Path, help="with --only: write it here")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        _work(given.worker, given.count, given.seed)
        return 0
    if given.only is not None:
        kind, data = Files(given.seed)(given.only)
        path = (given.keep or Path("changed")).with_suffix(f".{kind}")
        write(path, data)
        print(f"{path}: {len(data)} bytes", flush=True)
        for read in _readers()[kind]:
            try:
                read(path)
                print("read")
            except Exception:
                traceback.print_exc()
        return 0
    start = time.monotonic()
    found = run(given.count, given.seed)
    for number, what in sorted(found.items()):
        print(f"--seed {given.seed} --only {number}: {what}")
    alike = {re.sub(r"\d+", "#", what) for what in found.values()}
    seconds = time.monotonic() - start
    print(f"{given.count} files in {seconds:.0f} s: {len(found)} went wrong, in {len(alike)} ways")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
