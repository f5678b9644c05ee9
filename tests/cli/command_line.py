"""The command line as users run it: a subprocess."""

import os
import signal
import subprocess
import sys
from pathlib import Path

# The least that trains: three small drawn fields, three steps an epoch.
TINY = [
    *("--dataset", "synthetic", "--set", "dataset.options.size=64", "--set", "dataset.options.n_nuclei=6"),
    *("--set", "dataset.options.n_train=3", "--set", "dataset.options.n_val=2"),
    *("--set", "training.crop=32", "--set", "training.crops_per_image=2", "--set", "training.batch_size=2"),
]


class Cli:
    """Runs `python -m fcrbench` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}

    def __call__(self, *arguments, code=0, **options):
        command = [sys.executable, "-m", "fcrbench", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, **options
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def fails(self, *arguments, code=1, **options) -> str:
        """The one line that a refused command prints."""
        error = self(*arguments, code=code, **options).stderr
        assert "Traceback" not in error
        lines = [line for line in error.splitlines() if line.startswith("fcrbench: error: ")]
        assert len(lines) == 1, error
        assert error.endswith(lines[0] + "\n"), error
        return lines[0]

    def killed(self, patch: str, *arguments) -> None:
        """Run a command that `patch`, Python code, makes kill itself with SIGKILL at some place."""
        code = f"import os, signal, sys\n{patch}\nfrom fcrbench.cli import main\nsys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, f"{done.returncode}\n{done.stdout}\n{done.stderr}"

    def start(self, *arguments) -> subprocess.Popen:
        command = [sys.executable, "-m", "fcrbench", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def only(folder: Path) -> Path:
    """The one entry of a folder."""
    (entry,) = folder.iterdir()
    return entry


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, to see that it did not change."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
