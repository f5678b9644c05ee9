"""The command line: parsing and printing. Each command imports what it needs only when it runs."""

import io
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

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
from fcrbench.cli.common import REPORTING, Reporting, reporting_to_user
from fcrbench.errors import FcrbenchError, describe_error
from fcrbench.text import ERRORS, printable
from fcrbench.work.progress import FILE_ONLY

log = logging.getLogger("fcrbench")
TRAINING_PACKAGES = ("torch", "lightning_fabric", "safetensors")  # the extra "train"

app = App(
    name="fcrbench",
    help="""Score, train and compare methods of nucleus instance segmentation.

    Exit codes: 0 done; 1 nothing done, or failed as a whole; 2 wrong usage;
    3 some images done and others failed; 130 interrupted.""",
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
    """Run the command line and return its exit code.

    0 done, 1 nothing done or failed as a whole, 2 wrong usage, 3 some images done and others failed,
    130 interrupted.
    """
    _print_any_text()
    arguments = sys.argv[1:] if argv is None else list(argv)
    signal_before = _make_sigterm_an_interrupt()
    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
        chosen = next(
            (given for given in bound.arguments.values() if isinstance(given, Reporting)), REPORTING
        )
        with reporting_to_user(arguments, chosen):
            return _call(lambda: command(*bound.args, **bound.kwargs))
    except FcrbenchError as error:
        return _fail(describe_error(error), error.exit_code)
    except CycloptsError as error:
        return _fail(_describe_usage(error), 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    finally:
        if signal_before is not None:
            signal.signal(signal.SIGTERM, signal_before)


def _describe_usage(error: CycloptsError) -> str:
    text = " ".join(str(error).split())
    if not isinstance(error, MissingArgumentError) or error.argument is None or error.keyword is not None:
        return text
    if error.argument.tokens:  # an option without its value
        return text
    command = " ".join(["fcrbench", *(error.command_chain or ())])
    return f"{error.argument.name} is missing; see {command} --help"


def _call(command: Callable[[], object]) -> int:
    """Call a command. Print its error as one line and return its exit code."""
    try:
        command()
    except FcrbenchError as error:
        return _fail(describe_error(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_PACKAGES:
            raise
        return _fail(f'this command needs {error.name}: pip install "fcrbench[train]"', 1)
    except BrokenPipeError:  # the reader of our output, such as `head`, has closed the pipe
        sys.stdout = None  # Python would flush it at exit and fail again
    except Exception:
        log.exception("this is a bug of fcrbench", extra=FILE_ONLY)
        raise
    log.info("done", extra=FILE_ONLY)
    return 0


def _make_sigterm_an_interrupt() -> Any:
    """Clean up after SIGTERM as after Ctrl-C. Return the handler to restore, or None."""
    if threading.current_thread() is not threading.main_thread():
        return None
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return None
    return signal.signal(signal.SIGTERM, signal.default_int_handler)


def _print_any_text() -> None:
    """Let every text be printed, such as a file name that the encoding of the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def _fail(message: str, code: int) -> int:
    text = printable(message)
    if log.handlers:  # wrong usage is found before there are any
        log.error("%s", text, extra=FILE_ONLY)
    print(f"fcrbench: error: {text}", file=sys.stderr)
    return code
