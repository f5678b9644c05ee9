"""What an import costs: nothing that the caller has not asked for."""

import os
import shutil
import subprocess
import sys
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


def test_kernels_are_cached_for_the_user_where_the_package_is_read_only(tmp_path: Path) -> None:
    """A second process finds what the first compiled, though nothing can be written beside the package."""
    site = tmp_path / "site"
    shutil.copytree(
        Path(fcrbench.__file__).parent,
        site / "fcrbench",
        ignore=shutil.ignore_patterns("__pycache__", "data"),
    )
    for folder in [*site.rglob("*/"), site]:
        # Also as root, who may write anywhere: a file where Numba would make its folder.
        (folder / "__pycache__").touch()
        folder.chmod(0o555)
    code = (
        "import fcrbench, numpy as np; from fcrbench.postprocess import label\n"
        "from fcrbench.kernels.components import connect\n"
        "label(np.eye(3, dtype=np.uint8))\n"
        "print(fcrbench.__file__, sum(connect.stats.cache_hits.values()))"
    )
    env = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1", "NUMBA_CACHE_DIR": ""}
    try:
        runs = [python(code, **env).rsplit(" ", 1) for _ in range(2)]
    finally:
        for folder in [site, *site.rglob("*/")]:
            folder.chmod(0o755)
    assert all(Path(where).is_relative_to(site) for where, _ in runs)
    assert [hits for _, hits in runs] == ["0", "1"]
