"""What an import costs: nothing that the caller has not asked for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fcrbench

HEAVY = [
    "torch",
    "pandas",
    "matplotlib",
    "tifffile",
    "imagecodecs",
    "rich",
    "jinja2",
    "pooch",
    "scipy.optimize",
]


def python(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["fcrbench", "fcrbench.metrics", "fcrbench.postprocess"])
def test_import_is_light(module: str) -> None:
    code = f"import {module}, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert python(code) == "[]"


def test_scoring_is_light() -> None:
    code = (
        "import numpy as np, sys; from fcrbench import metrics, postprocess\n"
        "labels = postprocess.instances(np.zeros((2, 3, 3), np.float32)); metrics.score(labels, labels)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert python(code) == "[]"


def test_functions_of_the_package_are_light_until_they_are_called() -> None:
    code = (
        "import fcrbench, sys; fcrbench.segment, fcrbench.score_folders\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert python(code) == "[]"
    assert {"score_folders", "segment"} <= set(dir(fcrbench))
    with pytest.raises(AttributeError, match="module 'fcrbench' has no attribute 'segmentt'"):
        _ = fcrbench.segmentt  # type: ignore[attr-defined]


@pytest.fixture
def read_only_site(tmp_path: Path) -> Iterator[Path]:
    """A copy of the package beside which nothing can be written."""
    site = tmp_path / "site"
    shutil.copytree(
        Path(fcrbench.__file__).parent,
        site / "fcrbench",
        ignore=shutil.ignore_patterns("__pycache__", "data", "*.safetensors"),
    )
    for folder in [*site.rglob("*/"), site]:
        # Also as root, who may write anywhere: a file where Numba would make its folder.
        (folder / "__pycache__").touch()
        folder.chmod(0o555)
    yield site
    for folder in [site, *site.rglob("*/")]:
        folder.chmod(0o755)


def label_there(site: Path, **env: str) -> tuple[Path, str]:
    """Where a process finds the package, and how many kernels it finds compiled when it labels an image."""
    code = (
        "import fcrbench, numpy as np; from fcrbench.postprocess import label\n"
        "from fcrbench.kernels.components import connect\n"
        "assert label(np.eye(3, dtype=np.uint8))[1] == 3\n"
        "print(fcrbench.__file__, sum(connect.stats.cache_hits.values()))"
    )
    settings = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    where, hits = python(code, **settings, **env).rsplit(" ", 1)
    return Path(where), hits


def test_kernels_are_cached_for_the_user_where_the_package_is_read_only(
    read_only_site: Path, tmp_path: Path
) -> None:
    """A second process finds what the first compiled, though nothing can be written beside the package."""
    env = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    runs = [label_there(read_only_site, **env) for _ in range(2)]
    assert all(where.is_relative_to(read_only_site) for where, _ in runs)
    assert [hits for _, hits in runs] == ["0", "1"]


def test_kernels_work_where_nothing_can_be_cached(read_only_site: Path, tmp_path: Path) -> None:
    """Neither beside the package, nor where NUMBA_CACHE_DIR says, nor in the user's folder."""
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "folder")
    env = {"NUMBA_CACHE_DIR": nowhere, "XDG_CACHE_HOME": nowhere, "HOME": nowhere}
    where, hits = label_there(read_only_site, **env)
    assert where.is_relative_to(read_only_site)
    assert hits == "0"


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_kernels_work_where_the_disk_of_the_cache_is_full(tmp_path: Path) -> None:
    code = (
        "import resource, numpy as np; from fcrbench.postprocess import label\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "print(label(np.eye(3, dtype=np.uint8))[1])"
    )
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "3"
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.parametrize(("suffix", "kept"), [("nbi", 0.0), ("nbi", 0.9), ("nbc", 0.0), ("nbc", 0.5)])
def test_a_damaged_cache_is_compiled_again_and_replaced(suffix: str, kept: float, tmp_path: Path) -> None:
    """Files of the cache end up empty or cut after a power failure or on a full disk."""
    package = Path(fcrbench.__file__).parents[1]
    label_there(package, NUMBA_CACHE_DIR=str(tmp_path))
    damaged = list(tmp_path.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        os.truncate(path, int(kept * path.stat().st_size))
    assert label_there(package, NUMBA_CACHE_DIR=str(tmp_path))[1] == "0"
    assert label_there(package, NUMBA_CACHE_DIR=str(tmp_path))[1] == "1"


def test_kernels_are_compiled_where_others_are_not() -> None:
    """NUMBA_DISABLE_JIT is for the caller's own functions."""
    code = (
        "import numba, numpy as np; from fcrbench import metrics; from fcrbench.postprocess import label\n"
        "labels, n = label(np.eye(3, dtype=np.uint8)); assert metrics.score(labels, labels).pq == 1\n"
        "print(n, type(numba.njit(lambda x: x)).__name__)"
    )
    assert python(code, NUMBA_DISABLE_JIT="1") == "3 function"
