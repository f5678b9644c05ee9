"""The command line as users run it: a process of its own for each command."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

# The least that trains: three small drawn fields, three steps an epoch.
TINY = [
    *("--dataset", "synthetic", "--set", "dataset.options.size=64", "--set", "dataset.options.n_nuclei=6"),
    *("--set", "dataset.options.n_train=3", "--set", "dataset.options.n_val=2"),
    *("--set", "training.crop=32", "--set", "training.crops_per_image=2", "--set", "training.batch_size=2"),
]


STREAMS = (".stdout", ".stderr")


@cache
def _fork_server() -> multiprocessing.context.BaseContext:
    """Start the process that commands are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(path)):
        forkserver.ensure_running()
    return context


def _command(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    """One command, in a process that was forked for it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, name in zip((sys.stdout, sys.stderr), STREAMS, strict=True):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream.fileno())
        os.close(file)
    sys.argv = ["fcrbench", *arguments]
    from fcrbench.cli import main

    sys.exit(main(arguments))


class Cli:
    """Runs `fcrbench` in a folder of its own.

    fresh   start a new Python for each command, as a shell does. Otherwise a command is forked from a process
            that has imported everything already, which saves the seconds that imports take. The environment
            is that of the command, except for what Python reads when it starts, such as PYTHONPATH.
    """

    def __init__(self, folder: Path, fresh: bool = os.name != "posix") -> None:
        self.folder, self.fresh = folder, fresh
        self.environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}

    def __call__(self, *arguments, code=0, preexec_fn=None):
        given = [str(argument) for argument in arguments]
        if self.fresh or preexec_fn:
            command = [sys.executable, "-m", "fcrbench", *given]
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                preexec_fn=preexec_fn,
                capture_output=True,
                text=True,
            )
        else:
            done = self._forked(given)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def _forked(self, arguments: list[str]) -> subprocess.CompletedProcess:
        given = arguments, self.folder, dict(self.environment)
        process = _fork_server().Process(target=_command, args=given)
        process.start()
        process.join()
        texts = []
        for name in STREAMS:
            file = self.folder / name
            texts.append(file.read_text(encoding="utf-8"))
            file.unlink()
        return subprocess.CompletedProcess(arguments, process.exitcode, *texts)

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
