"""The command line: parsing and printing. Each command imports what it needs only when it runs."""

import io
import logging
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from fcrbench import __version__
from fcrbench.cli import (
    compare,
    data,
    datasets,
    export,
    finetune,
    methods,
    predict,
    robustness,
    run,
    score,
    table,
)
from fcrbench.errors import FcrbenchError, describe_error
from fcrbench.text import ERRORS, printable

TRAINING_PACKAGES = ("torch", "lightning_fabric", "safetensors")  # the extra "train"

app = App(
    name="fcrbench",
    help="Score, train and compare methods of nucleus instance segmentation.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.command(run.run)
app.command(finetune.finetune)
app.command(predict.predict)
app.command(score.score)
app.command(export.export)
app.command(methods.methods)
app.command(datasets.datasets)
app.command(compare.compare)
app.command(table.table)
app.command(robustness.robustness)
app.command(data.data)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Return the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    _print_any_text()
    _log_to_stderr()
    try:
        app(argv, exit_on_error=False, print_error=False, result_action="return_value")
    except FcrbenchError as error:
        return _fail(describe_error(error), error.exit_code)
    except CycloptsError as error:
        return _fail(" ".join(str(error).split()), 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_PACKAGES:
            raise
        return _fail(f'this command needs {error.name}: pip install "fcrbench[train]"', 1)
    except BrokenPipeError:  # the reader of our output, such as `head`, has closed the pipe
        sys.stdout = None  # Python would flush it at exit and fail again
        return 0
    return 0


def _print_any_text() -> None:
    """Let every text be printed, such as a file name that the encoding of the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


class _LineFormatter(logging.Formatter):
    """Shows the control characters of file names."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


def _log_to_stderr() -> None:
    """Print the package's log, such as the progress on a large image, to stderr."""
    logger = logging.getLogger("fcrbench")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_LineFormatter())
        logger.addHandler(handler)


def _fail(message: str, code: int) -> int:
    print(f"fcrbench: error: {printable(message)}", file=sys.stderr)
    return code
