"""Files appear whole or not at all."""

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

from fcrbench.errors import FcrbenchError
from fcrbench.io import write_labels, write_png
from fcrbench.work.atomic import atomic_path, remove_abandoned, temporary_name, write_bytes, write_text

resource = pytest.importorskip("resource") if os.name == "posix" else None


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def test_written_and_replaced_with_parents_made(tmp_path):
    path = tmp_path / "a" / "b" / "note.txt"
    write_text(path, "één")
    write_text(path, "two")
    assert path.read_text(encoding="utf-8") == "two"
    assert listing(path.parent) == ["note.txt"]


def test_old_content_stays_and_nothing_is_left_when_the_block_fails(tmp_path):
    path = tmp_path / "data.bin"
    write_bytes(path, b"old")

    def half_written():
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_written()
    assert path.read_bytes() == b"old"
    assert listing(tmp_path) == ["data.bin"]


@pytest.mark.skipif(os.name != "posix", reason="cannot ask which processes run")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    code = (
        "import os, signal; from pathlib import Path\n"
        "from fcrbench.work.atomic import atomic_path, temporary_name\n"
        "temporary_name(Path('folder.zarr')).mkdir()\n"
        "with atomic_path('data.bin') as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == -signal.SIGKILL
    left = listing(tmp_path)
    assert len(left) == 2
    machine = left[0].split("-")[1]
    elsewhere = [name.replace(machine, "0" * 8 if machine != "0" * 8 else "1" * 8) for name in left]
    own = temporary_name(tmp_path / "data.bin").name
    others = [*elsewhere, own, ".hidden", ".data-1-2.bin", left[0].removeprefix(".")]
    for name in others:
        (tmp_path / name).touch()
    remove_abandoned(tmp_path)
    assert listing(tmp_path) == sorted(others)
    remove_abandoned(tmp_path / "missing")


def test_permissions_are_those_of_a_new_file(tmp_path):
    (tmp_path / "ordinary").write_text("")
    write_text(tmp_path / "atomic", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "atomic")]
    assert modes[0] == modes[1]


def test_long_name(tmp_path):
    path = tmp_path / ("n" * 240 + ".txt")
    write_text(path, "x")
    assert listing(tmp_path) == [path.name]


def test_target_is_a_folder(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(FcrbenchError, match=r"cannot write .*taken"):
        write_text(tmp_path / "taken", "x")
    assert listing(tmp_path) == ["taken"]


def test_parent_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FcrbenchError, match=r"cannot write .*inner\.txt"):
        write_text(tmp_path / "file" / "inner.txt", "x")


@pytest.mark.skipif(resource is None, reason="needs a limit on the size of files")
@pytest.mark.parametrize("kind", ["bytes", "labels", "png"])
def test_disk_refuses_in_the_middle(tmp_path, kind):
    """The system stops the write after 4 KiB, as a full disk would."""
    path = tmp_path / "out.tif"
    path.write_bytes(b"earlier result")
    pixels = np.random.default_rng(0).integers(0, 60000, (200, 200)).astype(np.uint16)
    write = {"bytes": write_bytes, "labels": write_labels, "png": write_png}[kind]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(FcrbenchError) as error:
            write(path, pixels.tobytes() if kind == "bytes" else pixels)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == b"earlier result"
    assert listing(tmp_path) == ["out.tif"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user the folder can refuse")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FcrbenchError, match="Permission denied"):
            write_text(tmp_path / "x.txt", "x")
    finally:
        tmp_path.chmod(0o700)
