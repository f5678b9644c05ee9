"""The command line: parsing and printing. Each command imports what it needs only when it runs."""

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
from fcrbench.errors import FcrbenchError

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
    _log_to_stderr()
    try:
        app(argv, exit_on_error=False, print_error=False, result_action="return_value")
    except FcrbenchError as error:
        return _fail(str(error), error.exit_code)
    except CycloptsError as error:
        return _fail(str(error), 2)
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


def _log_to_stderr() -> None:
    """Print the package's log, such as the progress on a large image, to stderr."""
    logger = logging.getLogger("fcrbench")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())


def _fail(message: str, code: int) -> int:
    print(f"fcrbench: error: {' '.join(message.split())}", file=sys.stderr)
    return code
